"""The sample company's communications, promises, prices and hierarchy: they agree with posts, consents and papers."""

import io
import re
import sys
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest

from governance.china_ids import is_uscc

sys.path.insert(0, str(Path(__file__).parent))
from sample_company import DOCUMENTS, SAMPLES, TODAY, Rows, profile, records, squeezed, texts, trap

FIRST = date(2023, 12, 1)
ROLES = {"销售", "工程师", "客服"}
CHANNELS = {"电话", "拜访", "邮件", "会议", "企业微信"}
# number of a document about a hospital → (customer, day) of the communications that it tells of
TOLD = {
    "43": [("H001", "2026-10-15")],
    "46": [("H001", "2026-04-10")],
    "47": [("H027", "2026-08-19")],
    "49": [("H001", "2026-11-03")],
    "50": [("H030", "2026-07-21"), ("H030", "2026-07-22"), ("H030", "2026-07-24")],
    "51": [("H021", "2026-10-14")],
    "61": [("H005", "2026-11-17")],
    "62": [("H003", "2026-10-22"), ("H003", "2026-10-23")],
    "64": [("H003", "2026-10-16")],
    "65": [("H014", "2024-09-12")],
    "66": [("H014", "2025-07-02")],
}


def in_post(contact: str, day: str) -> bool:
    own = [row for row in records("titles") if row["contact"] == contact]
    return any(row["from"] <= day and (not row["to"] or day < row["to"]) for row in own)


def may_be_contacted(contact: str, day: str) -> bool:
    """Unless consent was withdrawn until that day and not given again since."""
    own = [row for row in records("consents") if row["contact"] == contact and row["purpose"] == "contact"]
    withdrawn = max((row["withdrawn"] for row in own if row["withdrawn"] and row["withdrawn"] <= day), default="")
    return not withdrawn or any(withdrawn < row["given"] <= day for row in own)


def has_live_consent(contact: str, day: str) -> bool:
    own = [row for row in records("consents") if row["contact"] == contact and row["purpose"] == "contact"]
    live = [row for row in own if row["given"] <= day and (not row["expires"] or day <= row["expires"])]
    return any(not row["withdrawn"] or day < row["withdrawn"] for row in live)


def list_price(product: str, day: str) -> int:
    """The highest price in the list on that day; no row of the list may overlap another."""
    own = [row for row in records("prices") if row["product"] == product and not row["customer"]]
    (price,) = [int(row["price"]) for row in own if row["from"] <= day and (not row["to"] or day < row["to"])]
    return price


def test_there_are_as_many_rows_as_the_origin_says() -> None:
    text = (SAMPLES / "ORIGIN.md").read_text(encoding="utf-8")
    for kind, unit in (("communications", "次沟通"), ("promises", "项承诺"), ("prices", "条价格")):
        assert f"{len(records(kind))}{unit}" in text
    assert len(records("communications")) >= 240
    assert f"{len(list(DOCUMENTS.iterdir()))}份文件" in text


def test_every_reference_leads_to_a_record() -> None:
    ids = {kind: {row["id"] for row in records(kind)} for kind in ("customers", "products")}
    workplace = {row["id"]: row["customer"] for row in records("contacts")}
    for kind in ("communications", "promises"):
        assert {row["customer"] for row in records(kind)} <= ids["customers"]
        assert max(Counter(row["id"] for row in records(kind)).values()) == 1
    for row in records("communications"):
        assert not row["contact"] or workplace[row["contact"]] == row["customer"], row
    assert {row["product"] for row in records("prices")} == ids["products"]
    assert {row["customer"] for row in records("prices")} - {""} <= ids["customers"]


def test_only_people_in_post_are_contacted_and_nobody_after_a_withdrawal() -> None:
    for row in records("communications"):
        if row["contact"]:
            assert in_post(row["contact"], row["date"]), row
            assert may_be_contacted(row["contact"], row["date"]), row


def test_nobody_is_called_without_a_live_consent_unless_he_called() -> None:
    calls = [row for row in records("communications") if row["channel"] == "电话"]
    assert len(calls) >= 30
    for row in calls:
        assert has_live_consent(row["contact"], row["date"]) or "来电" in row["note"], row


def test_communications_fall_on_working_days_of_the_three_years() -> None:
    days = [date.fromisoformat(row["date"]) for row in records("communications")]
    assert min(days) >= FIRST
    assert max(days) <= TODAY
    assert {day.weekday() for day in days} <= {0, 1, 2, 3, 4}
    assert days == sorted(days)
    assert {row["channel"] for row in records("communications")} == CHANNELS


def test_two_hospitals_have_no_communications() -> None:
    talked = {row["customer"] for row in records("communications")}
    silent = [row["id"] for row in records("customers") if row["id"] not in talked]
    assert silent == trap("no_communications")["customers"]


@pytest.mark.parametrize("number", sorted(TOLD))
def test_what_a_document_tells_of_a_hospital_has_its_row(number: str) -> None:
    rows = {(row["customer"], row["date"]) for row in records("communications")}
    assert any(path.name.startswith(f"{number}_") for path in DOCUMENTS.iterdir())
    assert set(TOLD[number]) <= rows


def test_promises_are_made_before_they_fall_due_and_are_kept() -> None:
    rows = records("promises")
    for row in rows:
        assert FIRST.isoformat() <= row["made"] <= TODAY.isoformat(), row
        assert not row["due"] or row["made"] <= row["due"], row
        assert not row["kept"] or row["made"] <= row["kept"] <= TODAY.isoformat(), row
        assert row["owner"] in ROLES
    assert [row for row in rows if not row["kept"] and row["due"] > TODAY.isoformat()]
    assert [row for row in rows if not row["kept"] and "" < row["due"] < TODAY.isoformat()]
    assert [row for row in rows if row["kept"] > row["due"] > ""]
    assert [row for row in rows if not row["due"]]


def test_prices_of_one_product_and_customer_do_not_overlap() -> None:
    own: dict[tuple[str, str], Rows] = {}
    for row in records("prices"):
        own.setdefault((row["product"], row["customer"]), []).append(row)
        assert not row["to"] or row["from"] < row["to"], row
        assert (row["currency"], int(row["price"]) > 0) == ("CNY", True)
        if row["customer"]:
            assert int(row["price"]) <= list_price(row["product"], row["from"]), row
    for rows in own.values():
        for earlier, later in pairwise(sorted(rows, key=lambda row: row["from"])):
            assert earlier["to"]
            assert earlier["to"] <= later["from"]


def test_the_list_of_2026_is_the_price_policy_and_the_dual_pump_is_off_the_list() -> None:
    content = (DOCUMENTS / "34_价格政策_2026年.xlsx").read_bytes()
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True)["目录价"]
    policy = {row[0]: row[2] for row in sheet.iter_rows(min_row=2, values_only=True)}
    models = {row["id"]: row["model"] for row in records("products")}
    today = {models[key]: list_price(key, TODAY.isoformat()) for key in models if key != "P08"}
    assert today == policy
    (last,) = [row["to"] for row in records("prices") if row["product"] == "P08" and row["to"] >= "2025"]
    assert last == "2025-07-01"


def test_nothing_was_bought_above_the_list() -> None:
    for row in records("purchases"):
        assert float(row["amount"]) <= int(row["quantity"]) * list_price(row["product"], row["date"]), row


def test_registrations_are_valid_fictional_and_shared_only_by_campuses() -> None:
    numbers = [row["registration"] for row in records("customers") if row["registration"]]
    assert len(numbers) >= 30
    for number in numbers:
        assert is_uscc(number)
        assert re.fullmatch(r"(?:12|52|91)(?:31|32|33|34)9900.{10}", number)  # 9900: no prefecture, no district
    (shared,) = [number for number, count in Counter(numbers).items() if count > 1]
    own = [row for row in records("customers") if row["registration"] == shared]
    assert [row["id"] for row in own] == trap("one_registration_two_campuses")["customers"]
    assert len({row["campus"] for row in own}) == 2


def test_the_hierarchy_has_no_cycle_and_there_are_two_purchasing_groups() -> None:
    parents = {row["id"]: row["parent"] for row in records("customers")}
    below = {key: above for key, above in parents.items() if above}
    assert len(below) == 2
    assert all(above in parents and not parents[above] for above in below.values())
    assert len({row["group"] for row in records("customers")} - {""}) == 2


def test_the_renamed_hospital_is_still_called_by_its_old_name_in_papers_and_notes() -> None:
    found = trap("renamed_hospital")
    (row,) = [row for row in records("customers") if row["id"] == found["customer"]]
    assert row["former_names"] == found["text"]
    assert row["former_names"] not in {row["name"] for row in records("customers")}
    assert sum(squeezed(row["former_names"]) in text for text in texts().values()) == 2
    notes = [row["date"] for row in records("communications") if found["text"] in row["note"]]
    assert min(notes) < "2025-07-01" < max(notes)


def test_personal_data_in_a_note_is_of_a_fictional_contact() -> None:
    own = {row["phone"] for row in records("contacts")}
    notes = "\n".join(row["note"] for row in records("communications"))
    numbers = re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", notes)
    assert numbers == trap("name_and_mobile_in_note")["values"][1:]
    assert all(number.startswith("1990000") and number in own for number in numbers)
    assert trap("name_and_mobile_in_note")["values"][0] in notes


def test_every_word_of_the_new_exports_has_an_english_entry() -> None:
    shown = {row[field] for row in records("communications") for field in ("channel", "subject")}
    shown |= {row[field] for row in records("promises") for field in ("text", "owner")}
    shown |= {row[field] for row in records("customers") for field in ("campus", "group") if row[field]}
    assert shown - set(profile().glossary) == set()
