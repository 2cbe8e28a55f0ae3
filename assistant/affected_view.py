"""What was written from facts that have changed since: per artefact, with the path that leads to the change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from assistant.i18n import TEXTS, language_of, tr
from assistant.knowledge_view import Queue, Room, names_of, on_page
from assistant.tables import leads, scripts
from rag.dependants import Flag, flags

SETTLED = frozenset({"superseded", "rejected"})  # nobody uses such a script any more


@dataclass(frozen=True, slots=True)
class FlagView:
    reason: str
    since: date
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArtefactView:
    """`link` leads to it for who may open it, else ""; `status` and `author` are of a script."""

    name: str
    link: str
    status: str
    author: str
    written_at: datetime | None
    flags: tuple[FlagView, ...]


@dataclass(frozen=True, slots=True)
class _Script:
    customer: str
    stage: str
    status: str
    author: str
    at: datetime


def affected_queue(room: Room, page: int, today: date) -> Queue[ArtefactView, None]:
    """The artefacts to look at again, the newest change first."""
    found, known = _in_use(room, today)
    open_ = list(found)
    open_.sort(key=lambda key: (max(flag.since for flag in found[key]), key), reverse=True)
    shown, page, pages = on_page(open_, page)
    names = names_of(room, {known[key].customer for key in shown if key in known})
    rows = tuple(_artefact(room, key, found[key], known.get(key), names) for key in shown)
    return Queue(rows, len(open_), page, pages, ())


def affected(room: Room, today: date) -> int:
    """How many artefacts are to be looked at again."""
    return len(_in_use(room, today)[0])


def _in_use(room: Room, today: date) -> tuple[dict[str, list[Flag]], dict[str, _Script]]:
    """Flags by artefact without those that nobody uses any more, and the scripts among them."""
    found = _by_artefact(flags(room.tx, today=today))
    known = _scripts(room, found)
    return {key: each for key, each in found.items() if key not in known or known[key].status not in SETTLED}, known


def _by_artefact(raised: Iterable[Flag]) -> dict[str, list[Flag]]:
    found: dict[str, list[Flag]] = {}
    for flag in raised:
        found.setdefault(flag.artefact, []).append(flag)
    return found


def _scripts(room: Room, ids: Iterable[str]) -> dict[str, _Script]:
    columns = (scripts.c.id, scripts.c.status, scripts.c.created_by, scripts.c.created_at)
    query = select(*columns, leads.c.customer, leads.c.stage).join(leads, leads.c.id == scripts.c.lead)
    wanted = set(ids)
    return {
        row.id: _Script(row.customer, row.stage, row.status, row.created_by, row.created_at)
        for row in room.tx.execute(query)
        if row.id in wanted
    }


def _artefact(room: Room, key: str, raised: list[Flag], script: _Script | None, names: dict[str, str]) -> ArtefactView:
    shown = tuple(
        FlagView(_word(room, f"changed_{flag.reason}"), flag.since, _steps(room, flag))
        for flag in sorted(raised, key=lambda flag: (flag.since, flag.claim, flag.fact), reverse=True)
    )
    kind = _word(room, f"artefact_{raised[0].kind}")
    if script is None:
        return ArtefactView(kind, "", "", "", None, shown)
    stages = room.company.phrases.stages
    stage = stages[script.stage].name.say(language_of(room.lang)) if script.stage in stages else ""
    name = " · ".join(filter(None, (kind, names.get(script.customer, ""), stage)))
    link = f"/review/?script={key}" if room.reviews else ""
    return ArtefactView(name, link, script.status, script.author, script.at, shown)


def _steps(room: Room, flag: Flag) -> tuple[str, ...]:
    """From the claim to the cause; the artefact itself stands above."""
    return tuple(step.say(language_of(room.lang)) for step in flag.path[1:])


def _word(room: Room, key: str) -> str:
    return tr(room.lang, key if key in TEXTS else f"{key.partition('_')[0]}_other")
