"""Exports with wrong rows, hostile cells, broken files and circles: told with their row, and they cost nobody else."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.imports import CUSTOMERS_HEADER
from governance.db import reading
from rag.company import load_company
from rag.facts import facts_of
from rag.filing_rows import MOST_PROBLEMS

sys.path.insert(0, str(Path(__file__).parent))
from generated_company import HEADER, LATER, PURCHASES, Place, order


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "company")
    yield made
    made.db.dispose()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (order(1, day="明天"), "不是日期"),
        (order(1, day="2027-01-01"), "日期在未来"),
        (order(1, amount="一百"), "不是数字"),
        (order(1, amount="=cmd|' /c calc'!A0"), "不是数字"),
        (order(1, customer=""), "为空"),
        (order(1, customer="../../C00000"), "不是已知的客户编号"),
        (order(1) + ",多", "应有 9 列"),
        ("X1,C00000,2025-01-0", "应有 9 列"),
        (f"X{'9' * 200},C00000,2025-01-02,输液泵,P1,1,台,1,H", "不像编号"),
        (order(1) + "长" * 30_000, "过长"),
        (order(1).replace("输液泵", '"输液泵') + "x" * 200_000, "缺少结束引号"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_on(place: Place, bad: str, words: str) -> None:
    place.write(order(0), bad, order(2))
    report = place.ingest()
    assert [(problem.name, problem.row) for problem in report.problems] == [(PURCHASES, 3)]
    assert words in report.problems[0].error.say("zh")
    assert report.problems[0].error.say("en") != report.problems[0].error.say("zh")
    assert {fact.value for fact in place.bought()} == {"X0", "X2"}


def test_hostile_cells_are_text_and_control_characters_are_left_out(place: Place) -> None:
    formula, path = "=cmd|'/c calc'!A0", "../../etc/passwd"
    place.write(
        f"{path},C00000,2025-01-02,{formula},P1,1,台,1,H1",
        "X\x1b[31m2\u202e,C00000,2025-01-02,输液\x07泵,P1,1,台,1,H2",
    )
    assert place.ingest().problems == ()
    found = {fact.value: fact.attributes["category"] for fact in place.bought()}
    assert found == {path: formula, "X[31m2": "输液泵"}
    assert not list(place.folder.parent.glob("etc*"))


def test_lines_of_two_encodings_and_an_unfinished_last_line(place: Place) -> None:
    content = f"{HEADER}\r\n{order(1)}\r\n".encode() + (order(2) + "\r\n").encode("gb18030")
    place.export.write_bytes(content + order(3)[:12].encode())
    report = place.ingest()
    assert [problem.row for problem in report.problems] == [4]
    assert {fact.attributes["category"] for fact in place.bought()} == {"输液泵"}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01", b"{", HEADER.encode()[:30] + b"\n"])
def test_a_file_that_is_no_table_leaves_what_was_known(place: Place, content: bytes) -> None:
    place.ingest()
    place.export.write_bytes(content)
    report = place.ingest(LATER)
    assert [problem.row for problem in report.problems if problem.name == PURCHASES][:1] == [None]
    assert len(place.bought()) == 25


def test_an_export_may_be_larger_than_a_document_but_not_huge(place: Place) -> None:
    place.write(order(1))
    with place.export.open("ab") as file:
        file.truncate(501 * 2**20)
    report = place.ingest()
    assert "500 MB" in report.problems[0].error.say("zh")


def test_an_export_with_its_header_alone_retires_all_rows(place: Place) -> None:
    place.ingest()
    place.write()
    assert place.ingest(LATER).problems == ()
    assert place.bought() == []


def test_thousands_of_wrong_rows_are_told_in_a_list_that_ends(place: Place) -> None:
    place.write(*(order(number, customer="C9") for number in range(MOST_PROBLEMS + 500)), order(9_999))
    report = place.ingest(batch=300)
    assert len(report.problems) == MOST_PROBLEMS + 1
    assert "不再逐行列出" in report.problems[-1].error.say("zh")
    assert [fact.value for fact in place.bought()] == ["X9999"]


def test_parents_in_a_circle_or_unknown_cost_no_customer(place: Place) -> None:
    header = ",".join((*CUSTOMERS_HEADER, "上级", "信用代码", "联盟"))
    rows = [
        "C00000,甲院,苏,C00001,,东部联盟",
        "C00001,乙院,苏,C00002,,",
        "C00002,丙院,苏,C00000,,",
        "C00003,丁院,苏,没有这家,,",
        "C00004,戊院,苏,乙院,123299007022552272,",
        "C00005,己院,苏,C00005,110101199003070732,",
    ]
    (place.folder / "records" / "customers.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    profile = place.folder / "company.yaml"
    extra = "region: 省市, parent: 上级, registration: 信用代码, group: 联盟}"
    profile.write_text(profile.read_text(encoding="utf-8").replace("region: 省市}", extra), encoding="utf-8")
    place.company = load_company(place.folder)
    report = place.ingest()
    told = {problem.row: problem.error.say("zh") for problem in report.problems if problem.name != PURCHASES}
    assert set(told) == {4, 5, 7}
    assert "C00002 → C00000 → C00001 → C00002" in told[4]
    assert "没有这家" in told[5]
    with reading(place.db) as tx:
        parents = {fact.subject: fact.object for fact in facts_of(tx, "part_of")}
        groups = {fact.subject: fact.object for fact in facts_of(tx, "purchases_through")}
        numbers = {fact.subject: fact.attributes.get("registration") for fact in facts_of(tx, "name")}
    assert parents == {
        "customer:C00000": "customer:C00001",
        "customer:C00001": "customer:C00002",
        "customer:C00004": "customer:C00001",
    }
    assert groups == {"customer:C00000": "group:东部联盟"}
    assert len(numbers) == 6
    assert numbers["customer:C00004"] == "123299007022552272"
    assert numbers["customer:C00005"] is None
