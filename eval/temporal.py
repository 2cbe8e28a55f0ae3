"""Who held what on a day, as far as was known at a moment: a plain oracle over a list of events, and the measures."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from eval.jsonl import BadData, at, read_lines

STATED = {"head": "title", "staff": "title", "budget": "budget", "price": "price", "name": "name"}  # what answers what
EVENTS: Mapping[str, Mapping[str, type]] = {
    "person": {"person": str, "hospital": str, "name": str},
    "name": {"row": str, "hospital": str, "name": str},
    "title": {"row": str, "person": str, "hospital": str, "department": str, "title": str, "unique": bool, "from": str},
    "budget": {"row": str, "hospital": str, "year": int, "window_from": int, "window_to": int, "amount": str},
    "price": {"row": str, "product": str, "hospital": str, "amount": str, "from": str},
    "retired": {"row": str},
    "same": {"kept": str, "merged": str},
    "apart": {"kept": str, "merged": str},
    "ruled": {"row": str},
    "unruled": {"row": str},
    "written": {"artefact": str, "rows": list},
}
ASKED: Mapping[str, tuple[str, ...]] = {
    "head": ("hospital", "department", "title"),
    "staff": ("hospital", "department", "title"),
    "budget": ("hospital", "year"),
    "price": ("hospital", "product"),
    "name": ("hospital",),
    "found": ("name",),
    "changed": (),
}
LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """`at`: when it became known. `said` are the fields of its kind (docs/eval.md)."""

    at: datetime
    kind: str
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is a set: several hold at a time, or contradict each other, or nobody does."""

    kind: str
    said: Mapping[str, Any]
    as_of: date
    known_at: datetime
    answer: frozenset[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A row as it was stated once; `until` is exclusive. `place` begins with the hospital, "" for none.

    `says`: a person, a window with its amount, a price, a name. `single`: the place holds one answer at a time.
    """

    row: str
    kind: str
    place: tuple[str, ...]
    says: str
    since: date
    until: date | None
    single: bool
    at: datetime
    gone: datetime

    @property
    def content(self) -> tuple[object, ...]:
        return self.kind, self.place, self.says, self.since, self.until, self.single


@dataclass(frozen=True, slots=True)
class Joined:
    """From `at` until `until` two ids are one."""

    at: datetime
    until: datetime
    kept: str
    merged: str


class Oracle:
    """Reads the events once; every answer goes through the statements anew."""

    def __init__(self, events: Iterable[Event]) -> None:
        ordered = sorted(events, key=lambda event: event.at)
        self.written = [event for event in ordered if event.kind == "written"]
        self._joined = [
            Joined(event.at, _end(ordered, "apart", event), event.said["kept"], event.said["merged"])
            for event in ordered
            if event.kind == "same"
        ]
        self._ids = sorted({id_ for each in self._joined for id_ in (each.kept, each.merged)})
        self._aside: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        self._places: dict[tuple[object, ...], list[Statement]] = defaultdict(list)
        self._rows: dict[str, list[Statement]] = defaultdict(list)
        self._alike: dict[tuple[object, ...], list[Statement]] = defaultdict(list)
        for said in _statements(ordered):
            self._places[said.kind, said.place].append(said)
            self._rows[said.row].append(said)
            self._alike[said.content].append(said)
        self.idle = [event for event in ordered if event.kind == "ruled" and not self._rule(event, ordered)]

    def _rule(self, event: Event, ordered: Sequence[Event]) -> bool:
        """A person decided for this row: what contradicts it on any day is set aside. False when nothing does."""
        chosen = next((each for each in self._rows[event.said["row"]] if self.known(each, event.at)), None)
        rows = self.rivals(chosen, date.max, event.at) if chosen else set[str]()
        for row in rows:
            self._aside[row].append((event.at, _end(ordered, "unruled", event)))
        return bool(rows)

    def one(self, id_: str, known_at: datetime) -> str:
        """The id that stands for a hospital or person by then."""
        for _ in self._joined if id_ in self._ids else ():
            kept = (each.kept for each in self._joined if each.merged == id_ and each.at <= known_at < each.until)
            id_ = next(kept, id_)
        return id_

    def known(self, said: Statement, known_at: datetime) -> bool:
        """Stated by then, not taken back, not set aside by a person."""
        aside = any(at <= known_at < until for at, until in self._aside.get(said.row, ()))
        return said.at <= known_at < said.gone and not aside

    def beside(self, kind: str, place: tuple[str, ...], known_at: datetime) -> list[Statement]:
        """What is known of a place, under each id of its hospital."""
        here = self.one(place[0], known_at)
        ids = [id_ for id_ in self._ids if self.one(id_, known_at) == here] if here in self._ids else [here]
        found = (each for id_ in ids for each in self._places.get((kind, (id_, *place[1:])), ()))
        return [each for each in found if self.known(each, known_at)]

    def holds(self, said: Statement, day: date, known_at: datetime) -> bool:
        """It has begun, not ended, and nobody else took the place since; an end that is stated is never moved."""
        if not self.known(said, known_at) or said.since > day or (said.until is not None and said.until <= day):
            return False
        if said.until is not None or not said.single:
            return True
        return not any(said.since < other.since <= day for other in self.others(said, known_at))

    def others(self, said: Statement, known_at: datetime) -> list[Statement]:
        """What is known to be stated otherwise of the same place."""
        if not said.single:
            return []
        says = self.one(said.says, known_at)
        there = self.beside(said.kind, said.place, known_at)
        return [other for other in there if other.single and self.one(other.says, known_at) != says]

    def rivals(self, said: Statement, day: date, known_at: datetime) -> set[str]:
        """Rows that contradict it on some day until `day`: both hold when the later of the two has begun."""
        found = set[str]()
        for other in self.others(said, known_at):
            later = max(said.since, other.since)
            if later <= day and self.holds(said, later, known_at) and self.holds(other, later, known_at):
                found.add(other.row)
        return found

    def answer(self, kind: str, said: Mapping[str, Any], as_of: date, known_at: datetime) -> frozenset[str]:
        """The one right answer."""
        if kind == "changed":
            return frozenset(each.said["artefact"] for each in self.written if self.changed(each, as_of, known_at))
        if kind == "found":
            named = (each for (of, _), rows in self._places.items() if of == "name" for each in rows)
            ids = (each.place[0] for each in named if each.says == said["name"] and each.at <= known_at)
            return frozenset(self.one(id_, known_at) for id_ in ids)
        place = tuple(str(said[name]) for name in ASKED[kind])
        there = self.beside(STATED[kind], place, known_at)
        return frozenset(self.one(each.says, known_at) for each in there if self.holds(each, as_of, known_at))

    def changed(self, written: Event, today: date, known_at: datetime) -> bool:
        """Whether anything that the artefact rests on is not as it was when it was written."""
        rows: list[str] = written.said["rows"]
        return written.at <= known_at and any(self._moved(row, written.at, today, known_at) for row in rows)

    def standing(self, day: date, known_at: datetime) -> list[Statement]:
        """All that holds and that nothing contradicts."""
        every = (each for rows in self._rows.values() for each in rows if self.holds(each, day, known_at))
        return [each for each in every if not self.rivals(each, day, known_at)]

    def _moved(self, row: str, at: datetime, today: date, known_at: datetime) -> bool:
        then = next(each for each in self._rows[row] if self.known(each, at))
        now = next((each for each in self._alike[then.content] if self.known(each, known_at)), None)
        if now is None or not self.holds(now, today, known_at):
            return True
        return bool(self.rivals(now, today, known_at) - self.rivals(then, today, at))


def _statements(ordered: Sequence[Event]) -> Iterable[Statement]:
    gone: dict[str, list[datetime]] = defaultdict(list)
    for event in ordered:
        if event.kind == "retired":
            gone[event.said["row"]].append(event.at)
    for event in ordered:
        if event.kind in STATED.values():
            later = (at for at in gone[event.said["row"]] if at >= event.at)
            yield _statement(event, next(later, LAST))


def _end(ordered: Sequence[Event], kind: str, begun: Event) -> datetime:
    same = (each.at for each in ordered if each.kind == kind and each.said == begun.said and each.at > begun.at)
    return next(same, LAST)


def _statement(event: Event, gone: datetime) -> Statement:
    said, kind = event.said, event.kind
    since = date.fromisoformat(said["from"]) if "from" in said else date.min
    until = date.fromisoformat(said["to"]) if said.get("to") else None
    if kind == "title":
        place, says = (said["hospital"], said["department"], said["title"]), said["person"]
    elif kind == "budget":
        since, until = date(said["year"], 1, 1), date(said["year"] + 1, 1, 1)
        place, says = (
            (said["hospital"], str(said["year"])),
            f"{said['window_from']}-{said['window_to']} {said['amount']}",
        )
    elif kind == "price":
        place, says = (said["hospital"], said["product"]), said["amount"]
    else:
        place, says = (said["hospital"],), said["name"]
    single = kind in ("budget", "price") or (kind == "title" and said["unique"] and bool(said["department"]))
    return Statement(said["row"], kind, place, says, since, until, single, event.at, gone)


@dataclass(frozen=True, slots=True)
class Measured:
    """`hidden`: answers that hold and that the product does not give; `wrong` says which questions it missed."""

    metrics: Mapping[str, float]
    wrong: tuple[tuple[Question, frozenset[str]], ...]


def measure(questions: Sequence[Question], answers: Sequence[frozenset[str]]) -> Measured:
    """How the product's answers compare with the right ones, one by one and as sets."""
    pairs = list(zip(questions, answers, strict=True))
    plain = [(asked, got) for asked, got in pairs if asked.kind != "changed"]
    flagged = [(asked, got) for asked, got in pairs if asked.kind == "changed"]
    expected = sum(len(asked.answer) for asked, _ in flagged)
    found = sum(len(asked.answer & got) for asked, got in flagged)
    exact = sum(asked.answer == got for asked, got in plain)
    metrics: dict[str, float] = {
        "as_of_exact": round(exact / len(plain), 6) if plain else 0.0,
        "false_retirements": sum(len(asked.answer - got) for asked, got in plain),
        "dependants_flagged": round(found / expected, 6) if expected else 1.0,
        "false_flags": sum(len(got - asked.answer) for asked, got in flagged),
        "questions": len(plain),
        "flags_expected": expected,
    }
    return Measured(metrics, tuple((asked, got) for asked, got in pairs if asked.answer != got))


def read_events(folder: Path) -> list[Event]:
    """`events.jsonl`, in the order in which things became known; raises BadData."""
    name, found = "events.jsonl", list[Event]()
    for line, said in read_lines(folder / name, {"at": str, "event": str}):
        kind = said["event"]
        if kind not in EVENTS:
            raise at(name, line, f"未知的事件“{kind}”", f"unknown event '{kind}'")
        for part, needed in EVENTS[kind].items():
            if not isinstance(said.get(part), needed) or (needed is int and isinstance(said.get(part), bool)):
                raise at(name, line, f"字段 {part} 缺失或类型不对", f"the field {part} is missing or of a wrong type")
        days = {part: said[part] for part in ("from", "to") if said.get(part)}
        if any(_day(str(day)) is None for day in days.values()):
            raise at(name, line, "日期应为 YYYY-MM-DD", "a date is written YYYY-MM-DD")
        told = {part: value for part, value in said.items() if part not in ("at", "event")}
        found.append(Event(_moment(name, line, said["at"]), kind, told))
    _check_rows(name, found)
    return found


def read_questions(folder: Path) -> list[Question]:
    """`questions.jsonl`; raises BadData."""
    name, found = "questions.jsonl", list[Question]()
    fields = {"kind": str, "as_of": str, "known_at": str, "answer": list}
    for line, said in read_lines(folder / name, fields):
        if said["kind"] not in ASKED or any(part not in said for part in ASKED[said["kind"]]):
            raise at(name, line, "未知的问题种类，或缺少字段", "an unknown kind of question, or a field is missing")
        day = _day(said["as_of"])
        if day is None:
            raise at(name, line, "as_of 应为 YYYY-MM-DD", "as_of is written YYYY-MM-DD")
        known_at = _moment(name, line, said["known_at"])
        found.append(Question(said["kind"], said, day, known_at, frozenset(map(str, said["answer"]))))
    if not found:
        raise BadData(f"{name} 没有任何问题", f"{name} asks nothing")
    return found


def _check_rows(name: str, events: Sequence[Event]) -> None:
    """What is retired or ruled out was stated, and what an artefact rests on too."""
    stated = set[str]()
    for event in sorted(events, key=lambda each: each.at):
        rows = event.said["rows"] if event.kind == "written" else [event.said["row"]] if "row" in event.said else []
        if event.kind in STATED.values():
            stated.update(rows)
        elif missing := [row for row in rows if row not in stated]:
            raise BadData(f"{name}：{missing[0]} 还没有陈述过", f"{name}: {missing[0]} was not stated before")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(name: str, line: int, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise at(name, line, "时刻应为 ISO 8601", "a moment is written in ISO 8601") from wrong
    if moment.tzinfo is None:
        raise at(name, line, "时刻应带时区", "a moment needs a time zone")
    return moment
