"""Suite `temporal`: five years of changes through the product's own functions, its answers beside an oracle's."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, insert

from eval.temporal import Event, Measured, Oracle, Question, measure, read_events, read_questions
from eval.temporal_stream import Stream, add_artefacts, ask
from governance.db import migrate, open_engine, reading
from governance.errors import Conflict, NotFound
from governance.passport import issue
from governance.settings import Settings
from governance.vault import Vault, keep, open_vault, person_id
from rag import identity, tables
from rag.conflicts import rule, undo_ruling
from rag.customers import find_customer
from rag.dependants import flags, note
from rag.facts import Fact, facts_about, facts_by_id, holds, make_fact, people_of, retire, state_facts
from rag.merged import members, merged_into
from rag.sources import Source, add_sources

HOSPITALS, ARTEFACTS, QUESTIONS, SEED = 200, 2000, 3000, 4
PEOPLE = "s_people"
SHOWN = 10  # wrong answers on standard error


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """Metrics of docs/eval.md; what was answered wrongly goes to standard error."""
    events, questions = _given(data) if data else _made(HOSPITALS, ARTEFACTS, QUESTIONS, SEED)
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/temporal.db"
        migrate(url)
        db = open_engine(url)
        product = Product(db, open_vault(Path(folder) / "keys"))
        started = time.perf_counter()
        product.take(events)
        seconds = time.perf_counter() - started
        asked = time.perf_counter()
        answers = [product.answer(question) for question in questions]
        answered = time.perf_counter() - asked
        merged = product.suggested()
        db.dispose()
    measured = measure(questions, answers)
    _tell(measured)
    figures = {"false_merges": merged, "events": len(events), "events_per_s": round(len(events) / seconds, 1)}
    return {**measured.metrics, **figures, "questions_per_s": round(len(questions) / answered, 1)}


def _given(folder: Path) -> tuple[list[Event], list[Question]]:
    return read_events(folder), read_questions(folder)


def _made(hospitals: int, artefacts: int, questions: int, seed: int) -> tuple[list[Event], list[Question]]:
    stream = Stream(seed, hospitals).begin()
    events = add_artefacts(stream, Oracle(stream), artefacts, seed)
    return events, list(ask(events, Oracle(events), questions, seed))


class Product:
    """The product's functions behind the events and the questions of the suite."""

    def __init__(self, db: Engine, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._facts: dict[str, str] = {}  # row → the id under which its fact is known
        self._rulings: dict[str, str] = {}
        self._people: dict[str, str] = {}
        self._passport = ""

    def take(self, events: Sequence[Event]) -> None:
        """Everything in the order in which it became known, one transaction a day."""
        acts: Mapping[str, Callable[[Connection, Event], None]] = {
            "person": self._person,
            "retired": self._retired,
            "same": self._same,
            "apart": lambda tx, event: identity.undo(tx, _pair(event), by="cora", reason="两家", now=event.at),
            "ruled": self._ruled,
            "unruled": lambda tx, event: undo_ruling(tx, self._rulings[event.said["row"]], by="cora", now=event.at),
            "written": self._written,
        }
        ordered = sorted(events, key=lambda event: (event.at, event.kind != "retired"))
        days: dict[date, list[Event]] = {}
        for event in ordered:
            days.setdefault(event.at.date(), []).append(event)
        with self._db.begin() as tx:
            self._sources(tx, [event for event in ordered if "row" in event.said])
        for of_a_day in days.values():
            with self._db.begin() as tx:
                for event in of_a_day:
                    acts.get(event.kind, self._state)(tx, event)

    def answer(self, question: Question) -> frozenset[str]:
        """In the ids of the events."""
        with reading(self._db) as tx:
            return frozenset(_ANSWERS[question.kind](self, tx, question))

    def suggested(self) -> int:
        """Pairs that the product takes for one: nobody here shares a phone, no hospital a registration or a name."""
        with self._db.begin() as tx:
            return identity.suggest_merges(tx, datetime.now(UTC))

    def person(self, id_: str) -> str:
        """The id that the product gives the person of an event."""
        made = person_id(self._vault, id_)
        self._people[made] = id_
        return made

    def named(self, tx: Connection, person: str) -> str:
        """The id in the events of whoever stands for this person."""
        return self._people[identity.canonical(tx, [person])[person]]

    def _sources(self, tx: Connection, events: Sequence[Event]) -> None:
        document = {"id": "d_1", "name": "stream", "kind": "export", "language": "zh", "date": None}
        now = datetime.now(UTC)
        tx.execute(insert(tables.documents).values(**document, sha256="0" * 64, passport="", added_at=now))
        rows = list(dict.fromkeys(event.said["row"] for event in events))
        places = enumerate(rows, start=1)
        made = (Source(f"s_{row}", "d_1", "stream", "row", None, n, "", None, row) for n, row in places)
        everybody = Source(PEOPLE, "d_1", "stream", "row", None, 0, "", None, "contacts")
        add_sources(tx, self._vault, [everybody, *made])
        record = issue(
            tx, kind="record", origin="stream", sha256="0" * 64, purposes=["contact"], channel="eval", now=now
        )
        self._passport = record.id

    def _person(self, tx: Connection, event: Event) -> None:
        """People of one name work at one hospital; each has a phone of his own."""
        said = event.said
        person, hospital = self.person(said["person"]), f"customer:{said['hospital']}"
        values = {"name": said["name"], "phone": f"199{len(self._people):08d}"}
        keep(tx, self._vault, person, values, passport=self._passport, now=event.at)
        attributes = {"customer": hospital, "contact": said["person"]}
        place = make_fact(person, "works_at", hospital, attributes, source=PEOPLE, known_from=event.at)
        state_facts(tx, [place])

    def _state(self, tx: Connection, event: Event) -> None:
        _, live = state_facts(tx, [self._fact(event)])
        [self._facts[event.said["row"]]] = live

    def _retired(self, tx: Connection, event: Event) -> None:
        retire(tx, [self._facts[event.said["row"]]], event.at)

    def _fact(self, event: Event) -> Fact:
        said, kind = event.said, event.kind
        hospital = f"customer:{said['hospital']}" if said["hospital"] else ""
        since, until = (date.fromisoformat(said[name]) if said.get(name) else None for name in ("from", "to"))
        subject, relation, value, attributes = hospital, kind, "", dict[str, str]()
        if kind == "name":
            value = said["name"]
        elif kind == "title":
            subject, relation, value = self.person(said["person"]), "holds_title", said["title"]
            attributes = {"customer": hospital, "department": said["department"]}
        elif kind == "budget":
            value, since, until = str(said["year"]), date(said["year"], 1, 1), date(said["year"] + 1, 1, 1)
            attributes = {name: str(said[name]) for name in ("window_from", "window_to", "amount")}
        else:
            subject, value = f"product:{said['product']}", said["amount"]
            attributes = {"customer": hospital, "currency": "CNY"}
        return make_fact(
            subject,
            relation,
            value,
            attributes,
            source=f"s_{said['row']}",
            known_from=event.at,
            valid_from=since,
            valid_to=until,
            unique=bool(said.get("unique")),
        )

    def _same(self, tx: Connection, event: Event) -> None:
        kept, merged = (f"customer:{event.said[name]}" for name in ("kept", "merged"))
        row = {"id": _pair(event), "kept": kept, "merged": merged, "zh": "", "en": "", "state": "waiting"}
        tx.execute(insert(tables.merges).values(**row, suggested_at=event.at))
        identity.merge(tx, _pair(event), by="cora", reason="同一家", now=event.at)

    def _ruled(self, tx: Connection, event: Event) -> None:
        row = event.said["row"]
        fact = facts_by_id(tx, [self._facts[row]])[self._facts[row]]
        self._rulings[row] = rule(tx, fact.slot, fact.id, reason="聘书", by="cora", now=event.at)

    def _written(self, tx: Connection, event: Event) -> None:
        rows: list[str] = event.said["rows"]
        claims = {f"c{number}": [self._facts[row]] for number, row in enumerate(rows)}
        note(tx, event.said["artefact"], "script", claims, event.at)


def _pair(event: Event) -> str:
    return f"m_{event.said['kept']}_{event.said['merged']}"


def _hospital(tx: Connection, asked: Question) -> str:
    id_ = f"customer:{asked.said['hospital']}"
    return merged_into(tx, asked.known_at).get(id_, id_)


def _holders(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    wanted = (asked.said["department"], asked.said["title"])
    for fact in people_of(tx, _hospital(tx, asked), "holds_title", known_at=asked.known_at):
        if (fact.attributes.get("department", ""), fact.value) == wanted and holds(fact, asked.as_of):
            yield product.named(tx, fact.subject)


def _budgets(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    found = facts_about(tx, _hospital(tx, asked), as_of=asked.as_of, known_at=asked.known_at, relation="budget")
    for fact in found:
        if fact.value == str(asked.said["year"]):
            said = fact.attributes
            yield f"{said['window_from']}-{said['window_to']} {said['amount']}"


def _prices(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    customers = members(tx, _hospital(tx, asked), known_at=asked.known_at) if asked.said["hospital"] else [""]
    subject = f"product:{asked.said['product']}"
    for fact in facts_about(tx, subject, as_of=asked.as_of, known_at=asked.known_at, relation="price"):
        if fact.object in customers:
            yield fact.value


def _names(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    found = facts_about(tx, _hospital(tx, asked), as_of=asked.as_of, known_at=asked.known_at, relation="name")
    return (fact.value for fact in found)


def _found(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    try:
        yield find_customer(tx, asked.said["name"]).id.removeprefix("customer:")
    except (NotFound, Conflict):
        return


def _changed(product: Product, tx: Connection, asked: Question) -> Iterator[str]:
    return (flag.artefact for flag in flags(tx, today=asked.as_of, known_at=asked.known_at))


_ANSWERS: Mapping[str, Callable[[Product, Connection, Question], Iterator[str]]] = {
    "head": _holders,
    "staff": _holders,
    "budget": _budgets,
    "price": _prices,
    "name": _names,
    "found": _found,
    "changed": _changed,
}


def _tell(measured: Measured) -> None:
    for asked, got in measured.wrong[:SHOWN]:
        where = f"{asked.kind} {dict(asked.said)} as_of={asked.as_of} known_at={asked.known_at.isoformat()}"
        missing, extra = sorted(asked.answer - got)[:5], sorted(got - asked.answer)[:5]
        sys.stderr.write(f"{where}: - {missing} + {extra}\n")
