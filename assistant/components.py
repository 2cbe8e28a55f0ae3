"""HTML panels: Jinja renders them with everything escaped; panel.js sends clicks back as events."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from assistant.comply_hours import say_moment
from assistant.i18n import TEXTS, Locale, tr

HERE = Path(__file__).parent

# Gradio pastes a rendered Handlebars template into a JavaScript template literal, so a value such as ${…} would run as
# code even where {{…}} escapes it for HTML (6.31). Panels therefore use only the constant default template, "${value}".
_CLICKS = (HERE / "panel.js").read_text(encoding="utf-8")

# After an event, also one that failed: buttons that were switched off when they were pressed.
RELEASE = """() => document.querySelectorAll('[data-pressed]').forEach(b => {
  b.disabled = false; delete b.dataset.pressed;
})"""


def release_after(event: Any) -> None:
    """Switch pressed buttons on again when an event has ended: Gradio (6.31) runs `then` only where it succeeded."""
    event.then(None, js=RELEASE)
    event.failure(None, js=RELEASE)


def panel(elem_id: str, *, script: str = "") -> gr.HTML:
    """
    An HTML component; its value is what `render` returned. Every element with data-act sends its data attributes,
    and the named fields of its data-form, as a `select` event. `script` names one more file of JavaScript.
    """
    more = (HERE / script).read_text(encoding="utf-8") if script else ""
    return gr.HTML(value="", elem_id=elem_id, js_on_load=_CLICKS + more, apply_default_css=False)


def sent(event: gr.EventData) -> dict[str, str]:
    """What the browser sent with a click: text fields only, at most 4000 characters each. Trust none of it."""
    data: Any = event._data  # pyright: ignore[reportPrivateUsage]
    found: dict[str, str] = {}
    if isinstance(data, dict):
        found = {str(k): v[:4000] for k, v in data.items() if isinstance(v, str)}
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Any] = {
        "when": _when,
        "moment": _moment,
        "t": _translated,
        "person": _person,
        "event": _event,
        "groups": _groups,
    }
    environment.filters.update(filters)
    return environment


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@pass_context
def _translated(context: Context, key: str, **values: object) -> str:
    return tr(context["lang"], key, **values)


def _when(moment: datetime | date | str | None) -> str:
    """Server-local minutes; a date stays a date."""
    if moment is None or isinstance(moment, str):
        return moment or ""
    if isinstance(moment, datetime):
        return moment.astimezone().strftime("%Y-%m-%d %H:%M")
    return moment.isoformat()


@pass_context
def _moment(context: Context, moment: datetime) -> str:
    """A day with its weekday and the time, on the clock that it was given in."""
    return say_moment(moment, "zh" if context["lang"] == "zh-CN" else "en")


@pass_context
def _person(context: Context, name: str) -> str:
    """A user's display name where the page knows it."""
    return context["people"].get(name, name)


@pass_context
def _event(context: Context, event: str) -> str:
    """What the ledger calls an event, in words."""
    return tr(context["lang"], f"event_{event}") if f"event_{event}" in TEXTS else event


def _groups(lines: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """Lines under their labels, in the order of the first of each."""
    found: dict[str, list[Any]] = {}
    for line in lines:
        found.setdefault(line.label, []).append(line)
    return list(found.items())


def render(name: str, part: str, lang: Locale, *arguments: object, people: Mapping[str, str] | None = None) -> str:
    """The macro `part` of the template `name` in `lang`, with everything in `arguments` escaped."""
    module: Any = _template(name).make_module({"lang": lang, "people": people or {}})
    macro: Callable[..., object] = getattr(module, part)
    return str(macro(*arguments))
