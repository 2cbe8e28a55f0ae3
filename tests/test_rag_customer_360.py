"""Customer 360 over facts written by hand: what is told on a day, what is not known, and who is in no answer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, insert

from governance import consent
from governance.consent import Consent
from governance.errors import Conflict, Invalid, NotFound
from governance.tables import passports
from governance.vault import Vault, forget, open_vault
from rag import tables
from rag.company import Company, load_company
from rag.customer_360 import PARTS, Customer360, customer_360, supports_of
from rag.customers import find_customer
from rag.facts import Fact, add_facts, make_fact
from rag.identity import merge, suggest_merges
from rag.sources import Source, add_sources
from rag.tables import merges
from tests.small_company import SAMPLES

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = NOW.date()
H1, H2 = "customer:H1", "customer:H2"
ANNA, BERT, CARL = "p_00000000000000aa", "p_00000000000000bb", "p_00000000000000cc"


@pytest.fixture
def company() -> Company:
    return load_company(SAMPLES)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path)


@pytest.fixture
def tx(db: Engine, vault: Vault) -> Iterator[Connection]:
    with db.begin() as connection:
        document = {"id": "d_1", "name": "x", "kind": "csv", "language": "zh", "date": None, "sha256": "1"}
        connection.execute(insert(tables.documents).values(**document, passport="", added_at=NOW))
        rows = [Source(f"s_{n}", "d_1", "x", "row", None, n, "", None, f"row {n}", passport=f"c{n}") for n in range(9)]
        add_sources(connection, vault, rows)
        name(connection, H1, "青禾医院")
        yield connection


def stated(about: str, relation: str, value: str, since: date | None = None, /, **more: object) -> Fact:
    until, source, unique = more.pop("until", None), str(more.pop("source", "s_1")), bool(more.pop("unique", False))
    known = more.pop("known_from", NOW)
    assert until is None or isinstance(until, date)
    assert isinstance(known, datetime)
    attributes = {key: str(text) for key, text in more.items()}
    return make_fact(
        about,
        relation,
        value,
        attributes,
        source=source,
        known_from=known,
        valid_from=since,
        valid_to=until,
        unique=unique,
    )


def say(tx: Connection, about: str, relation: str, value: str, since: date | None = None, /, **more: object) -> None:
    add_facts(tx, [stated(about, relation, value, since, **more)])


def name(tx: Connection, customer: str, said: str, **more: object) -> None:
    say(tx, customer, "name", said, None, **more)


def post(tx: Connection, person: str, title: str, since: date, customer: str = H1, **more: object) -> None:
    told: dict[str, object] = {"department": "设备科", "decides": "yes", "unique": True, **more}
    say(tx, person, "holds_title", title, since, customer=customer, **told)
    say(tx, person, "works_at", customer, customer=customer, contact=f"K{person[-1]}")


def agree(tx: Connection, person: str, passport: str, **days: date | None) -> None:
    def at(day: date | None) -> datetime | None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None

    given, row = at(days["given"]), {"kind": "record", "origin": passport, "sha256": "1", "channel": "export"}
    assert given
    tx.execute(insert(passports).values(id=passport, purposes="[]", collected_at=NOW, version=1, **row))
    found = Consent(person, "contact", given, at(days.get("expires")), at(days.get("withdrawn")), "x", None, passport)
    consent.record(tx, found)


def known_of(
    tx: Connection, vault: Vault, company: Company, day: date = DAY, product: str | None = None, who: str = "H1"
) -> Customer360:
    return customer_360(tx, vault, company, find_customer(tx, who), product=product, as_of=day)


def bought(order: str, day: date, quantity: str = "1", **more: object) -> Fact:
    return stated(H1, "bought", order, day, **{"category": "超声", "unit": "台", "quantity": quantity, **more})


def months(year: int, first: int, last: int, source: str = "s_1") -> Fact:
    since, until = date(year, 1, 1), date(year + 1, 1, 1)
    return stated(H1, "budget", str(year), since, until=until, window_from=first, window_to=last, source=source)


def test_a_budget_that_two_rows_contradict_is_not_told(tx: Connection, vault: Vault, company: Company) -> None:
    add_facts(tx, [months(2027, 10, 11), months(2027, 3, 4, "s_2")])
    known = known_of(tx, vault, company)
    assert (known.budget, known.disputed, len(known.conflicts)) == (None, ("budget",), 1)
    assert "budget" not in known.unknown
    assert {fact.source for fact in known.conflicts[0].facts} == {"s_1", "s_2"} <= known.sources.keys()


def test_the_head_who_came_last_decides_and_the_predecessor_is_a_change(
    tx: Connection, vault: Vault, company: Company
) -> None:
    post(tx, ANNA, "设备科主任", date(2019, 7, 1))
    post(tx, BERT, "设备科主任", date(2026, 3, 1))
    post(tx, CARL, "副院长", date(2020, 1, 1), department="院办")
    known = known_of(tx, vault, company)
    assert [(line.contact, line.title, line.since) for line in known.decision_makers] == [
        ("Kb", "设备科主任", date(2026, 3, 1)),
        ("Kc", "副院长", date(2020, 1, 1)),
    ]
    assert [(line.contact, line.event, line.day) for line in known.changes] == [
        ("Ka", "ended", date(2026, 3, 1)),
        ("Kb", "began", date(2026, 3, 1)),
    ]
    assert [line.contact for line in known_of(tx, vault, company, date(2026, 2, 28)).decision_makers] == ["Kc", "Ka"]


def test_two_heads_of_one_day_are_a_conflict_and_neither_decides(
    tx: Connection, vault: Vault, company: Company
) -> None:
    post(tx, ANNA, "设备科主任", date(2024, 1, 1))
    post(tx, BERT, "设备科主任", date(2024, 1, 1), source="s_2")
    known = known_of(tx, vault, company)
    assert (known.decision_makers, known.disputed) == ((), ("decision_makers",))
    assert [fact.subject for fact in known.conflicts[0].facts] in ([ANNA, BERT], [BERT, ANNA])
    assert "decision_makers" not in known.unknown


def test_changes_count_from_the_day_after_the_last_talk_before_today(
    tx: Connection, vault: Vault, company: Company
) -> None:
    post(tx, ANNA, "主任医师", date(2026, 5, 1), unique=False, decides="no")
    post(tx, BERT, "护士长", date(2026, 6, 1), unique=False, decides="no", until=DAY)
    for talk, day in (("G1", date(2026, 5, 1)), ("G2", DAY)):
        say(tx, H1, "contacted", talk, day, channel="phone")
    known = known_of(tx, vault, company)
    assert [(line.contact, line.event) for line in known.changes] == [("Kb", "ended"), ("Kb", "began")]
    assert known.last_contact == DAY


def test_the_last_three_talks_are_told_newest_first(tx: Connection, vault: Vault, company: Company) -> None:
    days = [date(2026, 1, 1), date(2026, 3, 1), date(2026, 3, 1), date(2026, 2, 1), DAY + timedelta(days=1)]
    for number, day in enumerate(days):
        say(tx, H1, "contacted", f"G{number}", day, channel="phone", person=ANNA)
    known = known_of(tx, vault, company)
    assert [(line.id, line.person) for line in known.communications] == [("G2", ANNA), ("G1", ANNA), ("G3", ANNA)]


def test_a_promise_is_overdue_the_day_after_it_was_due_and_gone_the_day_it_was_kept(
    tx: Connection, vault: Vault, company: Company
) -> None:
    say(tx, H1, "promise", "C1", date(2026, 1, 1), due=DAY - timedelta(days=1), text="a")
    say(tx, H1, "promise", "C2", date(2026, 1, 1), due=DAY, text="b")
    say(tx, H1, "promise", "C3", date(2026, 1, 1), text="c")
    say(tx, H1, "promise", "C4", date(2026, 1, 1), until=DAY, kept=DAY, text="d")
    say(tx, H1, "promise", "C5", DAY + timedelta(days=1), text="e")
    known = known_of(tx, vault, company)
    assert [(line.id, line.overdue) for line in known.promises] == [("C1", True), ("C2", False), ("C3", False)]


def test_tickets_are_open_until_the_day_they_are_closed(tx: Connection, vault: Vault, company: Company) -> None:
    say(tx, H1, "ticket", "F1", DAY, subject="x")
    say(tx, H1, "ticket", "F2", DAY, subject="y")
    say(tx, H1, "ticket", "F3", date(2026, 1, 1), until=DAY, subject="z")
    assert [line.id for line in known_of(tx, vault, company).open_tickets] == ["F2", "F1"]


def test_a_tender_blacks_out_from_its_notice_to_its_last_day(tx: Connection, vault: Vault, company: Company) -> None:
    say(tx, H1, "tender", "Z1", date(2026, 11, 1), until=DAY, title="x")
    say(tx, H1, "tender", "Z2", date(2026, 11, 1), until=DAY - timedelta(days=1), title="x")
    say(tx, H1, "tender", "Z3", DAY - timedelta(days=60), title="x")
    say(tx, H1, "tender", "Z4", DAY - timedelta(days=61), title="x")
    say(tx, H1, "tender", "Z5", date(2026, 11, 1), until=DAY, title="x", result="流标")  # known to be over
    found = known_of(tx, vault, company).tenders
    assert [(line.id, line.blackout_to) for line in found] == [("Z1", DAY), ("Z3", None)]


def certificate(tx: Connection, product: str, number: str, until: date, source: str = "s_1") -> None:
    said, end = {"until": until.isoformat()}, until + timedelta(days=1)
    add_facts(tx, [make_fact(product, "certificate", number, said, source=source, known_from=NOW, valid_to=end)])


def test_certificates_are_valid_on_their_last_day_expired_after_it_and_disputed_when_two_differ(
    tx: Connection, vault: Vault, company: Company
) -> None:
    certificate(tx, "product:P1", "A", DAY)
    certificate(tx, "product:P2", "B", DAY - timedelta(days=1))
    certificate(tx, "product:P3", "C", DAY)
    certificate(tx, "product:P3", "C", DAY + timedelta(days=9), "s_2")
    certificate(tx, "product:P4", "D", DAY)
    certificate(tx, "product:P4", "E", DAY + timedelta(days=900))
    known = known_of(tx, vault, company)
    assert [(line.product, line.number) for line in known.certificates] == [("product:P1", "A"), ("product:P4", "E")]
    assert [(line.product, line.until) for line in known.expired] == [("product:P2", DAY - timedelta(days=1))]
    assert [(line.product, line.relation) for line in known.contradictions] == [("product:P3", "certificate")]
    assert set(known.contradictions[0].support.sources) == {"s_1", "s_2"}
    say(tx, "product:P2", "name", "二号")
    asked = known_of(tx, vault, company, product="二号")
    assert ([line.product for line in asked.expired], asked.certificates) == (["product:P2"], ())


def test_a_renewal_under_the_same_number_is_no_contradiction(tx: Connection, vault: Vault, company: Company) -> None:
    for since, until in ((date(2018, 1, 2), date(2023, 1, 1)), (date(2023, 1, 2), date(2028, 1, 1))):
        end = until + timedelta(days=1)
        said = {"until": until.isoformat()}
        fact = make_fact(
            "product:P1", "certificate", "A", said, source="s_1", known_from=NOW, valid_from=since, valid_to=end
        )
        add_facts(tx, [fact])
    for day, until in ((DAY, date(2028, 1, 1)), (date(2022, 5, 5), date(2023, 1, 1))):
        [line] = known_of(tx, vault, company, day).certificates
        assert line.until == until


def test_the_consent_is_that_of_the_day_and_proved_by_its_row(tx: Connection, vault: Vault, company: Company) -> None:
    post(tx, ANNA, "设备科主任", date(2019, 7, 1))
    agree(tx, ANNA, "c3", given=date(2024, 1, 1), expires=date(2025, 1, 1))
    agree(tx, ANNA, "c4", given=date(2026, 1, 1), withdrawn=date(2026, 6, 1))
    for day, state in (
        (date(2023, 12, 31), "absent"),
        (date(2024, 12, 31), "live"),
        (date(2025, 1, 1), "expired"),
        (date(2026, 5, 31), "live"),
        (date(2026, 6, 1), "withdrawn"),
    ):
        [line] = known_of(tx, vault, company, day).decision_makers
        assert line.consent == state
    known = known_of(tx, vault, company)
    assert known.decision_makers[0].consent_support.sources == ("s_4",)
    assert known.decision_makers[0].consent_day == date(2026, 6, 1)
    assert "s_4" in known.sources


def test_nothing_known_is_said_to_be_unknown_and_a_day_before_all_records_too(
    tx: Connection, vault: Vault, company: Company
) -> None:
    assert known_of(tx, vault, company).unknown == PARTS
    add_facts(tx, [bought("X1", date(2022, 1, 1)), months(2027, 10, 11)])
    certificate(tx, "product:P1", "A", DAY)
    assert set(known_of(tx, vault, company, date(2021, 1, 1)).unknown) == set(PARTS) - {"budget", "certificates"}
    known = known_of(tx, vault, company)
    assert ("purchases" in known.unknown, known.purchases) == (False, ())  # known, but older than three years


def test_a_day_that_lies_ahead_is_answered_from_what_is_known_and_an_absurd_one_refused(
    tx: Connection, vault: Vault, company: Company
) -> None:
    post(tx, ANNA, "设备科主任", date(2027, 1, 1))
    assert known_of(tx, vault, company).decision_makers == ()
    assert [line.contact for line in known_of(tx, vault, company, date(2030, 1, 1)).decision_makers] == ["Ka"]
    for absurd in (date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(Invalid):
            known_of(tx, vault, company, absurd)


def test_only_what_was_known_by_then_is_told(tx: Connection, vault: Vault, company: Company) -> None:
    say(tx, H1, "ticket", "F1", date(2026, 1, 1), subject="x", known_from=NOW - timedelta(days=30))
    say(tx, H1, "ticket", "F2", date(2026, 1, 2), subject="y")
    customer = find_customer(tx, "H1")

    def then(moment: datetime) -> Customer360:
        return customer_360(tx, vault, company, customer, product=None, as_of=DAY, known_at=moment)

    assert [line.id for line in then(NOW).open_tickets] == ["F2", "F1"]
    assert [line.id for line in then(NOW - timedelta(days=10)).open_tickets] == ["F1"]
    assert then(NOW - timedelta(days=90)).unknown == PARTS


def test_who_withdrew_is_nowhere(tx: Connection, vault: Vault, company: Company) -> None:
    post(tx, ANNA, "设备科主任", date(2019, 7, 1))
    say(tx, H1, "contacted", "G1", date(2026, 1, 1), channel="phone", person=ANNA, subject=f"[[{ANNA}.name]]来电")
    assert ANNA in str(known_of(tx, vault, company))
    forget(tx, vault, ANNA, actor="t", now=NOW)
    for day in (date(2020, 1, 1), DAY, date(2030, 1, 1)):
        known = known_of(tx, vault, company, day)
        assert (known.decision_makers, known.changes) == ((), ())
        assert ANNA not in str(known)


def test_merged_customers_are_one_with_one_head_at_a_time(tx: Connection, vault: Vault, company: Company) -> None:
    name(tx, H2, "青禾医院")
    post(tx, ANNA, "设备科主任", date(2024, 1, 1))
    post(tx, BERT, "设备科主任", date(2025, 1, 1), customer=H2)
    add_facts(tx, [bought("X1", DAY)])
    say(tx, H2, "bought", "X2", DAY, category="超声", unit="台", quantity="5")
    suggest_merges(tx, NOW)
    [id_] = tx.scalars(merges.select().with_only_columns(merges.c.id))
    merge(tx, id_, by="t", reason="同一家", now=NOW)
    known = known_of(tx, vault, company, who="H2")
    assert known.customer.id == H1
    assert known.purchases[0].last12 == 6
    assert [line.contact for line in known.decision_makers] == ["Kb"]


def test_an_unknown_name_and_a_name_of_two_are_refused(tx: Connection) -> None:
    name(tx, H2, "云渚医院", aliases="青禾")
    name(tx, "customer:H3", "青禾二院", aliases="青禾")
    with pytest.raises(NotFound):
        find_customer(tx, "没有的医院")
    with pytest.raises(Conflict):
        find_customer(tx, "青禾")


def test_every_line_rests_on_facts_and_sources_that_are_there(tx: Connection, vault: Vault, company: Company) -> None:
    post(tx, ANNA, "设备科主任", date(2026, 1, 1))
    add_facts(tx, [bought("X1", DAY), months(2027, 10, 11)])
    for relation in ("ticket", "promise", "contacted", "tender"):
        say(tx, H1, relation, "1", date(2026, 11, 1))
    certificate(tx, "product:P1", "A", DAY)
    known = known_of(tx, vault, company)
    assert known.unknown == ()
    for each in supports_of(known):
        assert each.sources
        assert set(each.facts) <= known.facts.keys()
        assert {known.facts[key].source for key in each.facts} <= set(each.sources) <= known.sources.keys()


def test_five_thousand_orders_take_no_more_questions_than_their_sources_need(
    db: Engine, tx: Connection, vault: Vault, company: Company
) -> None:
    add_facts(tx, (bought(f"X{n}", DAY - timedelta(days=n % 1000), "2") for n in range(5000)))
    asked: list[str] = []
    event.listen(db, "before_cursor_execute", lambda *told: asked.append(told[2]))
    known = known_of(tx, vault, company)
    assert known.purchases[0].last12 + known.purchases[0].previous12 + known.purchases[0].older12 == 10_000
    assert len(known.purchases[0].orders) == 5000
    assert len(asked) < 30
