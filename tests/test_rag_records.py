"""Exports: encodings, headers, dates, and one bad row never costs the others."""

import io
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from governance.errors import UnreadableFile, WrongHeaders
from rag.company import Table
from rag.dates import find_date, parse_date, parse_month, parse_months, parse_number
from rag.decoding import decode
from rag.records import read_records

CUSTOMERS = Table(file="customers.csv", columns={"id": "编号", "name": "名称", "aliases": "简称"})
BUDGETS = Table(file="budgets.xlsx", sheet="预算", columns={"customer": "客户", "year": "年度", "window_from": "起"})


def names(content: bytes) -> list[tuple[int, str]]:
    return [(row.number, row.get("name")) for row in read_records("c.csv", content, "customers", CUSTOMERS)[0]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_an_export_reads_the_same_in_every_encoding(encoding: str) -> None:
    text = "编号,名称,简称\r\nH1,青禾医院,青禾\r\nH2,云渚医院·东院,\r\n"
    assert names(text.encode(encoding)) == [(2, "青禾医院"), (3, "云渚医院·东院")]


def test_a_gb18030_line_in_a_utf_8_file_is_read_too() -> None:
    content = "编号,名称,简称\nH1,青禾医院,\n".encode() + "H2,联通医院,联通\n".encode("gb18030")
    assert names(content) == [(2, "青禾医院"), (3, "联通医院")]


def test_a_row_in_no_known_encoding_is_named_and_the_rest_goes_on() -> None:
    content = "编号,名称,简称\nH1,青禾,\n".encode() + b"H2,\xff\xff\xff,\n" + "H3,云渚,\n".encode()
    rows, bad = read_records("c.csv", content, "customers", CUSTOMERS)
    assert [row.get("id") for row in rows] == ["H1", "H3"]
    assert [wrong.data["row"] for wrong in bad] == [3]
    assert "编码" in bad[0].say("zh")


def test_wrong_headers_name_what_is_missing_and_what_is_there() -> None:
    with pytest.raises(WrongHeaders) as raised:
        read_records("c.csv", "编号,医院,简称\nH1,青禾,\n".encode(), "customers", CUSTOMERS)
    assert "名称" in raised.value.say("zh")
    assert "医院" in raised.value.say("en")


def test_duplicate_ragged_and_incomplete_rows_are_named() -> None:
    text = "编号,名称,简称\nH1,青禾,\nH1,别的,\nH2,云渚,,多余\nH3,,\n\nH4,好,\n"
    rows, bad = read_records("c.csv", text.encode(), "customers", CUSTOMERS)
    assert [(row.number, row.get("id")) for row in rows] == [(2, "H1"), (7, "H4")]
    assert [wrong.data["row"] for wrong in bad] == [3, 4, 5]
    assert all(wrong.say("zh") and wrong.say("en") for wrong in bad)


def test_an_xlsx_export_gives_iso_dates_and_whole_numbers() -> None:
    book = Workbook()
    book.create_sheet("别的")
    sheet = book.create_sheet("预算")
    for row in (
        ["客户", "年度", "起", None],
        ["H1", 2027.0, date(2026, 10, 1)],
        [None, None, None],
        ["H2", 2027, 9],
    ):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    rows, bad = read_records("b.xlsx", file.getvalue(), "budgets", BUDGETS)
    assert [(row.number, *row.cells.values()) for row in rows] == [
        (2, "H1", "2027", "2026-10-01"),
        (4, "H2", "2027", "9"),
    ]
    assert bad == []


@pytest.mark.parametrize("wrapped", ["{rows}", '{{"data": {rows}}}'])
def test_a_json_export_may_wrap_its_list(wrapped: str) -> None:
    rows = json.dumps(
        [{"编号": "H1", "名称": "青禾", "简称": ["青", "禾"]}, {"编号": "H2", "名称": "云渚"}], ensure_ascii=False
    )
    found, _ = read_records("c.json", wrapped.format(rows=rows).encode(), "customers", CUSTOMERS)
    assert [(row.number, row.get("name"), row.get("aliases")) for row in found] == [
        (1, "青禾", "青；禾"),
        (2, "云渚", ""),
    ]


@pytest.mark.parametrize("content", [b"", b"  \n", b"[1, 2]", b'{"a": ', b"\x00\x01\x02\x03"])
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_records("c.csv", content, "customers", CUSTOMERS)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-12",
        "2024/3/12",
        "2024.3.12",
        "2024年3月12日",
        "2024-03-12 10:30:00",
        "20240312",
        "45363",
        "12 March 2024",
        "March 12, 2024",
        "12 Mar 2024",
    ],
)
def test_a_day_may_be_written_in_many_ways(text: str) -> None:
    assert parse_date(text) == date(2024, 3, 12)


@pytest.mark.parametrize("text", ["", "2024-13-45", "12.3.24", "三月", "2024-02-30", "123", "n/a"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_date(text)


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2080, 12, 31)))
def test_every_day_survives_being_written(day: date) -> None:
    assert parse_date(day.isoformat()) == parse_date(f"{day.year}年{day.month}月{day.day}日") == day
    assert find_date(f"编制日期：{day.year}/{day.month}/{day.day}。版本2") == day


def test_months_periods_and_numbers_are_understood() -> None:
    assert [parse_month(text) for text in ("10", "10月", "2025-10", "October")] == [10] * 4
    assert [parse_months(text) for text in ("36个月", "3年", "三年", "3 years", "整机36个月")] == [36] * 5
    assert [parse_number(text) for text in ("1,200.00", "¥1200", "1200元")] == ["1200"] * 3
    with pytest.raises(ValueError, match="终身"):
        parse_months("终身")


@given(st.text(max_size=200))
def test_decoding_never_fails_and_keeps_utf_8(text: str) -> None:
    content = text.encode("utf-8", errors="replace")
    if not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        assert decode(content) == content.decode().replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=200))
def test_decoding_never_fails_on_any_bytes(content: bytes) -> None:
    assert isinstance(decode(content), str)
