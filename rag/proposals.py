"""What an extractor believes to have read: waits for a person, and is a fact only once one accepts it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from governance import ledger
from governance.errors import Conflict, Invalid, NotFound
from governance.vault import TOKEN, forgotten
from rag.facts import facts_about, in_parts, make_fact, retire, state_facts
from rag.relations import RELATIONS, object_of
from rag.tables import proposals as table
from rag.tables import sources

State = Literal["waiting", "accepted", "refused"]
_BESIDES = ("currency", "unit", "subject")  # words that make no other fact
ONE_HOLDER = "one_holder"  # an attribute of a proposed title: one person holds it at a time


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fact that nobody vouches for yet. `source` is the passage that says so, `fact` what became of it."""

    subject: str
    relation: str
    value: str
    attributes: Mapping[str, str]
    valid_from: date | None
    valid_to: date | None
    source: str
    extractor: str
    id: str = ""
    proposed_at: datetime | None = None
    state: State = "waiting"
    by: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None
    fact: str | None = None

    @property
    def object(self) -> str:
        """The entity that it points to; "" for a property."""
        return object_of(self.relation, self.value, self.attributes)


@dataclass(frozen=True, slots=True)
class Proposed:
    """`new` wait for a person; `live` are the facts of those that were accepted before and are stated again."""

    new: int
    live: frozenset[str]


def make_proposal(
    subject: str,
    relation: str,
    value: str,
    attributes: Mapping[str, str] | None = None,
    *,
    source: str,
    extractor: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Proposal:
    """Raises Invalid for an unknown relation, an empty value, one that holds personal data, an end before the start."""
    kept = {name: text for name, text in sorted((attributes or {}).items()) if text}
    if relation not in RELATIONS:
        raise Invalid(reason={"zh": f"未知的关系“{relation}”", "en": f"there is no relation '{relation}'"})
    texts = [value, *(text for name, text in kept.items() if name != "owner")]
    if not value.strip() or any(TOKEN.search(text) for text in texts):
        raise Invalid(
            reason={
                "zh": f"“{relation}”的值为空或含个人信息",
                "en": f"the value of '{relation}' is empty or holds personal data",
            }
        )
    if valid_from and valid_to and valid_to <= valid_from:
        raise Invalid(reason={"zh": "结束日期不晚于开始日期", "en": "it ends before it begins"})
    return Proposal(subject, relation, value.strip(), kept, valid_from, valid_to, source, extractor)


def propose(tx: Connection, new: Iterable[Proposal], now: datetime) -> Proposed:
    """
    Put them before a person. The same claim of the same document is one proposal, in whatever version of it.

    What was refused is not asked again; what was accepted is stated again with the source that it has now. Dropped are
    claims about forgotten people and what a fact states already. Raises NotFound for an unknown source.
    """
    gone = forgotten(tx)
    asked = [each for each in new if not _names(each, gone)]
    titles = _titles(tx, {each.source for each in asked})
    wanted: dict[str, Proposal] = {}
    for each in asked:
        if each.source not in titles:
            raise NotFound(kind={"zh": "出处", "en": "source"}, name=each.source)
        wanted.setdefault(_id(each, titles[each.source]), each)
    known = {row.id: row for part in in_parts(list(wanted)) for row in tx.execute(_with_ids(part))}
    fresh = {key: each for key, each in wanted.items() if key not in known}
    rows = [_row(key, each, now) for key, each in fresh.items() if not _stated(tx, each)]
    if rows:
        tx.execute(insert(table), rows)
    live: set[str] = set()
    for key, row in known.items():
        if row.state == "accepted":
            live.add(_state(tx, replace(_proposal(row), source=wanted[key].source), now))
        if row.source != wanted[key].source:
            tx.execute(update(table).where(table.c.id == key).values(source=wanted[key].source))
    return Proposed(len(rows), frozenset(live))


def proposals_in(tx: Connection, *states: State, subject: str | None = None) -> list[Proposal]:
    """Those in one of the states, the oldest first; none about forgotten people."""
    query = select(table).where(table.c.state.in_(states)).order_by(table.c.proposed_at, table.c.id)
    found = map(_proposal, tx.execute(query if subject is None else query.where(table.c.subject == subject)))
    gone = forgotten(tx)
    return [each for each in found if not _names(each, gone)]


def accept(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> str:
    """It is a fact from now on, with the passage as its source; its id. Raises NotFound, Conflict when decided."""
    asked = _waiting(tx, id_)
    fact = _state(tx, asked, now)
    _decide(tx, asked, "accepted", by=by, reason=reason, now=now, fact=fact)
    return fact


def refuse(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """It is not so, and is not asked again. Raises NotFound, Conflict when decided."""
    _decide(tx, _waiting(tx, id_), "refused", by=by, reason=reason, now=now, fact=None)


def undo(tx: Connection, id_: str, *, by: str, now: datetime) -> None:
    """
    Take a decision back: the fact of an accepted one is retired, and it waits again.

    When the fact was retired already, with its document, nothing is left to wait for: it counts as refused. Raises
    NotFound, Conflict when nothing is decided.
    """
    asked = _of(tx, id_)
    if asked.state == "waiting":
        raise Conflict(reason={"zh": "该提议尚未处理", "en": "nothing is decided about it"})
    retired = asked.fact is None or retire(tx, [asked.fact], now) == 1
    values = {"state": "waiting" if retired else "refused", "by": None, "reason": None, "decided_at": None}
    same = (table.c.id == id_) & (table.c.state == asked.state)
    if not tx.execute(update(table).where(same).values(**values, fact=None)).rowcount:
        raise _decided()
    ledger.append(tx, actor=by, event="proposal_undone", subject=id_, detail={"fact": asked.fact}, now=now)


def drop_waiting(tx: Connection, title: str, kept: Iterable[str] = ()) -> int:
    """Nothing waits any more that this file, in the versions before, claimed; `kept`: the sources of its new one."""
    theirs = select(sources.c.id).where(sources.c.title == title)
    mine = (table.c.state == "waiting") & table.c.source.in_(theirs)
    stays = set(kept)
    gone = [row.id for row in tx.execute(select(table.c.id, table.c.source).where(mine)) if row.source not in stays]
    for part in in_parts(gone):
        tx.execute(delete(table).where(table.c.id.in_(part)))
    return len(gone)


def withdraw(tx: Connection, ids: Iterable[str]) -> int:
    """Whoever proposed them takes them back while they wait. Raises NotFound, Conflict for decided ones."""
    wanted = sorted(set(ids))
    for id_ in wanted:
        _waiting(tx, id_)
    return sum(tx.execute(delete(table).where(table.c.id.in_(part))).rowcount for part in in_parts(wanted))


def _stated(tx: Connection, asked: Proposal) -> bool:
    """Whether a fact says the same, or more, of the same day."""
    held = facts_about(tx, asked.subject, as_of=asked.valid_from, relation=asked.relation)
    news = {name: text for name, text in asked.attributes.items() if name not in (ONE_HOLDER, *_BESIDES)}
    for fact in held:
        known = fact.attributes
        if asked.relation == "contacted":
            same = fact.valid_from == asked.valid_from and known.get("channel") == asked.attributes.get("channel")
        elif asked.relation == "promise":
            same = all(known.get(name) == asked.attributes.get(name) for name in ("text", "due"))
        else:
            same = fact.value == asked.value and all(known.get(name) == text for name, text in news.items())
        if same:
            return True
    return False


def _state(tx: Connection, asked: Proposal, now: datetime) -> str:
    """The id under which it is a fact."""
    attributes = {name: text for name, text in asked.attributes.items() if name != ONE_HOLDER}
    fact = make_fact(
        asked.subject,
        asked.relation,
        asked.value,
        attributes,
        source=asked.source,
        known_from=now,
        valid_from=asked.valid_from,
        valid_to=asked.valid_to,
        unique=ONE_HOLDER in asked.attributes,
    )
    return state_facts(tx, [fact])[1].pop()


def _decide(
    tx: Connection, asked: Proposal, state: State, *, by: str, reason: str, now: datetime, fact: str | None
) -> None:
    values = {"state": state, "by": by, "reason": reason.strip(), "decided_at": now, "fact": fact}
    mine = (table.c.id == asked.id) & (table.c.state == "waiting")
    if not tx.execute(update(table).where(mine).values(**values)).rowcount:
        raise _decided()
    detail = {"relation": asked.relation, "extractor": asked.extractor, "fact": fact}
    ledger.append(tx, actor=by, event=f"proposal_{state}", subject=asked.id, detail=detail, now=now)


def _decided() -> Conflict:
    return Conflict(reason={"zh": "该提议已由他人处理，请刷新页面", "en": "someone else decided this; reload"})


def _waiting(tx: Connection, id_: str) -> Proposal:
    found = _of(tx, id_)
    if found.state != "waiting":
        raise _decided()
    return found


def _of(tx: Connection, id_: str) -> Proposal:
    row = tx.execute(_with_ids([id_])).one_or_none()
    if row is None or _names(found := _proposal(row), forgotten(tx)):
        raise NotFound(kind={"zh": "提议", "en": "proposal"}, name=id_[:80])
    return found


def _with_ids(ids: Iterable[str]) -> Select[Any]:
    return select(table).where(table.c.id.in_(list(ids)))


def _names(asked: Proposal, people: frozenset[str]) -> bool:
    """Whether it is about one of these people, or mentions one."""
    said = {match[1] for text in asked.attributes.values() for match in TOKEN.finditer(text)}
    return bool(people & {asked.subject, asked.object, *asked.attributes.values(), *said})


def _titles(tx: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Source → the name of its document."""
    columns = select(sources.c.id, sources.c.title)
    queries = (columns.where(sources.c.id.in_(part)) for part in in_parts(sorted(ids)))
    return {key: title for query in queries for key, title in tx.execute(query)}


def _id(asked: Proposal, title: str) -> str:
    days = [str(asked.valid_from), str(asked.valid_to)]
    content = [asked.subject, asked.relation, asked.value, dict(asked.attributes), *days, title]
    return "q_" + hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:24]


def _row(key: str, asked: Proposal, now: datetime) -> dict[str, object]:
    return {
        "id": key,
        "subject": asked.subject,
        "relation": asked.relation,
        "value": asked.value,
        "attributes": dict(asked.attributes),
        "valid_from": asked.valid_from,
        "valid_to": asked.valid_to,
        "source": asked.source,
        "extractor": asked.extractor,
        "proposed_at": now,
        "state": "waiting",
    }


def _proposal(row: Row[tuple[object, ...]]) -> Proposal:
    return Proposal(
        row.subject,
        row.relation,
        row.value,
        row.attributes,
        row.valid_from,
        row.valid_to,
        row.source,
        row.extractor,
        row.id,
        row.proposed_at,
        row.state,
        row.by,
        row.reason,
        row.decided_at,
        row.fact,
    )
