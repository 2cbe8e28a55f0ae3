"""Two ids of one customer or person: suggested by rules, merged by people only, and taken apart again."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Literal

from sqlalchemy import Connection, Row, exists, insert, select, update

from governance import ledger
from governance.errors import Conflict, NotFound
from governance.tables import people as living
from governance.vault import bearers_of_one
from rag.entity_names import plain
from rag.facts import Fact, facts_of
from rag.merged import merged_into
from rag.tables import merges

State = Literal["waiting", "merged", "refused", "undone"]
CONTACT_FIELDS = ("phone", "email", "wechat")  # of one person; a name never is


@dataclass(frozen=True, slots=True)
class Merge:
    """`merged` may be another id of `kept`; `zh` and `en` say why."""

    id: str
    kept: str
    merged: str
    zh: str
    en: str
    suggested_at: datetime
    state: State
    by: str | None
    reason: str | None
    decided_at: datetime | None


def canonical(tx: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Each id → the id under which its entity is known."""
    into = merged_into(tx)
    return {id_: into.get(id_, id_) for id_ in ids}


def suggest_merges(tx: Connection, now: datetime) -> int:
    """
    Note pairs that a person should look at; returns how many are new. What was decided once is not asked again.

    Customers: the same registration and campus, or the same name without two different registrations. People: the same
    phone, mail or WeChat at the same customer, by keyed hash; the same name alone is never a reason.
    """
    own = merged_into(tx)
    found = [*_same_customers(facts_of(tx, "name")), *_same_people(tx, facts_of(tx, "works_at"))]
    known = set(tx.scalars(select(merges.c.id)))
    rows: dict[str, dict[str, object]] = {}
    for one, other, zh, en in found:
        kept, merged = sorted((one, other))
        if own.get(kept, kept) == own.get(merged, merged) or (id_ := _id(kept, merged)) in known:
            continue
        rows[id_] = {"id": id_, "kept": kept, "merged": merged, "zh": zh, "en": en, "suggested_at": now}
    if rows:
        tx.execute(insert(merges), [{**row, "state": "waiting"} for row in rows.values()])
    return len(rows)


def merges_in(tx: Connection, *states: State) -> list[Merge]:
    """Those in one of the states, the oldest first; nobody who withdrew is among them."""
    gone = living.c.forgotten_at.is_not(None) & living.c.person.in_((merges.c.kept, merges.c.merged))
    query = select(merges).where(merges.c.state.in_(states), ~exists().where(gone))
    return [_merge(row) for row in tx.execute(query.order_by(merges.c.suggested_at, merges.c.id))]


def merge(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """From now on the two are one in every query. Raises NotFound, Conflict when it was decided or makes a circle."""
    asked = _of(tx, id_)
    own = canonical(tx, [asked.kept, asked.merged])
    if own[asked.kept] == own[asked.merged]:
        raise Conflict(reason={"zh": "两者已是同一对象", "en": "the two are one already"})
    if own[asked.merged] != asked.merged:
        raise Conflict(
            reason={"zh": "其中一方已并入别的对象，请先撤销", "en": "one is merged already; undo that first"}
        )
    _decide(tx, asked, "merged", ("waiting",), by=by, reason=reason, now=now)


def refuse(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """They are two; raises NotFound, Conflict."""
    _decide(tx, _of(tx, id_), "refused", ("waiting",), by=by, reason=reason, now=now)


def undo(tx: Connection, id_: str, *, by: str, reason: str, now: datetime) -> None:
    """Take a merge or a refusal back: a refused pair waits again. Raises NotFound, Conflict."""
    asked = _of(tx, id_)
    state: State = "waiting" if asked.state == "refused" else "undone"
    _decide(tx, asked, state, ("merged", "refused"), by=by, reason=reason, now=now)


def _same_customers(names: Sequence[Fact]) -> Iterator[tuple[str, str, str, str]]:
    named = [fact for fact in names if fact.subject.startswith("customer:")]
    by_number: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    by_name: dict[str, list[Fact]] = defaultdict(list)
    for fact in named:
        if number := plain(fact.attributes.get("registration", "")):
            by_number[number, plain(fact.attributes.get("campus", ""))].append(fact)
        by_name[plain(fact.value)].append(fact)
    for group in by_number.values():
        for one, other in combinations(group, 2):
            yield one.subject, other.subject, "登记号与院区相同", "same registration and campus"
    for group in by_name.values():
        for one, other in combinations(group, 2):
            if not _differ(one, other, "registration") and not _differ(one, other, "campus"):
                yield one.subject, other.subject, "名称相同，登记号不冲突", "same name, registrations do not differ"


def _same_people(tx: Connection, places: Sequence[Fact]) -> Iterator[tuple[str, str, str, str]]:
    works_at: dict[str, set[str]] = defaultdict(set)
    for fact in places:
        works_at[fact.subject].add(fact.value)
    for bearing in bearers_of_one(tx, CONTACT_FIELDS):
        for one, other in combinations(sorted(bearing), 2):
            if works_at[one] & works_at[other]:
                yield one, other, "同一客户处联系方式相同", "same contact details at one customer"


def _differ(one: Fact, other: Fact, field: str) -> bool:
    mine, theirs = plain(one.attributes.get(field, "")), plain(other.attributes.get(field, ""))
    return bool(mine and theirs and mine != theirs)


def _id(kept: str, merged: str) -> str:
    return "m_" + hashlib.sha256(f"{kept}\n{merged}".encode()).hexdigest()[:24]


def _of(tx: Connection, id_: str) -> Merge:
    row = tx.execute(select(merges).where(merges.c.id == id_)).one_or_none()
    if row is None:
        raise NotFound(kind={"zh": "合并建议", "en": "suggested merge"}, name=id_)
    return _merge(row)


def _decide(
    tx: Connection, asked: Merge, state: State, expected: Sequence[State], *, by: str, reason: str, now: datetime
) -> None:
    values: dict[str, object] = {"state": state, "by": by, "reason": reason, "decided_at": now}
    if state == "undone":
        values = {"state": state, "undone_at": now}
    if state == "waiting":
        values = {"state": state, "by": None, "reason": None, "decided_at": None}
    changed = tx.execute(update(merges).where(merges.c.id == asked.id, merges.c.state.in_(expected)).values(**values))
    if not changed.rowcount:
        raise Conflict(reason={"zh": "该建议已由他人处理，请刷新页面", "en": "someone else decided this; reload"})
    detail = {"kept": asked.kept, "merged": asked.merged, "reason": reason}
    ledger.append(tx, actor=by, event=f"merge_{state}", subject=asked.id, detail=detail, now=now)


def _merge(row: Row[tuple[object, ...]]) -> Merge:
    return Merge(
        row.id, row.kept, row.merged, row.zh, row.en, row.suggested_at, row.state, row.by, row.reason, row.decided_at
    )
