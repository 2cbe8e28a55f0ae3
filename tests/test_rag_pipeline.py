"""Ingest of a small real company: once is enough, bad input costs nobody else, nothing personal lies in the open."""

import csv
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy import Connection, Engine, func, select, text

from governance import ledger
from governance.db import metadata, open_engine, reading
from governance.errors import UnreadableFile
from governance.passport import passport_of
from governance.vault import TOKEN, Vault, find, forget, open_vault
from rag import tables
from rag.company import Company, load_company
from rag.customers import customers, decision_maker
from rag.entries import contact_person
from rag.facts import facts_about
from rag.pipeline import ingest, ingest_document, make_redactor
from rag.sources import passages

sys.path.insert(0, str(Path(__file__).parent))
from small_company import cut_company

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
FREE_TEXT = ("tenders.csv", "tickets.csv", "consents.csv", "communications.csv", "promises.csv")
DOCUMENTS = [
    "05_产品资质_TM-8转运监护仪.md",
    "09_产品资质_YD-Z1微量注射泵.txt",
    "43_会议纪要_2026年10月青禾市第一人民医院需求沟通.md",
    "51_EN_mail_international_department.html",
    "56_供应商来稿_产品宣传稿.txt",
]


@dataclass
class Place:
    """A company folder with its database and keys."""

    folder: Path

    def __post_init__(self) -> None:
        self.company: Company = load_company(self.folder / "company")
        self.vault: Vault = open_vault(self.folder / "keys")
        self.db: Engine = open_engine(f"sqlite:///{self.folder / 'db' / 't.db'}")
        metadata.create_all(self.db)

    def export(self, name: str) -> Path:
        return self.folder / "company" / "records" / name

    def document(self, name: str) -> Path:
        return self.folder / "company" / "documents" / name

    def counts(self) -> dict[str, int]:
        names = ("documents", "sources", "facts", "retirements", "people", "passports", "consents", "personal_values")
        with reading(self.db) as tx:
            return {name: tx.scalar(select(func.count()).select_from(metadata.tables[name])) or 0 for name in names}

    def bytes(self) -> bytes:
        with self.db.begin() as tx:
            tx.execute(text("select 1"))
        return b"".join(path.read_bytes() for path in (self.folder / "db").iterdir())


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ingested")
    cut_company(folder / "company", ["H001", "H003"], DOCUMENTS)
    place = Place(folder)
    report = ingest(place.db, place.vault, place.company, now=NOW)
    assert (report.documents, report.unchanged, report.problems) == (len(DOCUMENTS), 0, ())
    place.db.dispose()
    return folder


@pytest.fixture
def place(ingested: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(ingested, tmp_path / "copy")
    copy = Place(tmp_path / "copy")
    yield copy
    copy.db.dispose()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Place]:
    """Records without free text and no documents: quick, for no redactor is needed."""
    cut_company(tmp_path / "bare" / "company", ["H001", "H003"], [])
    for name in FREE_TEXT:
        path = tmp_path / "bare" / "company" / "records" / name
        path.write_text(path.read_text(encoding="utf-8-sig").split("\n")[0] + "\n", encoding="utf-8")
    place = Place(tmp_path / "bare")
    yield place
    place.db.dispose()


def problems(tx: Connection) -> list[tuple[str, int | None]]:
    return [(row.file, row.row) for row in tx.execute(select(tables.problems).order_by(tables.problems.c.number))]


@pytest.mark.slow
def test_the_second_ingest_reads_nothing_and_changes_nothing(place: Place) -> None:
    before = place.counts()
    report = ingest(place.db, place.vault, place.company, now=LATER)
    assert (report.documents, report.rows, report.facts, report.people) == (0, 0, 0, 0)
    assert report.unchanged == len(DOCUMENTS) + len(place.company.file.records)
    assert place.counts() == before


@pytest.mark.slow
def test_every_source_has_a_passport_and_the_ledger_is_whole(place: Place) -> None:
    with reading(place.db) as tx:
        ledger.verify(tx)
        for passport in set(tx.scalars(select(tables.sources.c.passport))):
            assert passport_of(tx, passport).permits("training")
        contacts = passport_of(
            tx,
            tx.scalars(
                select(tables.sources.c.passport).where(tables.sources.c.title == "records/contacts.csv")
            ).first()
            or "",
        )
    assert (contacts.kind, contacts.origin.split("#")[0]) == ("record", "records/contacts.csv")


@pytest.mark.slow
def test_no_personal_value_lies_in_the_open(place: Place) -> None:
    content = place.bytes()
    for value in (
        "沈知遥",
        "顾明川",
        "Zhiyao Shen",
        "19900000074",
        "shenzhiyao.k0002@h001.example",
        "wx_shenzhiyao002",
    ):
        assert value.encode() not in content
    with reading(place.db) as tx:
        assert find(tx, place.vault, "phone", "19900000074") == [contact_person(place.vault, place.company, "K0002")]
        texts = [source.text + source.heading for source in passages(tx, place.vault)]
    assert not any("沈知遥" in text for text in texts)
    assert any(TOKEN.search(text) for text in texts)


@pytest.mark.slow
def test_two_people_of_one_name_in_a_document_are_never_guessed(place: Place) -> None:
    namesakes = {contact_person(place.vault, place.company, contact) for contact in ("K0003", "K0004")}
    with reading(place.db) as tx:
        meeting = " ".join(source.text for source in passages(tx, place.vault) if source.title.startswith("43_"))
    mentioned = {match[1] for match in TOKEN.finditer(meeting)}
    assert contact_person(place.vault, place.company, "K0002") in mentioned
    assert not mentioned & namesakes


@pytest.mark.slow
def test_documents_state_facts_and_their_instructions_do_not(place: Place) -> None:
    with reading(place.db) as tx:
        transport = {fact.relation: fact.value for fact in facts_about(tx, "product:P05", as_of=NOW.date())}
        certificates = facts_about(
            tx, "product:P05", as_of=datetime(2028, 9, 1, tzinfo=UTC).date(), relation="certificate"
        )
        warranties = {fact.value for fact in facts_about(tx, "product:P10", as_of=None, relation="warranty")}
        hostile = {source.title for source in passages(tx, place.vault) if source.hostile}
        others = facts_about(tx, "product:P01", as_of=None, relation="warranty")
    assert (transport["certificate"], transport["warranty"]) == ("苏械注准20232070588", "24")
    assert certificates == []
    assert warranties == {"24"}
    assert hostile == {DOCUMENTS[3], DOCUMENTS[4]}
    assert others == []


@pytest.mark.slow
def test_a_new_version_of_a_document_replaces_what_the_old_one_stated(place: Place) -> None:
    path = place.document(DOCUMENTS[0])
    path.write_text(path.read_text(encoding="utf-8").replace("24个月", "12个月"), encoding="utf-8")
    path.with_name("坏.pdf").write_bytes(b"%PDF-1.4 broken")
    report = ingest(place.db, place.vault, place.company, now=LATER)
    assert [(problem.name, problem.row) for problem in report.problems] == [("坏.pdf", None)]
    with reading(place.db) as tx:
        now = [fact.value for fact in facts_about(tx, "product:P05", as_of=None, relation="warranty")]
        then = [fact.value for fact in facts_about(tx, "product:P05", as_of=None, relation="warranty", known_at=NOW)]
        current = [source for source in passages(tx, place.vault) if source.title == DOCUMENTS[0]]
        assert problems(tx) == [("坏.pdf", None)]
    assert (now, then) == (["12"], ["24"])
    assert len({source.document for source in current}) == 1
    assert not any("24个月" in source.text for source in current)


@pytest.mark.slow
def test_an_uploaded_document_is_known_by_its_content(place: Place) -> None:
    redactor = make_redactor(place.db, place.vault, NOW)

    def upload(name: str, content: bytes) -> str:
        return ingest_document(
            place.db, place.vault, place.company, redactor, name, content, channel="upload", actor="admin", now=LATER
        )

    content = "# TM-8补充资料\n\n型号：TM-8\n质保期：24个月\n\n联系人：王小明，电话19912345678。\n".encode()
    first = upload("补充.md", content)
    assert upload("补充.md", content) == upload("另一个名字.md", content) == first
    before = place.counts()
    with pytest.raises(UnreadableFile):
        upload("空.pdf", b"")
    assert place.counts() == before
    with reading(place.db) as tx:
        mine = passages(tx, place.vault, first)
        assert ledger.events_of(tx, first)[0].actor == "admin"
    assert "24个月" in mine[0].text
    assert not any("王小明" in source.text or "19912345678" in source.text for source in mine)


@pytest.mark.slow
def test_a_killed_ingest_leaves_nothing_half_written_and_continues(tmp_path: Path) -> None:
    cut_company(tmp_path / "killed" / "company", ["H001"], DOCUMENTS[:3])
    place = Place(tmp_path / "killed")

    def kill(step: str, done: int, total: int) -> None:
        if step == "documents" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(place.db, place.vault, place.company, now=NOW, on_progress=kill)
    report = ingest(place.db, place.vault, place.company, now=NOW)
    assert (report.documents, report.rows) == (1, 0)
    with reading(place.db) as tx:
        assert {source.title for source in passages(tx, place.vault)} == set(DOCUMENTS[:3])
    place.db.dispose()


def test_a_changed_row_replaces_only_itself(bare: Place) -> None:
    ingest(bare.db, bare.vault, bare.company, now=NOW)
    before = bare.counts()
    path = bare.export("purchases.csv")
    header, first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    changed = ",".join([*cells[:5], "77", *cells[6:]])
    path.write_text("\n".join([header, changed, *rest[1:]]) + "\n", encoding="utf-8")
    report = ingest(bare.db, bare.vault, bare.company, now=LATER)
    assert (report.sources, report.facts, report.unchanged) == (1, 1, len(bare.company.file.records) - 1)
    assert bare.counts()["retirements"] == 2  # the old wording of the row, and the row that vanished
    assert bare.counts()["facts"] == before["facts"] + 1
    with reading(bare.db) as tx:
        now = {f.value: f for f in facts_about(tx, f"customer:{cells[1]}", as_of=None, relation="bought")}
        then = {
            f.value: f for f in facts_about(tx, f"customer:{cells[1]}", as_of=None, relation="bought", known_at=NOW)
        }
    assert now[cells[0]].attributes["quantity"] == "77"
    assert then[cells[0]].attributes["quantity"] == cells[5]


def test_bad_rows_and_files_are_told_and_the_rest_goes_on(bare: Place) -> None:
    with bare.export("purchases.csv").open("a", encoding="utf-8") as file:
        file.write("X1,H999,2025-01-01,输液泵,P07,1,台,1,\nX2,H001,2025-13-45,输液泵,P07,1,台,1,\nX3,H001\n")
    bare.export("titles.csv").write_text("甲,乙\n1,2\n", encoding="utf-8")
    bare.export("tenders.csv").write_bytes(b"")
    bare.export("tickets.csv").unlink()
    with bare.document("巨大.pdf").open("wb") as file:
        file.truncate(100 * 2**20)
    report = ingest(bare.db, bare.vault, bare.company, now=NOW)
    told = {(problem.name, problem.row is None): problem.error for problem in report.problems}
    assert set(told) == {
        ("records/purchases.csv", False),
        ("records/titles.csv", True),
        ("records/tenders.csv", True),
        ("records/tickets.csv", True),
        ("巨大.pdf", True),
    }
    assert [error.say("zh") != error.say("en") for error in told.values()] == [True] * 5
    with reading(bare.db) as tx:
        assert len(customers(tx)) == 2
        stored = problems(tx)
        assert len(stored) == len(report.problems)
        last = max(row or 0 for name, row in stored if name == "records/purchases.csv")
    assert last == len(bare.export("purchases.csv").read_text(encoding="utf-8").splitlines())


def test_a_corrected_export_makes_the_rows_right_that_depended_on_it(bare: Place) -> None:
    path = bare.export("customers.csv")
    whole = path.read_text(encoding="utf-8")
    path.write_text("\n".join(whole.splitlines()[:2]) + "\n", encoding="utf-8")
    first = ingest(bare.db, bare.vault, bare.company, now=NOW)
    assert first.problems
    path.write_text(whole, encoding="utf-8")
    second = ingest(bare.db, bare.vault, bare.company, now=LATER)
    assert second.problems == ()
    assert second.rows > 0
    with reading(bare.db) as tx:
        assert problems(tx) == []
        assert all(decision_maker(tx, customer.id, NOW.date()) for customer in customers(tx))


def test_sheets_of_one_workbook_do_not_replace_each_other(bare: Place) -> None:
    book = Workbook()
    tables = dict(bare.company.file.records)
    for kind in ("customers", "contacts", "titles"):
        sheet = book.create_sheet(kind)
        for row in csv.reader(bare.export(f"{kind}.csv").read_text(encoding="utf-8-sig").splitlines()):
            sheet.append(row)
        tables[kind] = tables[kind].model_copy(update={"file": "records/all.xlsx", "sheet": kind})
    book.save(bare.export("all.xlsx"))
    company = replace(bare.company, file=bare.company.file.model_copy(update={"records": tables}))
    for moment in (NOW, LATER):
        report = ingest(bare.db, bare.vault, company, now=moment)
        assert report.problems == ()
        with reading(bare.db) as tx:
            assert len(customers(tx)) == 2
            assert all(decision_maker(tx, customer.id, NOW.date()) for customer in customers(tx))
    assert report.unchanged == len(tables)


def test_a_withdrawn_person_does_not_come_back_with_the_next_export(bare: Place) -> None:
    ingest(bare.db, bare.vault, bare.company, now=NOW)
    person = contact_person(bare.vault, bare.company, "K0002")
    with bare.db.begin() as tx:
        forget(tx, bare.vault, person, actor="dpo", now=NOW)
    path = bare.export("contacts.csv")
    path.write_text(path.read_text(encoding="utf-8").replace("19900000074", "19900009999"), encoding="utf-8")
    report = ingest(bare.db, bare.vault, bare.company, now=LATER)
    assert [problem.name for problem in report.problems if "撤回" in problem.error.say("zh")] == [
        "records/contacts.csv"
    ]
    with reading(bare.db) as tx:
        assert find(tx, bare.vault, "phone", "19900009999") == []


rows = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(["H001", "H003", "H9"]), st.sampled_from(["2025-01-02", "2025/3/4", "x"])
    ),
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, rows)
def test_ingesting_twice_is_ingesting_once_whatever_came_before(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[int, str, str]], second: list[tuple[int, str, str]]
) -> None:
    header = "订单号,客户编号,订单日期,品类,产品编号,数量,单位,金额（元）,合同号"

    def known(tx: Connection) -> set[tuple[str, str, str]]:
        bought = [fact for c in customers(tx) for fact in facts_about(tx, c.id, as_of=None, relation="bought")]
        return {(fact.subject, fact.value, str(fact.valid_from)) for fact in bought}

    def run(place: Place, stated: list[tuple[int, str, str]]) -> set[tuple[str, str, str]]:
        lines = [f"X{number},{customer},{day},输液泵,P07,1,台,1," for number, customer, day in stated]
        place.export("purchases.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        ingest(place.db, place.vault, place.company, now=NOW)
        before = place.counts()
        assert ingest(place.db, place.vault, place.company, now=LATER).facts == 0
        assert place.counts() == before
        with reading(place.db) as tx:
            return known(tx)

    folder = tmp_path_factory.mktemp("twice")
    cut_company(folder / "company", ["H001", "H003"], [])
    for name in (*FREE_TEXT, "contacts.csv", "titles.csv"):
        path = folder / "company" / "records" / name
        path.write_text(path.read_text(encoding="utf-8-sig").split("\n")[0] + "\n", encoding="utf-8")
    place = Place(folder)
    once = run(place, second)
    run(place, first)
    assert run(place, second) == once
    place.db.dispose()
