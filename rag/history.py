"""How facts stood at any moment, from one load of their places: for questions about thousands of facts and moments."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from governance.vault import forgotten
from rag.facts import Fact
from rag.merged import as_one, merged_into, same_places, stands_for, withdrawn_with
from rag.relations import clashes, disagree, timeline
from rag.tables import facts, merges, overruled, retirements, rulings

LAST = datetime.max.replace(tzinfo=UTC)
ROWS = 8000  # parameters a query; SQLite allows 32,766
FIELDS = ("id", "subject", "relation", "value", "attributes", "valid_from", "valid_to", "known_from", "source")


@dataclass(frozen=True, slots=True)
class Standing:
    """`end` is exclusive; `closed_by` is who gave it where the source states none; no rule decides against `rivals`."""

    end: date | None
    closed_by: Fact | None = None
    rivals: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruled:
    """From `at` until `until` a ruling sets the fact aside."""

    ruling: str
    at: datetime
    until: datetime


class History:
    """Load with `load_history`. Facts here keep the ends of their sources; `standing` gives those of a moment."""

    def __init__(
        self,
        known: Iterable[Fact],
        rules: Mapping[str, Sequence[Ruled]],
        joined: Sequence[Row[Any, Any, Any, Any]],
        withdrawn: frozenset[str],
    ) -> None:
        self.facts = {fact.id: fact for fact in known}
        self.withdrawn = withdrawn
        self._rules = rules
        self._joined = joined
        self._merged_at = sorted({at for row in joined for at in (row.decided_at, row.undone_at) if at})
        self._into: dict[int, dict[str, str]] = {}
        ever = stands_for({row.merged: row.kept for row in joined})
        self._place = {fact.id: as_one(fact, ever).slot for fact in self.facts.values() if fact.slot}
        self.places: dict[str, list[Fact]] = {}
        for id_, place in self._place.items():
            self.places.setdefault(place, []).append(self.facts[id_])
        self._events: dict[str, list[datetime]] = {}
        self._standings: dict[tuple[str, int], dict[str, Standing]] = {}

    def ruled(self, fact: str, moment: datetime) -> Ruled | None:
        """The ruling that sets it aside then."""
        return next((each for each in self._rules.get(fact, ()) if each.at <= moment < each.until), None)

    def known(self, fact: Fact, moment: datetime) -> bool:
        """Whether it counts at the moment: stated, neither retired nor set aside."""
        gone = fact.known_to is not None and fact.known_to <= moment
        return fact.known_from <= moment and not gone and self.ruled(fact.id, moment) is None

    def beside(self, fact: Fact) -> list[Fact]:
        """All that was ever stated of its place."""
        return self.places.get(self._place.get(fact.id, ""), [])

    def standing(self, fact: Fact, moment: datetime) -> Standing:
        """How it stood then; a fact that was not known then stands as its source says."""
        place = self._place.get(fact.id, "")
        if len(self.places.get(place, ())) < 2:
            return Standing(fact.valid_to)
        epoch = bisect_right(self._events_of(place), moment)
        held = self._standings.get((place, epoch))
        if held is None:
            held = self._standings[place, epoch] = self._stand(place, moment)
        return held.get(fact.id) or Standing(fact.valid_to)

    def _events_of(self, place: str) -> list[datetime]:
        if place not in self._events:
            known = self.places[place]
            moments = {at for fact in known for at in (fact.known_from, fact.known_to) if at}
            moments |= {
                at for fact in known for ruled in self._rules.get(fact.id, ()) for at in (ruled.at, ruled.until)
            }
            self._events[place] = sorted(moments.union(self._merged_at))
        return self._events[place]

    def _stand(self, place: str, moment: datetime) -> dict[str, Standing]:
        into = self._merges(moment)
        here: dict[str, list[Fact]] = {}
        for fact in self.places[place]:
            if self.known(fact, moment):
                one = as_one(fact, into)
                here.setdefault(one.slot, []).append(one)
        return {
            fact.id: self._one(fact, held) for group in here.values() for held in [timeline(group)] for fact in held
        }

    def _one(self, fact: Fact, held: Sequence[Fact]) -> Standing:
        closer = None
        if self.facts[fact.id].valid_to is None and fact.valid_to is not None:
            next_ones = (each for each in held if each.valid_from == fact.valid_to and disagree(fact, each))
            closer = min(next_ones, key=lambda each: each.id, default=None)
        seen = (each for each in held if each.id != fact.id and each.subject not in self.withdrawn)
        rivals = tuple(each for each in seen if disagree(fact, each) and len(clashes([fact, each])) > 1)
        return Standing(fact.valid_to, closer, rivals)

    def _merges(self, moment: datetime) -> dict[str, str]:
        epoch = bisect_right(self._merged_at, moment)
        if epoch not in self._into:
            then = (row for row in self._joined if row.decided_at <= moment < (row.undone_at or LAST))
            self._into[epoch] = stands_for({row.merged: row.kept for row in then})
        return self._into[epoch]


def load_history(tx: Connection, ids: Collection[str]) -> History:
    """Of these facts and of all that was ever stated of their places."""
    columns = (merges.c.merged, merges.c.kept, merges.c.decided_at, merges.c.undone_at)
    joined = tx.execute(select(*columns).where(merges.c.state.in_(("merged", "undone")))).all()
    found = _load(tx, facts.c.id, ids)
    ever = stands_for({row.merged: row.kept for row in joined})
    keys = {fact.slot for fact in found if fact.slot}
    if ever:
        keys |= {key for fact in found if fact.slot for key in same_places(fact, ever)}
    known = {fact.id: fact for fact in [*_load(tx, facts.c.slot, keys), *found]}
    into = merged_into(tx)
    return History(known.values(), _rules(tx), joined, forgotten(tx) | withdrawn_with(tx, into))


def in_rows(items: Iterable[str]) -> Iterable[Sequence[str]]:
    """Sorted slices for one IN clause each."""
    ordered = sorted(items)
    return (ordered[start : start + ROWS] for start in range(0, len(ordered), ROWS))


def _load(tx: Connection, column: ColumnElement[str], keys: Iterable[str]) -> list[Fact]:
    chosen = [*(facts.c[name] for name in FIELDS), facts.c.object, facts.c.slot, retirements.c.at]
    query = select(*chosen).outerjoin(retirements, retirements.c.fact == facts.c.id)
    return [Fact(*row) for part in in_rows(keys) for row in tx.execute(query.where(column.in_(part)))]


def _rules(tx: Connection) -> dict[str, list[Ruled]]:
    query = select(overruled.c.fact, rulings.c.id, rulings.c.at, rulings.c.undone_at)
    found: dict[str, list[Ruled]] = {}
    for row in tx.execute(query.join(rulings, rulings.c.id == overruled.c.ruling)):
        found.setdefault(row.fact, []).append(Ruled(row.id, row.at, row.undone_at or LAST))
    return found
