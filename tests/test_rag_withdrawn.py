"""A withdrawn contact is in no answer of any query on any date, and what was written about him is flagged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from assistant.changed import changed, rests_on_change
from governance.db import migrate, open_engine, reading
from governance.vault import Vault, forget, open_vault, pseudonymise
from rag import conflicts, customers, dependants, facts, graph_store, identity, tables
from rag.answer import answer
from rag.brief import brief
from rag.company import Company
from rag.customer_360 import customer_360
from rag.customers import Customer
from rag.entity_names import named
from rag.history import load_history
from rag.pipeline import ingest
from rag.proposals import proposals_in
from tests.small_company import cut_company

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
CUSTOMER = "customer:H001"
PEOPLES = ("holds_title", "works_at", "contacted")
QUESTION = "{}谁是决策人？任职变动？沟通记录？"
DAYS = (date(2019, 1, 1), date(2023, 5, 5), date(2026, 11, 21), date(2027, 1, 1), date(2040, 1, 1))
MOMENTS = (None, NOW - timedelta(days=1), NOW, NOW + timedelta(days=1), LATER, LATER + timedelta(days=400))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return cut_company(tmp_path_factory.mktemp("withdrawn") / "company", ["H001", "H003"], [])


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "keys")


@pytest.fixture
def filled(tmp_path: Path, company: Company, vault: Vault) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    migrate(url)
    db = open_engine(url)
    ingest(db, vault, company, now=NOW, on_progress=lambda _step, _done, _total: None)
    yield db
    db.dispose()


@dataclass(frozen=True)
class Asked:
    db: Engine
    vault: Vault
    company: Company
    person: str
    ids: list[str]


def everything(tx: Connection, asked: Asked, day: date, at: datetime | None) -> dict[str, object]:
    """One answer of every function that reads facts, names or decisions, by its name."""
    db, vault, company, person, ids = asked.db, asked.vault, asked.company, asked.person, asked.ids
    customer = customers.find_customer(tx, CUSTOMER)
    entities = [CUSTOMER, person, *facts.members(tx, CUSTOMER)]
    store = graph_store.FactGraphStore(db, vault, as_of=day, known_at=at)
    asks: dict[str, Callable[[], object]] = {
        "facts_about": lambda: [facts.facts_about(tx, each, as_of=day, known_at=at) for each in (person, CUSTOMER)],
        "facts_of": lambda: [facts.facts_of(tx, each, known_at=at) for each in PEOPLES],
        "people_of": lambda: facts.people_of(tx, CUSTOMER, "holds_title", known_at=at),
        "facts_around": lambda: facts.facts_around(tx, CUSTOMER, known_at=at),
        "edges_of": lambda: facts.edges_of(tx, entities, as_of=day, known_at=at),
        "properties_of": lambda: facts.properties_of(tx, entities, as_of=day, known_at=at),
        "facts_by_id": lambda: facts.facts_by_id(tx, ids, known_at=at),
        "slots": lambda: facts.slots(tx, tx.scalars(select(tables.facts.c.slot)).all(), known_at=at),
        "decision_maker": lambda: customers.decision_maker(tx, CUSTOMER, day, known_at=at),
        "deciding_posts": lambda: customers.deciding_posts(tx, CUSTOMER, known_at=at),
        "disputed_posts": lambda: customers.disputed_posts(tx, CUSTOMER, day, known_at=at),
        "workplace": lambda: customers.workplace(tx, person, CUSTOMER),
        "named": lambda: [named(tx, text, "") for text in (person, person.removeprefix("p_"))],
        "conflicts": lambda: conflicts.conflicts(tx, known_at=at),
        "rulings": lambda: conflicts.rulings_in_force(tx),
        "merges": lambda: identity.merges_in(tx, "waiting", "merged", "refused", "undone"),
        "proposals": lambda: proposals_in(tx, "waiting", "accepted", "refused"),
        "brief": lambda: _brief(tx, asked, customer, day, at),
        "customer_360": lambda: replace(
            customer_360(tx, vault, company, customer, product="P01", as_of=day, known_at=at), sources={}
        ),
        "answer": lambda: replace(
            answer(
                db, vault, company, QUESTION.format(customer.name), search=lambda _question, _about: [],
                as_of=day, language="zh", known_at=at,
            ),
            sources={},
        ),
        "graph": lambda: [store.get(ids=[CUSTOMER, person]), store.get_triplets(ids=entities)],
        "flags": lambda: dependants.flags(tx, today=day, known_at=at),
    }  # fmt: skip
    return {name: ask() for name, ask in asks.items()}


def _brief(tx: Connection, asked: Asked, customer: Customer, day: date, at: datetime | None) -> object:
    """Of days on which nobody decides: another decision maker's consent is not what is tested here."""
    if customers.decision_maker(tx, CUSTOMER, day, known_at=at) is not None:
        return None
    known = brief(tx, asked.vault, asked.company, None, customer, product="P01", as_of=day, language="zh", known_at=at)
    return replace(known, sources={})


def test_a_withdrawn_contact_is_in_no_answer_of_any_query_on_any_date(
    filled: Engine, vault: Vault, company: Company
) -> None:
    with filled.begin() as tx:
        decider = customers.decision_maker(tx, CUSTOMER, NOW.date())
        assert decider is not None
        person = decider.subject
        about = select(tables.facts.c.id).where((tables.facts.c.subject == person) | (tables.facts.c.object == person))
        ids = list(tx.scalars(about))
        assert len(ids) >= 2
        dependants.note(tx, "s_about", "script", {"opening.0": ids}, NOW)
        other = facts.facts_about(tx, CUSTOMER, as_of=None, relation="name")[0]
        dependants.note(tx, "s_other", "script", {"opening.0": [other.id]}, NOW)
        assert person in repr(facts.people_of(tx, CUSTOMER, "holds_title"))
        forget(tx, vault, person, actor="dora", now=LATER)
    asked = Asked(filled, vault, company, person, ids)
    with reading(filled) as tx:
        seen = 0
        for day in DAYS:
            for at in MOMENTS:
                for name, said in everything(tx, asked, day, at).items():
                    assert person not in repr(said), (name, day, at)
                    seen += bool(said)
        assert seen > len(DAYS) * len(MOMENTS)
        assert {flag.reason for flag in dependants.flags(tx, today=LATER.date())} == {"forgotten"}
        flagged = changed(tx, ["s_about", "s_other"], LATER.date())
        assert flagged.keys() == {"s_about"}
        assert rests_on_change(flagged["s_about"])
        assert person in load_history(tx, ids).withdrawn  # known inside, for what is still ended by him


def test_what_a_source_says_of_a_withdrawn_contact_shows_no_id(filled: Engine, vault: Vault) -> None:
    from rag.sources import sources

    with filled.begin() as tx:
        decider = customers.decision_maker(tx, CUSTOMER, NOW.date())
        assert decider is not None
        forget(tx, vault, decider.subject, actor="dora", now=LATER)
        texts = [each.text for each in sources(tx, vault, tx.scalars(select(tables.sources.c.id)).all()).values()]
    assert decider.subject not in pseudonymise("\n".join(texts), "zh")
