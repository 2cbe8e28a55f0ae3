"""Two ids of one: suggested by number or by contact details, never by a person's name; merged by people only."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from governance import ledger
from governance.db import reading
from governance.errors import Conflict, NotFound, XinyanError
from governance.passport import issue
from governance.vault import Vault, forget, keep, open_vault, token
from rag.customers import customers, customers_by_id, find_customer
from rag.facts import add_facts, facts_about, make_fact, people_of, retire
from rag.identity import canonical, merge, merges_in, refuse, suggest_merges, undo
from rag.merged import members, stands_for
from tests.statements import NOW, head, moment, person, propose_merge, with_sources


@dataclass(frozen=True)
class Desk:
    tx: Connection
    vault: Vault

    def hospital(self, id_: str, name: str, source: int = 0, **attributes: str) -> None:
        known = make_fact(f"customer:{id_}", "name", name, attributes, source=f"s_{source}", known_from=NOW)
        add_facts(self.tx, [known])

    def works(self, number: int, customer: str, **values: str) -> str:
        passport = issue(
            self.tx, kind="record", origin=f"c.csv#{number}", sha256="0" * 64, purposes=["contact"], channel="crm",
            now=NOW,
        )  # fmt: skip
        keep(self.tx, self.vault, person(number), values, passport=passport.id, now=NOW)
        place = make_fact(person(number), "works_at", f"customer:{customer}", source="s_0", known_from=NOW)
        add_facts(self.tx, [place])
        return person(number)

    def suggested(self) -> list[tuple[str, str]]:
        suggest_merges(self.tx, NOW)
        return [(each.kept, each.merged) for each in merges_in(self.tx, "waiting")]


@pytest.fixture
def desk(db: Engine, tmp_path: Path) -> Iterator[Desk]:
    with db.begin() as tx:
        with_sources(tx, tmp_path / "keys")
        yield Desk(tx, open_vault(tmp_path / "keys"))


NUMBER = "12330000MB0X12345A"


def test_hospitals_of_one_registration_and_campus_are_suggested_whatever_they_are_called(desk: Desk) -> None:
    desk.hospital("H1", "青禾市第一人民医院", registration=NUMBER)
    desk.hospital("H2", "青禾一院", 1, registration=NUMBER.lower())
    desk.hospital("H3", "青禾市第一人民医院东院", 2, registration=NUMBER, campus="东院")
    assert desk.suggested() == [("customer:H1", "customer:H2")]
    [waiting] = merges_in(desk.tx, "waiting")
    assert (waiting.zh, waiting.en) == ("登记号与院区相同", "same registration and campus")
    assert suggest_merges(desk.tx, NOW) == 0  # once is enough


def test_hospitals_of_one_name_are_suggested_unless_number_or_campus_differ(desk: Desk) -> None:
    desk.hospital("H1", "人民医院", registration="A1")
    desk.hospital("H2", "人民 医院", 1)
    desk.hospital("H3", "人民医院", 2, registration="B2")
    desk.hospital("H4", "人民医院", 3, campus="南院")
    desk.hospital("H5", "人民医院", 4, campus="北院")
    pairs = {(one[-2:], other[-2:]) for one, other in desk.suggested()}
    assert pairs == {("H1", "H2"), ("H2", "H3"), ("H1", "H4"), ("H2", "H4"), ("H3", "H4"), ("H1", "H5"), ("H2", "H5"),
                     ("H3", "H5")}  # fmt: skip


def test_people_of_one_name_are_never_suggested_people_of_one_phone_at_one_hospital_are(desk: Desk) -> None:
    desk.works(1, "H1", name="李伟", phone="19900000001")
    desk.works(2, "H1", name="李伟", phone="19900000002")
    assert desk.suggested() == []
    desk.works(3, "H1", name="李 伟（设备科）", phone="199 0000 0001")
    desk.works(4, "H2", name="李伟", phone="19900000001")  # the switchboard of another hospital
    assert desk.suggested() == [(person(1), person(3))]


def test_a_merge_makes_two_one_from_its_moment_on_and_undoing_takes_them_apart(desk: Desk) -> None:
    tx = desk.tx
    desk.hospital("H1", "青禾医院", registration=NUMBER)
    desk.hospital("H2", "青禾一院", 1, registration=NUMBER)
    add_facts(tx, [head(person(1), date(2020, 1, 1), customer="customer:H2")])
    suggest_merges(tx, NOW)
    [asked] = merges_in(tx, "waiting")

    def seen() -> tuple[list[str], str, list[str], list[str]]:
        known = people_of(tx, "customer:H1", "holds_title")
        names = facts_about(tx, "customer:H1", as_of=None, relation="name")
        found = find_customer(tx, "青禾一院").id
        by_id = customers_by_id(tx, ["customer:H1", "customer:H2", "product:P1", "customer:H9"])
        assert by_id == {each.id: each for each in customers(tx)}
        return [c.id for c in customers(tx)], found, [f.subject for f in known], sorted(f.value for f in names)

    apart = seen()
    merge(tx, asked.id, by="cora", reason="同一家", now=moment(1))
    assert seen() == (["customer:H1"], "customer:H1", [person(1)], ["青禾一院", "青禾医院"])
    assert people_of(tx, "customer:H1", "holds_title", known_at=NOW) == []  # as it was known then
    assert canonical(tx, ["customer:H2", "customer:H9"]) == {"customer:H2": "customer:H1", "customer:H9": "customer:H9"}
    undo(tx, asked.id, by="carl", reason="两家", now=moment(2))
    assert seen() == apart
    assert len(people_of(tx, "customer:H1", "holds_title", known_at=moment(1))) == 1
    assert suggest_merges(tx, moment(3)) == 0  # what was decided once is not asked again
    assert [event.event for event in ledger.events_of(tx, asked.id)] == ["merge_merged", "merge_undone"]


def test_a_refused_pair_stays_refused_until_that_is_taken_back(desk: Desk) -> None:
    propose_merge(desk.tx, "customer:H1", "customer:H2")
    refuse(desk.tx, "m_1", by="cora", reason="两个院区", now=moment(1))
    assert members(desk.tx, "customer:H1") == ["customer:H1"]
    with pytest.raises(Conflict):
        merge(desk.tx, "m_1", by="carl", reason="同一家", now=moment(2))
    undo(desk.tx, "m_1", by="carl", reason="再看", now=moment(3))
    [waiting] = merges_in(desk.tx, "waiting")
    assert (waiting.id, waiting.by, waiting.reason, waiting.decided_at) == ("m_1", None, None, None)
    merge(desk.tx, "m_1", by="carl", reason="同一家", now=moment(4))
    assert members(desk.tx, "customer:H1") == ["customer:H1", "customer:H2"]
    assert members(desk.tx, "customer:H1", known_at=moment(3)) == ["customer:H1"]


def test_chains_lead_to_one_id_and_what_is_one_already_cannot_be_merged_again(desk: Desk) -> None:
    tx = desk.tx
    pairs = {"m_1": ("a", "b"), "m_2": ("b", "c"), "m_3": ("a", "c"), "m_4": ("d", "c")}
    for id_, (kept, merged) in pairs.items():
        propose_merge(tx, f"customer:{kept}", f"customer:{merged}", id_)
    for id_ in ("m_2", "m_1"):
        merge(tx, id_, by="cora", reason="同一家", now=moment(1))
    assert members(tx, "customer:a") == ["customer:a", "customer:b", "customer:c"]
    assert set(canonical(tx, ["customer:a", "customer:b", "customer:c"]).values()) == {"customer:a"}
    for id_ in ("m_3", "m_4"):  # one already; merged elsewhere
        with pytest.raises(Conflict):
            merge(tx, id_, by="cora", reason="同一家", now=moment(2))
    undo(tx, "m_1", by="cora", reason="两家", now=moment(3))
    assert members(tx, "customer:a") == ["customer:a"]
    assert members(tx, "customer:b") == ["customer:b", "customer:c"]


def test_a_circle_in_the_table_ends_every_walk() -> None:
    assert stands_for({"a": "b", "b": "c", "c": "a"}).keys() == {"a", "b", "c"}


def test_an_unknown_suggestion_is_not_found(desk: Desk) -> None:
    for act in (merge, refuse, undo):
        with pytest.raises(NotFound):
            act(desk.tx, "m_nothing", by="cora", reason="无", now=NOW)


@pytest.mark.parametrize("acts", [(merge, merge), (merge, refuse), (refuse, refuse)])
def test_of_two_people_who_decide_the_same_pair_one_is_told_so(db: Engine, acts: Sequence[object]) -> None:
    with db.begin() as tx:
        propose_merge(tx, "customer:H1", "customer:H2")

    def decide(act: object) -> str:
        try:
            with db.begin() as tx:
                (merge if act is merge else refuse)(tx, "m_1", by="cora", reason="看过", now=moment(1))
        except XinyanError as error:
            return type(error).__name__
        return "decided"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(decide, acts))
    assert sorted(told) == ["Conflict", "decided"]
    with reading(db) as tx:
        assert len(ledger.events_of(tx, "m_1")) == 1


def test_who_withdrew_is_suggested_to_nobody_and_hidden_under_each_of_his_ids(desk: Desk) -> None:
    tx = desk.tx
    for number in (1, 2):
        desk.works(number, "H1", name="顾明川", phone="19900000001")
    promise = make_fact(
        "customer:H1", "promise", "Y1", {"text": f"回访{token(person(2), 'name')}"}, source="s_3", known_from=NOW
    )
    add_facts(tx, [head(person(2), date(2020, 1, 1)), promise])
    suggest_merges(tx, NOW)
    [pair] = merges_in(tx, "waiting")
    forget(tx, desk.vault, person(1), actor="dora", now=moment(1))
    assert merges_in(tx, "waiting") == []
    assert len(people_of(tx, "customer:H1", "holds_title")) == 1  # nobody has said yet that they are one
    merge(tx, pair.id, by="cora", reason="同一人", now=moment(2))
    for known_at in (None, NOW, moment(1), moment(9)):
        assert people_of(tx, "customer:H1", "holds_title", known_at=known_at) == []
        assert facts_about(tx, person(2), as_of=None, known_at=known_at) == []
        [told] = facts_about(tx, "customer:H1", as_of=None, known_at=known_at, relation="promise")
        assert told.attributes["text"] == "回访【已撤回】"


def test_a_hospital_that_changed_its_name_is_found_under_both(desk: Desk) -> None:
    desk.hospital("H1", "青禾第二医院")
    [old] = facts_about(desk.tx, "customer:H1", as_of=None)
    retire(desk.tx, [old.id], moment(1))
    new = make_fact("customer:H1", "name", "青禾中西医结合医院", source="s_1", known_from=moment(1))
    add_facts(desk.tx, [new])
    assert {find_customer(desk.tx, name).id for name in ("青禾第二医院", "青禾中西医结合医院")} == {"customer:H1"}
    then = facts_about(desk.tx, "customer:H1", as_of=None, known_at=NOW)
    assert ([fact.value for fact in then], find_customer(desk.tx, "H1").name) == (
        ["青禾第二医院"],
        "青禾中西医结合医院",
    )
