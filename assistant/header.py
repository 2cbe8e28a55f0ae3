"""What every page shares: the bar on top, who is asking, and the edge where errors become messages."""

import inspect
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any, TypeVar

import gradio as gr
from sqlalchemy import Engine, select

from assistant.components import panel, render
from assistant.i18n import Locale, lang_of, language_of, tr
from governance.accounts import User
from governance.db import reading
from governance.errors import Language, NotAllowed, XinyanError
from governance.tables import users

log = logging.getLogger(__name__)
AREAS: dict[str, frozenset[str]] = {
    "/rep": frozenset({"rep"}),
    "/customer": frozenset({"rep", "coordinator"}),
    "/summary": frozenset({"rep"}),
    "/review": frozenset({"coordinator"}),
    "/knowledge": frozenset({"coordinator", "admin"}),
    "/admin": frozenset({"admin"}),
    "/release": frozenset({"admin", "coordinator"}),  # who trains may not approve alone: the second person comes here
}
PRIVATE: dict[str, Any] = {"api_visibility": "private"}  # hides from docs only; it is NOT access control
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent the event; the Gate looked the web session up for this very request."""

    user: User
    lang: Locale

    @property
    def language(self) -> Language:
        return language_of(self.lang)


def visitor(request: gr.Request) -> Visitor:
    """The signed-in user of an event; raises NotAllowed."""
    user: object = getattr(getattr(request.request, "state", None), "user", None)
    if not isinstance(user, User):
        raise NotAllowed(user="?", action={"zh": "未登录", "en": "not signed in"})
    return Visitor(user, lang_of(request))


def asked_of(request: gr.Request) -> Mapping[str, str]:
    """The page's address as it stands: Gradio sends it with every event. Trust none of it."""
    return {str(key): str(value)[:400] for key, value in dict(request.query_params).items()}


def edge(handler: _Handler) -> _Handler:
    """Errors of a handler become one message in the user's language; a traceback never reaches a screen or a log."""

    def shown(arguments: tuple[Any, ...], error: Exception) -> gr.Error:
        lang: Locale = lang_of(next((a for a in arguments if isinstance(a, gr.Request)), None))
        if isinstance(error, XinyanError):  # a toast renders HTML
            said = escape(error.say(language_of(lang)))
            return gr.Error(said, title=tr(lang, "problem"), print_exception=False)
        place = [f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)][-4:]
        log.error("handler=%s error=%s at=%s", handler.__name__, type(error).__name__, " ".join(place))
        return gr.Error(tr(lang, "internal"), title=tr(lang, "problem"), print_exception=False)

    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def stepped(*arguments: Any) -> Iterator[Any]:
            try:
                yield from handler(*arguments)
            except gr.Error:
                raise
            except Exception as error:  # an edge
                raise shown(arguments, error) from None

        return stepped  # type: ignore[return-value]

    @wraps(handler)
    def guarded(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except gr.Error:
            raise
        except Exception as error:  # an edge
            raise shown(arguments, error) from None

    return guarded  # type: ignore[return-value]


def header(area: str, page: gr.Blocks) -> None:
    """The bar: name, the areas this user may open, language, user, sign out. Filled per user when the page loads."""
    bar = panel("topbar", script="header.js")

    @edge
    def fill(request: gr.Request) -> str:
        who = visitor(request)
        admin = "admin" in who.user.roles  # reaches the releases from the bar of the admin's page
        open_to = [
            path for path, roles in AREAS.items() if who.user.roles & roles and not (admin and path == "/release")
        ]
        here = "/admin" if admin and area == "/release" else area
        return render("header.html", "bar", who.lang, here, [(path, path[1:]) for path in open_to], who.user)

    page.load(fill, None, bar, **QUIET)


TABS: dict[str, tuple[str, ...]] = {"/admin": ("documents", "data", "training"), "/release": ("report", "release")}


def tab_of(area: str, asked: Mapping[str, str]) -> str:
    """Which tab of an area the address names; the first one when it names none."""
    tabs = TABS[area]
    return asked["tab"] if asked.get("tab") in tabs else tabs[0]


def tab_bar(area: str, who: Visitor, tab: str) -> str:
    """The bar of the admin's work, from documents to release; only what this user may open."""
    open_to = [(each, TABS[each]) for each, roles in AREAS.items() if each in TABS and who.user.roles & roles]
    return render("header.html", "tabs", who.lang, area, open_to, tab)


def people(db: Engine) -> dict[str, str]:
    """User name → display name."""
    with reading(db) as tx:
        return {row.name: row.display for row in tx.execute(select(users.c.name, users.c.display))}


def home(user: User) -> str:
    """Where a user's work begins."""
    order = (("/review", "coordinator"), ("/rep", "rep"), ("/admin", "admin"))
    return next((area + "/" for area, role in order if role in user.roles), "/login")
