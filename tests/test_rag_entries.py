"""Rows of every kind → facts: what they point to, what makes them wrong, and which titles only one person holds."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from governance.db import metadata, open_engine
from governance.errors import BadRecord
from governance.vault import Vault, open_vault
from rag import tables
from rag.company import RECORD_FIELDS, Company, Table, load_company
from rag.entries import Contact, Desk, Entry, Known, contact_person, make_entry
from rag.facts import Fact, holds, people_of, state_facts
from rag.hierarchy import Placed, hierarchy
from rag.records import Row, read_records
from rag.sources import Source, add_sources

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SAMPLES = Path(__file__).resolve().parent.parent / "data_samples"
HEADS = ["设备科主任", "护理部主任", "内镜中心护士长", "信息科科长", "院长", "采购部部长", "总经理", "质量总监"]
HEADS += ["Director of Procurement", "Head Nurse of the Endoscopy Centre", "Chief of Ultrasound", "Medical Director"]
OTHERS = ["设备科工程师", "设备科副主任", "副主任", "副院长", "常务副院长", "主任医师", "副主任医师", "主任助理", ""]
OTHERS += ["副护士长", "采购办科员", "Clinical Engineer", "Deputy Director of Procurement", "Vice President"]
OTHERS += ["Chief Physician", "Deputy Chief of Ultrasound", "Procurement Officer"]


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(SAMPLES)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def desk(company: Company, vault: Vault) -> Desk:
    people = {
        name: Contact(contact_person(vault, company, name), "customer:H1", "设备科") for name in ("K1", "K2", "K3")
    }
    known = Known(frozenset({"customer:H1", "customer:H2"}), people, frozenset({"product:P1"}))
    return Desk(company, vault, "x.csv", "customers", known, NOW, lambda text, scope: (text, {}))


def entry(desk: Desk, kind: str, **cells: str) -> Entry:
    row = Row(2, cells, {field: field for field in cells})
    return make_entry(replace(desk, kind=kind), row)


def fact(desk: Desk, kind: str, **cells: str) -> Fact:
    return entry(desk, kind, **cells).facts[0]


def reason(desk: Desk, kind: str, **cells: str) -> str:
    with pytest.raises(BadRecord) as raised:
        entry(desk, kind, **cells)
    assert raised.value.say("zh") != raised.value.say("en")
    return raised.value.say("zh")


GOOD: Mapping[str, Mapping[str, str]] = {
    "customers": {"id": "H1", "name": "青禾医院"},
    "contacts": {"id": "K1", "customer": "H1", "name": "沈知遥"},
    "titles": {"contact": "K1", "title": "设备科主任", "from": "2026-03-01"},
    "products": {"id": "P1", "name": "CY-90"},
    "purchases": {"id": "X1", "customer": "H1", "date": "2025-04-02", "category": "输液泵"},
    "budgets": {"customer": "H1", "year": "2027"},
    "tenders": {"id": "Z1", "customer": "H1", "title": "采购项目", "published": "2026-11-01"},
    "tickets": {"id": "F1", "customer": "H1", "opened": "2026-11-01", "subject": "探头报修"},
    "consents": {"contact": "K1", "purpose": "contact", "given": "2026-03-18"},
    "communications": {"id": "G1", "customer": "H1", "date": "2026-11-01", "channel": "电话"},
    "promises": {"id": "C1", "customer": "H1", "made": "2026-11-01", "text": "补一次培训"},
    "prices": {"product": "P1", "price": "1,280,000.00", "from": "2026-01-01"},
}


def test_every_kind_has_a_good_row_and_says_something(desk: Desk) -> None:
    assert set(GOOD) == set(RECORD_FIELDS)
    for kind, cells in GOOD.items():
        made = entry(desk, kind, **cells)
        assert made.facts or made.consents
        assert made.text


@pytest.mark.parametrize("kind", [kind for kind, cells in GOOD.items() if "customer" in cells])
def test_a_row_of_an_unknown_customer_is_wrong(desk: Desk, kind: str) -> None:
    assert "已知的客户编号" in reason(desk, kind, **GOOD[kind] | {"customer": "H9"})


@pytest.mark.parametrize(
    ("kind", "field"),
    [("titles", "from"), ("purchases", "date"), ("tenders", "published"), ("tickets", "opened"), ("consents", "given"),
     ("communications", "date"), ("promises", "made"), ("promises", "due"), ("promises", "kept"), ("prices", "from"),
     ("prices", "to")],
)  # fmt: skip
@pytest.mark.parametrize("cell", ["明天", "2026-02-30", "=TODAY()", "9" * 400])
def test_what_is_no_date_is_named_with_its_column(desk: Desk, kind: str, field: str, cell: str) -> None:
    assert f"“{field}”" in reason(desk, kind, **GOOD[kind] | {field: cell})


@pytest.mark.parametrize(
    ("kind", "field"), [("purchases", "date"), ("tickets", "opened"), ("communications", "date"), ("promises", "made")]
)
def test_what_has_happened_cannot_lie_in_the_future(desk: Desk, kind: str, field: str) -> None:
    assert "日期在未来" in reason(desk, kind, **GOOD[kind] | {field: "2026-11-22"})
    assert entry(desk, kind, **GOOD[kind] | {field: "2026-11-21"})
    evening = replace(desk, now=NOW.replace(hour=20))  # in China it is the next day already
    assert entry(evening, kind, **GOOD[kind] | {field: "2026-11-22"})


def test_what_is_planned_may_lie_in_the_future(desk: Desk) -> None:
    assert fact(desk, "titles", **GOOD["titles"] | {"from": "2027-03-01"}).valid_from == date(2027, 3, 1)
    assert fact(desk, "budgets", **GOOD["budgets"] | {"year": "2029"}).value == "2029"
    assert fact(desk, "tenders", **GOOD["tenders"] | {"closes": "2027-03-01"}).valid_to == date(2027, 3, 1)
    assert fact(desk, "prices", **GOOD["prices"] | {"from": "2027-03-01"}).valid_from == date(2027, 3, 1)


def test_a_communication_points_to_the_person_and_names_its_channel(desk: Desk) -> None:
    talked = fact(
        desk, "communications", **GOOD["communications"] | {"contact": "K2", "subject": "交货", "note": "长谈"}
    )
    assert (talked.subject, talked.relation, talked.value) == ("customer:H1", "contacted", "G1")
    assert talked.object == desk.known.contacts["K2"].person
    assert talked.attributes["channel"] == "phone"
    assert (talked.attributes["contact"], talked.attributes["subject"]) == ("K2", "交货")
    assert fact(desk, "communications", **GOOD["communications"]).object == ""
    assert "联系人" in reason(desk, "communications", **GOOD["communications"] | {"contact": "K9"})
    channels = {"企业微信": "chat", "Email": "mail", "上门拜访": "visit", "会议": "meeting", "展会": "展会"}
    for said, channel in channels.items():
        given_cells = GOOD["communications"] | {"channel": said}
        assert fact(desk, "communications", **given_cells).attributes["channel"] == channel


def test_a_promise_holds_from_the_day_it_was_made_to_the_day_it_was_kept(desk: Desk) -> None:
    promised = fact(desk, "promises", **GOOD["promises"] | {"due": "2026-12-01", "kept": "2026-11-10", "owner": "客服"})
    assert (promised.relation, promised.value, promised.object) == ("promise", "C1", "")
    assert (promised.valid_from, promised.valid_to) == (date(2026, 11, 1), date(2026, 11, 10))
    assert promised.attributes == {"text": "补一次培训", "owner": "客服", "due": "2026-12-01", "kept": "2026-11-10"}
    assert "早于" in reason(desk, "promises", **GOOD["promises"] | {"kept": "2026-10-01"})


def test_a_name_among_the_owners_is_never_in_the_clear(desk: Desk) -> None:
    made = entry(desk, "promises", **GOOD["promises"] | {"owner": "林知夏"})
    assert "林知夏" not in made.text + str(made.facts)
    assert list(made.people.values()) == [{"name": "林知夏"}]
    assert made.facts[0].attributes["owner"].startswith("[[p_")


def test_a_price_is_of_a_product_for_one_customer_or_for_all(desk: Desk) -> None:
    listed = fact(desk, "prices", **GOOD["prices"] | {"currency": "CNY", "unit": "台", "to": "2026-07-01"})
    own = fact(desk, "prices", **GOOD["prices"] | {"customer": "H1", "currency": "CNY", "unit": "台"})
    assert (listed.subject, listed.value, listed.object) == ("product:P1", "1280000", "")
    assert (own.object, own.attributes["customer"]) == ("customer:H1", "customer:H1")
    assert listed.slot != own.slot
    assert holds(listed, date(2026, 6, 30))
    assert not holds(listed, date(2026, 7, 1))
    for cells, words in (
        ({"product": "P9"}, "已知的产品编号"),
        ({"customer": "H9"}, "已知的客户编号"),
        ({"price": "一百"}, "数字"),
        ({"price": "-5"}, "价格"),
        ({"to": "2025-01-01"}, "不晚于"),
    ):
        assert words in reason(desk, "prices", **GOOD["prices"] | cells)


def test_a_customer_carries_what_tells_it_apart_and_only_what_its_export_has(desk: Desk) -> None:
    plain = fact(desk, "customers", **GOOD["customers"])
    assert plain.attributes == {}
    cells = {"registration": "123299007022552272", "campus": "东院区", "former_names": "青禾二院", "group": "东部联盟"}
    named = replace(desk, known=replace(desk.known, parents={"H1": "H2"}))
    full, above, through = entry(named, "customers", **GOOD["customers"] | cells | {"parent": "H2"}).facts
    assert set(full.attributes) == {"registration", "campus", "former_names"}
    assert (above.relation, above.object) == ("part_of", "customer:H2")
    assert (through.relation, through.object) == ("purchases_through", "group:东部联盟")


@pytest.mark.parametrize("number", ["123299007022552273", "110101199003070732", "A" * 18])
def test_a_registration_with_a_wrong_check_digit_is_left_out_and_not_shown(desk: Desk, number: str) -> None:
    made = entry(desk, "customers", **GOOD["customers"] | {"registration": number})
    assert "registration" not in made.facts[0].attributes
    assert number not in made.text
    assert [wrong.say("zh").split("：")[0] for wrong in made.ignored] == ["“x.csv”第 2 行"]
    short = fact(desk, "customers", **GOOD["customers"] | {"registration": "PDY00012-3"})
    assert short.attributes["registration"] == "PDY00012-3"


@pytest.mark.parametrize(("title", "unique"), [(title, title in HEADS) for title in (*HEADS, *OTHERS)])
def test_a_head_is_one_and_deputies_engineers_and_ranks_are_many(company: Company, title: str, unique: bool) -> None:
    assert company.is_unique_title(title) is unique


@pytest.fixture
def tx(tmp_path: Path, vault: Vault) -> Iterator[Connection]:
    engine = open_engine(f"sqlite:///{tmp_path / 't.db'}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        values = {"name": "x.csv", "kind": "export", "language": "zh", "sha256": "0", "passport": "", "added_at": NOW}
        connection.execute(insert(tables.documents).values(id="e_1", **values))
        yield connection
    engine.dispose()


def held_on(tx: Connection, vault: Vault, entries: list[Entry], day: date) -> set[tuple[str, str]]:
    for made in entries:
        add_sources(tx, vault, [Source(made.source, "e_1", "x.csv", "row", None, made.row, "", made.date, made.text)])
    state_facts(tx, [each for made in entries for each in made.facts])
    return {(each.subject, each.value) for each in people_of(tx, "customer:H1", "holds_title") if holds(each, day)}


@pytest.mark.parametrize("title", ["设备科工程师", "设备科副主任", "副院长"])
def test_several_who_hold_one_of_many_posts_never_close_one_another(desk: Desk, tx: Connection, title: str) -> None:
    entries = [
        entry(desk, "titles", contact=contact, title=title, **{"from": since})
        for contact, since in (("K1", "2020-01-01"), ("K2", "2023-01-01"), ("K3", "2025-01-01"))
    ]
    people = {(desk.known.contacts[contact].person, title) for contact in ("K1", "K2", "K3")}
    assert held_on(tx, desk.vault, entries, NOW.date()) == people


def test_a_new_head_ends_the_post_of_the_one_before_whichever_came_in_first(desk: Desk, tx: Connection) -> None:
    entries = [
        entry(desk, "titles", contact=contact, title="设备科主任", **{"from": since})
        for contact, since in (("K2", "2026-03-01"), ("K1", "2019-07-01"))
    ]
    assert held_on(tx, desk.vault, entries, NOW.date()) == {(desk.known.contacts["K2"].person, "设备科主任")}
    assert held_on(tx, desk.vault, entries, date(2024, 1, 1)) == {(desk.known.contacts["K1"].person, "设备科主任")}


cells = st.text(max_size=30) | st.sampled_from(
    ["2026-01-01", "H1", "K1", "P1", "12", "是", "=1+1", "\x00", "[[p_0.name]]"]
)


@given(st.sampled_from(sorted(RECORD_FIELDS)), st.data())
def test_whatever_the_cells_hold_a_row_is_taken_or_named(
    company: Company, vault: Vault, kind: str, data: st.DataObject
) -> None:
    known = Known(frozenset({"customer:H1"}), {"K1": Contact("p_1", "customer:H1", "")}, frozenset({"product:P1"}))
    desk = Desk(company, vault, "x.csv", kind, known, NOW, lambda text, scope: (text, {}))
    fields = [field for group in RECORD_FIELDS[kind] for field in group]
    row = Row(2, {field: data.draw(cells) for field in fields}, {field: field for field in fields})
    with suppress(BadRecord):  # any other error would fail the test
        assert make_entry(desk, row) == make_entry(desk, row)


@pytest.mark.parametrize("kind", sorted(RECORD_FIELDS))
def test_an_export_of_any_kind_names_its_empty_ragged_and_repeated_rows(kind: str) -> None:
    good = GOOD[kind]
    table = Table(file="x.csv", columns={field: field for field in good})
    line = ",".join(f'"{cell}"' for cell in good.values())
    empty = ",".join([""] + ["x"] * (len(good) - 1))
    text = "\n".join(
        [",".join(good), line, line, empty, line + ",more", line[: len(line) // 2], "", "," * (len(good) - 1)]
    )
    rows, bad = read_records("x.csv", text.encode(), kind, table)
    assert [row.number for row in rows] == [2]
    assert [wrong.data["row"] for wrong in bad] == [3, 4, 5, 6]


ids = st.sampled_from([f"H{number}" for number in range(8)])


@given(st.dictionaries(ids, ids | st.just("") | st.just("H99"), max_size=8))
def test_no_hierarchy_that_is_taken_holds_a_circle_and_none_is_lost_without_a_word(above: dict[str, str]) -> None:
    parents, wrong = hierarchy(Placed(id_, f"医院{id_}", parent) for id_, parent in above.items())
    for start in parents:
        here, steps = start, 0
        while here in parents:
            here, steps = parents[here], steps + 1
            assert steps <= len(above)
    assert set(parents) | set(wrong) == {id_ for id_, parent in above.items() if parent}
    assert not set(parents) & set(wrong)


def test_a_chain_of_a_hundred_thousand_customers_is_placed_at_once() -> None:
    chain = [Placed(f"H{number}", f"{number}", f"H{number + 1}") for number in range(100_000)]
    parents, wrong = hierarchy([*chain, Placed("H100000", "top", "H0")])
    assert len(parents) == 100_000
    assert list(wrong) == ["H100000"]
    assert "…" in wrong["H100000"][0]


def test_a_parent_may_be_given_by_its_name_unless_two_bear_it() -> None:
    rows = [
        Placed("H1", "甲院", ""),
        Placed("H2", "乙院", "甲院"),
        Placed("H3", "丙院", ""),
        Placed("H4", "丙院", "丙院"),
    ]
    parents, wrong = hierarchy(rows)
    assert parents == {"H2": "H1"}
    assert list(wrong) == ["H4"]
