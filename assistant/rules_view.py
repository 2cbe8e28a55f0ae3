"""Which live scripts the rules in force would now stop or flag: by which rule, on which words, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from assistant.comply_recheck import Rechecked, since
from assistant.i18n import language_of
from assistant.knowledge_view import Queue, Room, names_of, on_page
from assistant.tables import leads, scripts
from assistant.view import FindingView, findings_view


@dataclass(frozen=True, slots=True)
class StoppedView:
    """
    `findings` are those that the script did not have when it was written, the stopping ones first. `since` None: seen
    just now. `can_withdraw`: it waits or is in use, and this viewer may make it a draft again.
    """

    script: str
    name: str
    link: str
    status: str
    author: str
    written_at: datetime
    stopped: bool
    since: datetime | None
    findings: tuple[FindingView, ...]
    can_withdraw: bool


@dataclass(frozen=True, slots=True)
class _Written:
    customer: str
    stage: str
    author: str
    at: datetime


def stopped_queue(room: Room, page: int, today: date) -> Queue[StoppedView, None]:
    """Stopped ones first, of those what is in use before what waits, and the newest change before the others."""
    found = _found(room, today)
    noted = since(room.tx, [each.script for each in found])
    newest = sorted(found, key=lambda each: noted[each.script].timestamp() if each.script in noted else 9e15)[::-1]
    rank = {"approved": 0, "waiting": 1}
    ordered = sorted(newest, key=lambda each: (not each.is_stopped, rank.get(each.status, 2)))
    shown, page, pages = on_page(ordered, page)
    written = _written(room, [each.script for each in shown])
    names = names_of(room, {each.customer for each in written.values()})
    rows = tuple(_row(room, each, written[each.script], names, noted.get(each.script)) for each in shown)
    return Queue(rows, len(ordered), page, pages, ())


def stopped(room: Room, today: date) -> int:
    """How many live scripts are stopped or flagged."""
    return len(_found(room, today))


def _found(room: Room, today: date) -> list[Rechecked]:
    return [each for each in room.rechecks.of(room.tx, room.vault, room.company, today) if each.new]


def _written(room: Room, ids: Iterable[str]) -> dict[str, _Written]:
    columns = (scripts.c.id, scripts.c.created_by, scripts.c.created_at, leads.c.customer, leads.c.stage)
    query = select(*columns).join(leads, leads.c.id == scripts.c.lead).where(scripts.c.id.in_(list(ids)))
    return {row.id: _Written(row.customer, row.stage, row.created_by, row.created_at) for row in room.tx.execute(query)}


def _row(
    room: Room, change: Rechecked, written: _Written, names: dict[str, str], noted: datetime | None
) -> StoppedView:
    language, stages = language_of(room.lang), room.company.phrases.stages
    stage = stages[written.stage].name.say(language) if written.stage in stages else written.stage
    held = (*change.stops, *(each for each in change.new if each not in change.stops))
    return StoppedView(
        script=change.script,
        name=" · ".join((names.get(written.customer, written.customer), stage)),
        link=f"/review/?script={change.script}" if room.reviews else "",
        status=change.status,
        author=written.author,
        written_at=written.at,
        stopped=change.is_stopped,
        since=noted,
        findings=findings_view(room.company, held, language, iter(each.quoted for each in held)),
        can_withdraw=room.reviews and change.status in ("waiting", "approved"),
    )
