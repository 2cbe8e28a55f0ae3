"""Golden briefs are compared field by field; what is wrong with the data is said with its line."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from eval.__main__ import main
from eval.brief import FIELDS, Golden, compare, read_golden, same
from eval.jsonl import BadData
from tests.small_company import cut_company
from tests.test_rag_brief import EXPORTS, write_company

DAY = date(2026, 11, 21)
EMPTY: dict[str, Any] = {name: [] for name in FIELDS} | {"budget": None, "consent": {}}


def golden(customer: str, day: date = DAY, **fields: object) -> Golden:
    return Golden(1, customer, day, None, fields)


def write_golden(folder: Path, *rows: object) -> None:
    (folder / "golden").mkdir(exist_ok=True)
    text = "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "golden" / "briefs_360.jsonl").write_text(text, encoding="utf-8")


def test_the_share_of_equal_fields_is_counted_over_all_and_by_field_and_day() -> None:
    asked = [
        golden("H1", open_tickets=["F1"], budget=None),
        golden("H2", open_tickets=[], budget={"year": 2027}),
        golden("H1", date(2025, 1, 1), open_tickets=["F9"]),
    ]
    metrics, differences = compare(
        asked, lambda each: EMPTY | {"open_tickets": ["F1"] if each.customer == "H1" else []}
    )
    assert (metrics["field_exact"], metrics["brief_exact"]) == (0.6, 0.3333)
    assert (metrics["customers"], metrics["dates"], metrics["briefs"], metrics["fields"]) == (2, 2, 3, 5)
    assert metrics["by_field"] == {"budget": 0.5, "open_tickets": 0.6666}
    assert metrics["by_date"] == {"2025-01-01": 0.0, "2026-11-21": 0.75}
    assert [(each.golden.customer, each.field) for each in differences] == [("H2", "budget"), ("H1", "open_tickets")]


def test_order_counts_where_the_newest_comes_first_and_only_there() -> None:
    assert not same("open_tickets", ["F1", "F2"], ["F2", "F1"])
    assert same("unknown", ["tickets", "budget"], ["budget", "tickets"])
    assert same(
        "purchases",
        [{"last12": 2, "orders": ["X1"]}, {"last12": 1}],
        [{"last12": 1.0}, {"orders": ["X1"], "last12": 2.0}],
    )
    assert not same("purchases", [{"last12": 2}], [{"last12": 2}, {"last12": 2}])
    assert not same("promises", [{"overdue": True}], [{"overdue": 1}])
    assert not same("budget", None, {"year": 2027})


def test_nearly_all_is_not_all() -> None:
    asked = [golden(f"H{n}", open_tickets=[]) for n in range(20_000)]
    wrong = compare(asked, lambda each: EMPTY | {"open_tickets": ["F1"] if each.customer == "H7" else []})[0]
    assert wrong["field_exact"] == 0.9999


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"customer": "H1", "as_of": "2026-11-21", "fields": {}}, "no fields"),
        ({"customer": "H1", "as_of": "2026-11-21", "fields": {"weather": "x"}}, "weather"),
        ({"customer": "H1", "as_of": "21.11.2026", "fields": {"budget": None}}, "YYYY-MM-DD"),
        ({"customer": "H1", "as_of": "2026-11-21", "product": 3, "fields": {"budget": None}}, "product"),
        ({"customer": "H1", "fields": {"budget": None}}, "as_of"),
        ("{", "JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: object, said: str) -> None:
    write_golden(tmp_path, {"customer": "H1", "as_of": "2026-11-21", "fields": {"budget": None}}, row)
    with pytest.raises(BadData) as raised:
        read_golden(tmp_path)
    assert "line 2" in raised.value.en
    assert said in raised.value.en


def test_no_golden_file_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        read_golden(tmp_path)
    write_golden(tmp_path)
    with pytest.raises(BadData):
        read_golden(tmp_path)


def test_the_suite_reads_any_company_in_the_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_company(tmp_path, EXPORTS)
    told = {
        "open_tickets": [],
        "decision_makers": [{"contact": "K2", "title": "主任", "department": "设备科", "since": "2026-03-01"}],
        "consent": {"K2": "live"},
        "budget": {"year": 2027, "from": "2026-10-01", "to": "2026-11-30", "projected": False},
        "unknown": ["tickets", "promises", "communications", "tenders", "certificates"],
    }
    write_golden(
        tmp_path,
        {"customer": "H1", "as_of": "2026-11-21", "product": "P1", "fields": told},
        {"customer": "H1", "as_of": "2026-11-21", "product": None, "fields": {"budget": None}},
    )
    assert main(["brief", "--data", str(tmp_path), "--json"]) == 0
    out, told_wrong = capsys.readouterr()
    metrics = json.loads(out.splitlines()[-1])["metrics"]
    assert (metrics["field_exact"], metrics["brief_exact"], metrics["fields"]) == (0.8333, 0.5, 6)
    assert "budget: None" in told_wrong


def test_a_customer_that_is_not_in_the_records_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_company(tmp_path, EXPORTS)
    write_golden(tmp_path, {"customer": "H99", "as_of": "2026-11-21", "fields": {"budget": None}})
    assert main(["brief", "--data", str(tmp_path)]) == 2
    assert "H99" in capsys.readouterr().err


def test_the_sample_company_is_right_for_two_of_its_customers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them are measured by the suite; here those whose rows tell everything without the documents."""
    folder = tmp_path / "company"
    cut_company(folder, ("H001", "H017"), ())
    source = Path(__file__).parent.parent / "data_samples" / "golden" / "briefs_360.jsonl"
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    of_documents = {"certificates", "expired", "disputed", "unknown"}
    kept = [row for row in rows if row["customer"] in ("H001", "H017")]
    for row in kept:
        row["fields"] = {name: said for name, said in row["fields"].items() if name not in of_documents}
    write_golden(folder, *kept)
    assert main(["brief", "--data", str(folder), "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]
    assert (metrics["field_exact"], metrics["customers"], metrics["dates"]) == (1.0, 2, 3)
