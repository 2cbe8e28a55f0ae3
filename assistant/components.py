"""HTML panels: Jinja renders them here with everything escaped, a few lines of JavaScript send clicks back as events."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from assistant.i18n import TEXTS, Locale, tr

HERE = Path(__file__).parent

# Gradio pastes a rendered Handlebars template into a JavaScript template literal, so a value such as ${…} would run as
# code even where {{…}} escapes it for HTML (6.31). Panels therefore use only the constant default template, "${value}".
_CLICKS = """
element.addEventListener('click', e => {
  const chip = e.target.closest('[data-cite]');
  if (chip) {
    const n = chip.dataset.cite, root = document.getElementById(chip.dataset.within) || element;
    document.querySelectorAll('.x-hit').forEach(x => x.classList.remove('x-hit'));
    root.querySelectorAll('[data-evidence="' + CSS.escape(n) + '"]').forEach(x => {
      const box = x.closest('details'); if (box) box.open = true;
      x.classList.add('x-hit'); x.scrollIntoView({block: 'nearest', behavior: 'smooth'});
    });
    chip.classList.add('x-hit');
    return;
  }
  const close = e.target.closest('[data-close]');
  if (close) { close.closest('details').open = false; return; }
  const button = e.target.closest('[data-act]');
  if (!button || button.disabled) return;
  e.preventDefault();
  const sent = {...button.dataset}, form = button.closest('[data-form]');
  if (form) for (const field of form.querySelectorAll('[name]')) {
    if (!field.reportValidity()) return;
    sent[field.name] = field.value;
  }
  if (sent.url) history.replaceState(null, '', sent.url);
  if (button.dataset.once !== undefined) button.disabled = true;
  trigger('select', sent);
});
element.addEventListener('toggle', e => {
  const box = e.target;
  if (!box.open || !box.matches('details.x-pop')) return;
  element.querySelectorAll('details.x-pop[open]').forEach(x => { if (x !== box) x.open = false; });
  const first = box.querySelector('textarea,[data-act]');
  if (first) first.focus();
}, true);
"""


def panel(elem_id: str, *, script: str = "", visible: bool = True) -> gr.HTML:
    """
    An HTML component; its value is what `render` returned. Every element with data-act sends its data attributes,
    and the named fields of its data-form, as a `select` event.
    """
    return gr.HTML(value="", elem_id=elem_id, js_on_load=_CLICKS + script, apply_default_css=False, visible=visible)


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
    environment.filters["when"] = _when
    environment.filters["t"] = _translated
    environment.filters["person"] = _person
    environment.filters["event"] = _event
    environment.filters["groups"] = _groups
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
