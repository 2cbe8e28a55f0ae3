"""A large export: read in batches, killed and resumed without a row twice."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import select

from eval.imports import PURCHASES_HEADER
from governance import ledger
from governance.db import open_engine, reading
from governance.errors import BadProfile
from governance.vault import open_vault
from rag import tables
from rag.company import Table, load_company
from rag.entries import Desk, Known, People
from rag.facts import Fact, facts_of
from rag.filing import Seen
from rag.importing import Order, import_rows
from rag.pipeline import ingest
from rag.tabular import table_file

sys.path.insert(0, str(Path(__file__).parent))
from generated_company import LATER, NOW, PURCHASES, Place, order


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "company")
    yield made
    made.db.dispose()


def test_an_import_that_is_killed_in_its_second_batch_goes_on_behind_the_first(place: Place) -> None:
    place.kill_in_batch(2)
    assert len(place.bought()) == 20
    report = place.ingest()
    assert (report.rows, report.resumed, report.facts) == (5, 1, 5)
    assert len({fact.value for fact in place.bought()}) == len(place.bought()) == 25
    assert (place.count("imports"), place.problems()) == (0, [])
    with reading(place.db) as tx:
        ledger.verify(tx)


def _ingest_slowly(folder: str) -> None:
    company, vault = load_company(Path(folder)), open_vault(Path(folder) / "keys")
    db = open_engine(f"sqlite:///{Path(folder) / 't.db'}")
    ingest(db, vault, company, now=NOW, on_progress=lambda step, done, total: time.sleep(0.05), rows_a_batch=100)


@pytest.mark.slow
def test_an_import_that_is_killed_by_the_system_goes_on_too(tmp_path: Path) -> None:
    place = Place(tmp_path / "company", purchases=2_000)
    process = multiprocessing.get_context("spawn").Process(target=_ingest_slowly, args=(str(place.folder),))
    process.start()
    while process.is_alive():
        with reading(place.db) as tx:
            if (tx.scalar(select(tables.imports.c.rows_done).where(tables.imports.c.name == PURCHASES)) or 0) > 200:
                break
        time.sleep(0.02)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    already = len(place.bought())
    assert 0 < already < 2_000
    assert place.ingest(batch=100).rows == 2_000 - already
    assert sorted(fact.value for fact in place.bought()) == [f"XS{number:08d}" for number in range(2_000)]
    place.db.dispose()


def test_problems_of_the_batches_before_the_kill_are_kept(place: Place) -> None:
    lines = place.lines()
    place.write(*lines[:3], order(1, customer="C999"), order(2, day="2025-13-45"), *lines[3:20], order(3, amount="x"))
    place.kill_in_batch(2)
    report = place.ingest()
    assert place.problems() == [(PURCHASES, 5), (PURCHASES, 6), (PURCHASES, 24)]
    assert [problem.row for problem in report.problems] == [24]


def test_rows_that_vanished_are_retired_only_when_the_last_batch_is_in(place: Place) -> None:
    place.ingest()
    place.write(*place.lines()[12:], *(order(number) for number in range(20)))
    place.kill_in_batch(2)
    assert {f"XS{number:08d}" for number in range(25)} < {fact.value for fact in place.bought()}
    place.ingest(LATER)
    wanted = {f"XS{number:08d}" for number in range(12, 25)} | {f"X{number}" for number in range(20)}
    assert {fact.value for fact in place.bought()} == wanted
    with reading(place.db) as tx:
        assert len(facts_of(tx, "bought", known_at=NOW)) == 25 + 7  # two batches were in


def test_other_bytes_after_a_kill_start_over_and_leave_nothing_of_the_half(place: Place) -> None:
    first = place.lines()
    place.ingest()
    place.write(*(order(number) for number in range(30)))
    place.kill_in_batch(2)
    place.write(*first)
    report = place.ingest(LATER)
    assert (report.rows, report.resumed) == (25, 0)
    assert {fact.value for fact in place.bought()} == {f"XS{number:08d}" for number in range(25)}


def test_a_row_that_only_moved_keeps_its_fact_its_source_and_its_passport(place: Place) -> None:
    place.ingest()
    before, passports = {fact.id for fact in place.bought()}, place.count("passports")
    place.write(order(0), *reversed(place.lines()))
    report = place.ingest(LATER)
    assert (report.rows, report.facts, report.sources) == (26, 1, 1)
    assert before < {fact.id for fact in place.bought()}
    assert place.count("passports") == passports + 1
    assert place.count("retirements") == 0
    with reading(place.db) as tx:
        rows = tx.scalars(select(tables.sources.c.row).where(tables.sources.c.title == PURCHASES))
        assert sorted(row or 0 for row in rows) == list(range(2, 28))


def test_a_row_that_comes_back_is_known_again(place: Place) -> None:
    lines = place.lines()
    place.ingest()
    place.write(*lines[:-1])
    place.ingest(LATER)
    place.write(*lines)
    place.ingest(LATER + timedelta(days=1))
    assert len(place.bought()) == 25
    place.write(*lines[1:])
    place.ingest(LATER + timedelta(days=2))
    assert {fact.value for fact in place.bought()} == {line.split(",")[0] for line in lines[1:]}


def test_an_id_is_used_once_in_all_batches(place: Place) -> None:
    place.write(*(order(number) for number in range(25)), order(3), order(24))
    report = place.ingest()
    assert [problem.row for problem in report.problems] == [27, 28]
    assert "第 5 行" in report.problems[0].error.say("zh")
    place.write(*(order(number) for number in range(25)), order(3), order(24), order(30))
    place.kill_in_batch(2)
    assert place.ingest(LATER).rows == 5 + 1
    assert place.problems() == [(PURCHASES, 27), (PURCHASES, 28)]


def test_a_file_that_changes_while_it_is_read_is_refused_and_read_anew(place: Place) -> None:
    def change(step: str, done: int, total: int) -> None:
        if step == PURCHASES and done == 11:
            with place.export.open("a", encoding="utf-8") as file:
                file.write(order(1) + "\n")

    report = ingest(place.db, place.vault, place.company, now=NOW, on_progress=change, rows_a_batch=10)
    assert [problem.row for problem in report.problems] == [None]
    assert "改动" in report.problems[0].error.say("zh")
    assert place.ingest(LATER).problems == ()
    assert len(place.bought()) == 26


def test_one_batch_is_all_or_nothing(place: Place) -> None:
    place.kill_in_batch(1, batch=1_000)
    assert len(place.bought()) == 25
    assert place.ingest(batch=1_000).unchanged == 2


def test_a_workbook_is_read_in_batches_and_resumed_too(place: Place) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("订单")
    sheet.append(list(PURCHASES_HEADER))
    for line in place.lines():
        sheet.append(line.split(","))
    book.save(place.folder / "records" / "orders.xlsx")
    profile = place.folder / "company.yaml"
    profile.write_text(profile.read_text(encoding="utf-8").replace("purchases.csv", "orders.xlsx"), encoding="utf-8")
    place.company = load_company(place.folder)

    def die(step: str, done: int, total: int) -> None:
        if step == "records/orders.xlsx" and done == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(place.db, place.vault, place.company, now=NOW, on_progress=die, rows_a_batch=10)
    assert len(place.bought()) == 10
    report = place.ingest()
    assert (report.rows, report.resumed, report.problems) == (15, 1, ())
    assert {fact.value for fact in place.bought()} == {f"XS{number:08d}" for number in range(25)}


def test_free_text_of_rows_that_did_not_change_is_not_analysed_again(place: Place) -> None:
    table = Table(file="t.csv", columns={"id": "编号", "customer": "客户", "opened": "日期", "subject": "主题"})
    analysed: list[str] = []

    def tokenise(text: str, scope: str) -> tuple[str, People]:
        analysed.append(text)
        return text, {}

    def take(*subjects: str) -> int:
        rows = [f"F{number},H1,2025-01-02,{subject}" for number, subject in enumerate(subjects)]
        path = place.folder / "t.csv"
        path.write_text("\n".join(["编号,客户,日期,主题", *rows]) + "\n", encoding="utf-8")
        file = table_file("t.csv", path)
        known = Known(frozenset({"customer:H1"}), {})
        desk = Desk(place.company, place.vault, "t.csv", "tickets", known, NOW, tokenise)
        order_ = Order(desk, table, file, Seen("t.csv", file.sha256, "p"), 2)
        return import_rows(place.db, order_, lambda step, done, total: None).unchanged

    assert take("探头报修", "图像模糊", "无法开机") == 0
    assert take("探头报修", "图像清晰", "无法开机", "年度保养") == 2
    assert analysed == ["探头报修", "图像模糊", "无法开机", "图像清晰", "年度保养"]


def test_a_link_that_leads_out_of_the_folder_is_neither_read_nor_proposed(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("货号,品名\nB1,轴承\nB2,轴承座\n", encoding="utf-8")
    (place.folder / "records" / "goods.csv").symlink_to(outside)
    place.export.unlink()
    place.export.symlink_to(outside)
    assert [problem.name for problem in place.ingest().problems] == [PURCHASES]
    assert place.count("mappings") == 0


def test_what_the_company_calls_unique_may_change_without_a_new_fact(place: Place) -> None:
    (place.folder / "records" / "contacts.csv").write_text("编号,客户,姓名\nK1,C00000,甲\n", encoding="utf-8")
    (place.folder / "records" / "titles.csv").write_text("联系人,职务,从\nK1,首席,2020-01-01\n", encoding="utf-8")
    profile = place.folder / "company.yaml"
    tables_ = """records:
  contacts: {file: records/contacts.csv, columns: {id: 编号, customer: 客户, name: 姓名}}
  titles: {file: records/titles.csv, columns: {contact: 联系人, title: 职务, from: 从}}
"""
    profile.write_text(profile.read_text(encoding="utf-8").replace("records:\n", tables_, 1), encoding="utf-8")
    held: list[Fact] = []
    for more in ("", "unique_titles: [首席]\n"):
        profile.write_text(profile.read_text(encoding="utf-8") + more, encoding="utf-8")
        place.company = load_company(place.folder)
        assert place.ingest().problems == ()
        with reading(place.db) as tx:
            held += facts_of(tx, "holds_title")
    assert held[0].id == held[1].id
    assert (held[0].slot, bool(held[1].slot)) == ("", True)
    profile.write_text(profile.read_text(encoding="utf-8").replace("[首席]", "['(']"), encoding="utf-8")
    with pytest.raises(BadProfile, match="unique_titles"):
        load_company(place.folder)


rows = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["C00000", "C00001", "C9"]), st.sampled_from(["1", "2", "x"])),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=rows, after=rows, batch=st.integers(1, 5), killed=st.integers(1, 4))
def test_a_killed_import_ends_where_an_undisturbed_one_does(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[int, str, str]],
    after: list[tuple[int, str, str]],
    batch: int,
    killed: int,
) -> None:
    def stated(place: Place) -> set[str]:
        return {f"{fact.subject} {fact.value} {fact.attributes['amount']}" for fact in place.bought()}

    def write(place: Place, stated_rows: list[tuple[int, str, str]]) -> None:
        place.write(*(order(number, customer=customer, amount=amount) for number, customer, amount in stated_rows))

    disturbed, calm = (Place(tmp_path_factory.mktemp("import"), purchases=1) for _ in range(2))
    write(disturbed, before)
    disturbed.ingest(batch=batch)
    write(disturbed, after)
    told = 0

    def die(step: str, done: int, total: int) -> None:
        nonlocal told
        told += step == PURCHASES
        if told == killed:
            raise KeyboardInterrupt

    try:
        ingest(disturbed.db, disturbed.vault, disturbed.company, now=LATER, on_progress=die, rows_a_batch=batch)
    except KeyboardInterrupt:
        disturbed.ingest(LATER, batch)
    write(calm, after)
    calm.ingest(batch=100)
    assert stated(disturbed) == stated(calm)
    assert disturbed.problems() == calm.problems()
    for place in (disturbed, calm):
        place.db.dispose()
