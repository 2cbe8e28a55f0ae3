"""A seeded stream of what a distributor learns about its hospitals in five years, mostly late and sometimes wrong."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from eval.temporal import STATED, Event, Oracle, Question

FIRST, LAST_DAY = date(2021, 1, 1), date(2025, 12, 31)
DEPARTMENTS = (("设备科", "科长"), ("超声科", "主任"), ("重症医学科", "主任"), ("手术室", "护士长"))
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴", ("伟", "芳", "娜", "敏", "静", "磊", "洋", "勇")
LATE = ((0.55, 0, 7), (0.80, 20, 100), (0.95, 120, 430), (1.0, -60, -1))  # share, days: on time, late, very late, ahead
CORRECTED, DISPUTED, RETURNS, VACANT, RENAMED, DOUBLE = 0.08, 0.02, 0.12, 0.1, 0.12, 0.05
PRODUCTS, RESTS_ON, FOUND = 12, 8, 60
QUARTER = timedelta(days=90)
END = datetime(2040, 1, 1, tzinfo=UTC)  # everything is known by then


class Stream:
    """Collects events; `begin` writes them all."""

    def __init__(self, seed: int, hospitals: int) -> None:
        self.draw = random.Random(seed)
        self.hospitals = hospitals
        self.events: list[Event] = []
        self._rows = 0
        self._people = 0
        self._moments = set[datetime]()
        self.twins: dict[str, str] = {}  # a hospital → the second id under which part of it came in

    def begin(self) -> list[Event]:
        """Everything that became known, in that order."""
        for number in range(self.hospitals):
            self._hospital(f"H{number:03d}")
        for number in range(PRODUCTS):
            self._prices("", f"P{number:02d}", yearly=1.0)
        events = sorted(self.events, key=lambda event: event.at)
        idle = [each.said for each in Oracle(events).idle]  # the dispute was gone before anybody decided
        return [each for each in events if each.kind not in ("ruled", "unruled") or each.said not in idle]

    def _hospital(self, id_: str) -> None:
        draw, name = self.draw, f"第{int(id_[1:]):03d}医院"
        row = self._state("name", self._moment(FIRST, exact=True), {"hospital": id_, "name": name})
        if draw.random() < RENAMED:
            at = self._moment(self._day(FIRST + timedelta(days=200), LAST_DAY))
            self._retire(row, at)
            self._state("name", at, {"hospital": id_, "name": f"{name}（新院）"})
        if draw.random() < DOUBLE:
            self._double(id_, name)
        for department, title in DEPARTMENTS:
            self._post(id_, department, title)
            self._engineers(id_, department)
        if draw.random() < DOUBLE:  # two heads of departments that nobody wrote down
            for _ in range(2):
                self._title(id_, "", "主任", self._person(id_), self._day(FIRST, LAST_DAY), None)
        for year in range(FIRST.year, LAST_DAY.year + 1):
            self._budget(id_, year)
        for product in draw.sample(range(PRODUCTS), 2):
            self._prices(id_, f"P{product:02d}", yearly=0.7)

    def _double(self, id_: str, name: str) -> None:
        """The hospital is entered twice; a person sees it later, and sometimes takes that back."""
        twin = self.twins[id_] = id_ + "B"
        entered = self._day(FIRST, FIRST + timedelta(days=500))
        self._state("name", self._moment(entered), {"hospital": twin, "name": f"{name}东院"})
        seen = self._moment(self._day(entered + timedelta(days=60), LAST_DAY))
        said = {"kept": id_, "merged": twin}
        self._add(seen, "same", said)
        if self.draw.random() < 0.4:
            self._add(self._after(seen, 30, 300), "apart", said)

    def _person(self, hospital: str) -> str:
        """Few names, so that many are shared; who is meant says the id only."""
        self._people += 1
        person = f"K{self._people:05d}"
        name = self.draw.choice(SURNAMES) + self.draw.choice(GIVEN)
        at = datetime.combine(FIRST, time(0), UTC) + timedelta(microseconds=self._people)
        self._add(at, "person", {"person": person, "hospital": hospital, "name": name})
        return person

    def _post(self, hospital: str, department: str, title: str) -> None:
        draw, since, former = self.draw, FIRST - timedelta(days=self.draw.randrange(30, 2000)), list[str]()
        while since <= LAST_DAY:
            back = former[:-1] if draw.random() < RETURNS else []
            holder = draw.choice(back) if back else self._person(hospital)
            until = since + timedelta(days=draw.randrange(150, 1500))
            vacant = draw.random() < VACANT
            self._title(hospital, department, title, holder, since, until if vacant else None)
            former.append(holder)
            since = until + timedelta(days=draw.randrange(1, 200) if vacant else 0)

    def _engineers(self, hospital: str, department: str) -> None:
        for _ in range(self.draw.randrange(1, 4)):
            since = self._day(FIRST - timedelta(days=700), LAST_DAY)
            until = since + timedelta(days=self.draw.randrange(200, 1500)) if self.draw.random() < 0.3 else None
            self._title(hospital, department, "工程师", self._person(hospital), since, until)

    def _title(self, hospital: str, department: str, title: str, person: str, since: date, until: date | None) -> None:
        draw, at = self.draw, self._moment(max(since, FIRST))
        shown = self.twins.get(hospital, hospital) if draw.random() < 0.5 else hospital
        said: dict[str, Any] = {"person": person, "hospital": shown, "department": department, "title": title}
        said |= {"unique": title != "工程师", "from": since.isoformat(), "to": until.isoformat() if until else None}
        wrong = dict(said)
        if draw.random() < CORRECTED:
            wrong |= {"person": self._person(hospital)} if draw.random() < 0.4 else {"from": str(since - QUARTER)}
        row, last = self._corrected("title", at, wrong, said)
        if said["unique"] and draw.random() < DISPUTED:
            self._disputed(row, said, last)

    def _disputed(self, row: str, said: dict[str, Any], at: datetime) -> None:
        """Another source names another person; somebody decides, or not, and sometimes takes that back."""
        other = self._after(at, 5, 200)
        self._state("title", other, {**said, "person": self._person(said["hospital"])})
        if self.draw.random() < 0.6:
            decided = self._after(other, 1, 120)
            self._add(decided, "ruled", {"row": row})
            if self.draw.random() < 0.3:
                self._add(self._after(decided, 1, 100), "unruled", {"row": row})

    def _budget(self, hospital: str, year: int) -> None:
        draw, month = self.draw, self.draw.randrange(1, 11)
        shown = self.twins.get(hospital, hospital) if draw.random() < 0.3 else hospital
        said = {"hospital": shown, "year": year, "window_from": month, "window_to": month + draw.randrange(3)}
        said["amount"] = str(draw.randrange(10, 900) * 10_000)
        wrong = {**said, "amount": str(draw.randrange(10, 900) * 10_000)} if draw.random() < 3 * CORRECTED else said
        self._corrected("budget", self._moment(date(year - 1, 10, 1), early=True), wrong, said)

    def _prices(self, hospital: str, product: str, *, yearly: float) -> None:
        draw, since = self.draw, FIRST
        while since <= LAST_DAY:
            until = since + timedelta(days=int(draw.expovariate(yearly / 365)) + 20)
            stated_end = until.isoformat() if draw.random() < VACANT else None
            said = {"product": product, "hospital": hospital, "amount": str(draw.randrange(50, 400) * 100)}
            said |= {"from": since.isoformat(), "to": stated_end}
            wrong = {**said, "amount": str(draw.randrange(50, 400) * 100)} if draw.random() < CORRECTED else said
            self._corrected("price", self._moment(since), wrong, said)
            since = until

    def _corrected(self, kind: str, at: datetime, first: dict[str, Any], said: dict[str, Any]) -> tuple[str, datetime]:
        """Stated, perhaps wrongly; taken back and stated rightly, or taken back by mistake and stated again."""
        row = self._state(kind, at, first)
        if first != said:
            at = self._after(at, 20, 400)
            self._retire(row, at)
            row = self._state(kind, at, said)
        elif self.draw.random() < CORRECTED / 2:
            at = self._after(at, 20, 400)
            self._retire(row, at)
            at = self._after(at, 0, 60)
            self._add(at, kind, {"row": row, **said})
        return row, at

    def _state(self, kind: str, at: datetime, said: dict[str, Any]) -> str:
        self._rows += 1
        self._add(at, kind, {"row": f"r{self._rows:05d}", **said})
        return f"r{self._rows:05d}"

    def _retire(self, row: str, at: datetime) -> None:
        self._add(at, "retired", {"row": row})

    def _add(self, at: datetime, kind: str, said: dict[str, Any]) -> None:
        self.events.append(Event(at, kind, said))

    def _day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.draw.randrange((last - first).days + 1))

    def _moment(self, day: date, *, exact: bool = False, early: bool = False) -> datetime:
        """When it became known, a moment that nothing else has: on time, months late, or ahead."""
        drawn = self.draw.random()
        first, last = next((low, high) for share, low, high in LATE if drawn <= share)
        late = 0 if exact else self.draw.randrange(first, last + 1)
        known = max(FIRST - timedelta(days=400) if early else FIRST, day + timedelta(days=late))
        return self._free(datetime.combine(known, time(8), UTC))

    def _after(self, at: datetime, first: int, last: int) -> datetime:
        return self._free(at + timedelta(days=self.draw.randrange(first, last + 1), seconds=1))

    def _free(self, at: datetime) -> datetime:
        while at in self._moments:
            at += timedelta(seconds=1)
        self._moments.add(at)
        return at


def add_artefacts(events: list[Event], oracle: Oracle, count: int, seed: int) -> list[Event]:
    """The events with artefacts among them, each resting on what was undisputed on the day of its writing."""
    draw, written = random.Random(seed), list[Event]()
    moments = [
        datetime.combine(FIRST + timedelta(days=400 + draw.randrange(1200)), time(15, 0, n), UTC) for n in range(40)
    ]
    for moment in moments:
        standing = [each.row for each in oracle.standing(moment.date(), moment)]
        for _ in range(count // len(moments)):
            rows = sorted(draw.sample(standing, RESTS_ON))
            written.append(Event(moment, "written", {"artefact": f"s_{len(written):05d}", "rows": rows}))
    return sorted([*events, *written], key=lambda event: event.at)


def ask(events: Sequence[Event], oracle: Oracle, count: int, seed: int) -> Iterator[Question]:
    """Questions around the days and the moments at which something changed, with their right answers."""
    draw = random.Random(seed)
    stated = [event for event in events if event.kind in STATED.values()]
    for _ in range(count):
        event = draw.choice(stated)
        kind, said = _asked(event)
        as_of = _near_day(draw, event)
        known_at = draw.choice(events if draw.random() < 0.5 else stated).at if draw.random() < 0.4 else event.at
        known_at += timedelta(days=draw.choice((0, 0, 0, 30, 200, 3000)), seconds=draw.choice((-1, 0, 0, 1)))
        yield Question(kind, said, as_of, known_at, oracle.answer(kind, said, as_of, known_at))
    named = [each for each in stated if each.kind == "name"]
    for event in draw.sample(named, min(FOUND, len(named))):
        answer = oracle.answer("found", event.said, LAST_DAY, END)
        yield Question("found", {"name": event.said["name"]}, LAST_DAY, END, answer)
    for day in (date(2023, 6, 30), date(2024, 12, 31), date(2026, 6, 30), date(2028, 1, 1)):
        moment = datetime.combine(day, time(12), UTC)
        yield Question("changed", {}, day, moment, oracle.answer("changed", {}, day, moment))


def _asked(event: Event) -> tuple[str, dict[str, Any]]:
    said = event.said
    if event.kind == "title":
        kind = "head" if said["unique"] and said["department"] else "staff"
        return kind, {name: said[name] for name in ("hospital", "department", "title")}
    names = {"budget": ("hospital", "year"), "price": ("hospital", "product"), "name": ("hospital",)}[event.kind]
    return event.kind, {name: said[name] for name in names}


def _near_day(draw: random.Random, event: Event) -> date:
    said = event.said
    if event.kind == "budget":
        return date(said["year"], 1, 1) + timedelta(days=draw.randrange(-20, 380))
    end = said.get("to") if draw.random() < 0.3 else None
    day = date.fromisoformat(end or said.get("from") or str(LAST_DAY))
    return day + timedelta(days=draw.choice((-1, 0, 0, 1, draw.randrange(-300, 900))))
