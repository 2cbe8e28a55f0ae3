"""The sample company: complete, readable, consistent; its traps are there and its golden files are true."""

import io
import re
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pdfplumber
import pytest

from governance.china_ids import is_resident_id
from rag.company import RECORD_FIELDS

sys.path.insert(0, str(Path(__file__).parent))
from sample_company import (
    DOCUMENTS,
    SAMPLES,
    TODAY,
    consent_state,
    deciders,
    export,
    golden,
    profile,
    questions,
    records,
    squeezed,
    texts,
    trap,
)

SINCE = date(2023, 11, 21)
PRODUCT_FACTS = ("注册证编号", "有效期至", "适用范围", "质保期")


def test_the_profile_is_valid_and_names_the_five_rule_packs() -> None:
    assert profile().id == "chengyan-medical"
    assert len(profile().rule_packs) == 5
    assert set(profile().records) == set(RECORD_FIELDS)


def test_there_are_as_many_records_as_promised() -> None:
    assert len(records("customers")) >= 32
    assert len(records("contacts")) >= 125
    assert len(records("products")) >= 12
    assert len(records("purchases")) >= 300
    assert records("budgets")
    assert {row["purpose"] for row in records("consents")} == {"contact", "profiling", "training"}


@pytest.mark.parametrize("suffix", [".md", ".txt", ".docx", ".pdf", ".xlsx", ".html"])
def test_every_format_occurs_at_least_four_times(suffix: str) -> None:
    assert len([name for name in texts() if name.endswith(suffix)]) >= 4
    assert len(texts()) >= 42


def test_every_document_is_readable_and_of_a_useful_length() -> None:
    assert {name: len(text) for name, text in texts().items() if not 250 <= len(text) <= 2500} == {}


def test_every_pdf_yields_its_tables_and_no_lost_characters() -> None:
    for path in set(DOCUMENTS.glob("*.pdf")) - set(DOCUMENTS.glob("*扫描件*")):
        with pdfplumber.open(path) as pages:
            assert any(page.extract_tables() for page in pages.pages), path.name
            assert not re.search(r"\(cid:|■|�", "".join(page.extract_text() for page in pages.pages)), path.name


def test_the_files_are_small_and_hold_no_code() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    golden = [path for path in files if SAMPLES / "golden" in path.parents]  # what is measured with, the largest 1.7 MB
    assert sum(path.stat().st_size for path in files if path not in golden) < 2_000_000
    assert sum(path.stat().st_size for path in golden) < 6_000_000
    assert not [path for path in files if path.suffix in {".py", ".js", ".sh"}]


@pytest.mark.parametrize("kind", sorted(RECORD_FIELDS))
def test_the_mapping_fits_the_header_of_the_export(kind: str) -> None:
    header, rows = export(kind)
    assert set(profile().records[kind].columns.values()) <= set(header)
    required = [profile().records[kind].columns[field] for field in RECORD_FIELDS[kind][0]]
    assert all(str(row[column]) for row in rows for column in required)


def test_the_exports_mix_encodings_and_formats() -> None:
    contents = {kind: (SAMPLES / table.file).read_bytes() for kind, table in profile().records.items()}
    assert contents["titles"].startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        contents["contacts"].decode()
    assert contents["budgets"].startswith(b"PK")
    assert contents["products"].lstrip().startswith(b"[")


def test_records_refer_only_to_records_that_exist() -> None:
    ids = {kind: {row["id"] for row in records(kind)} for kind in ("customers", "contacts", "products")}
    for kind in ("contacts", "purchases", "budgets", "tenders", "tickets"):
        assert {row["customer"] for row in records(kind)} <= ids["customers"], kind
    for kind in ("titles", "consents"):
        assert {row["contact"] for row in records(kind)} <= ids["contacts"], kind
    category = {row["id"]: row["category"] for row in records("products")}
    assert all(category[row["product"]] == row["category"] for row in records("purchases"))
    assert {row["product"] for row in records("tickets")} <= ids["products"]


def test_ids_are_unique_but_for_the_deliberate_duplicates() -> None:
    for kind in ("customers", "contacts", "products", "tenders", "tickets"):
        assert max(Counter(row["id"] for row in records(kind)).values()) == 1, kind
    rows = export("purchases")[1]
    counted = Counter(row["订单号"] for row in rows)
    assert sorted(counted.values())[-3:] == [1, 2, 2]
    for number in trap("duplicate_rows")["rows"]:
        assert rows.count(rows[number - 2]) == 2
    assert [rows[number - 2]["订单日期"] for number in trap("broken_row")["rows"]] == ["2025-13-45"]


def test_every_other_date_is_a_date_in_order() -> None:
    pairs = {"titles": ("from", "to"), "tenders": ("published", "closes"), "tickets": ("opened", "closed")}
    pairs |= {"consents": ("given", "expires"), "purchases": ("date", "date")}
    for kind, (first, last) in pairs.items():
        for row in records(kind):
            start = date.fromisoformat(row[first])
            assert not row[last] or date.fromisoformat(row[last]) >= start, row
            assert kind == "titles" or start <= TODAY, row


def test_three_years_of_purchases_and_a_few_older_ones() -> None:
    days = [date.fromisoformat(row["date"]) for row in records("purchases")]
    assert sum(day <= SINCE for day in days) == 5
    assert {day.year for day in days if day > SINCE} == {2023, 2024, 2025, 2026}


def test_each_hospital_has_one_decision_maker_but_one_has_none() -> None:
    counts = {row["id"]: len(deciders(row["id"], TODAY)) for row in records("customers")}
    assert [customer for customer, count in counts.items() if count != 1] == ["H034"]
    assert counts["H034"] == 0
    year_ago = TODAY - timedelta(days=365)
    changed = [c for c in counts if counts[c] and deciders(c, TODAY)[0]["from"] > year_ago.isoformat()]
    assert len(changed) >= 4
    assert "H001" in changed


def test_every_word_that_the_brief_shows_has_an_english_entry() -> None:
    shown = {row["title"] for row in records("titles")} | {row["department"] for row in records("contacts")}
    shown |= {row[field] for row in records("products") for field in ("category", "unit")}
    shown |= {row["subject"] for row in records("tickets")} | {row["title"] for row in records("tenders")}
    shown |= {row[field] for row in records("customers") for field in ("level", "region")}
    assert shown - set(profile().glossary) == set()
    assert not [word for word in profile().glossary.values() if re.search(r"[一-鿿]", word)]


def test_every_product_states_its_facts_in_a_document() -> None:
    labels = {label for found in profile().documents.labels.values() for label in found}
    assert set(PRODUCT_FACTS) <= labels
    for product in golden("facts.json")["products"].values():
        own = [text for name, text in texts().items() if squeezed(product["name"]) in squeezed(name)]
        assert re.fullmatch(profile().documents.certificate_pattern, product["certificate"])
        wanted = [product["name"], product["model"], product["certificate"], product["scope"], *PRODUCT_FACTS]
        assert any(all(squeezed(word) in text for word in wanted) for text in own), product["name"]


def test_golden_product_facts_agree_with_the_register_of_the_quality_department() -> None:
    content = (DOCUMENTS / "15_产品资质台账_2026年11月.xlsx").read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    rows = [row for sheet in ("设备", "试剂") for row in book[sheet].iter_rows(min_row=2, values_only=True)]
    register = {row[1]: row for row in rows}
    facts = golden("facts.json")
    assert {product["model"] for product in facts["products"].values()} == set(register)
    for key, product in facts["products"].items():
        name, _, _, number, since, until, scope, warranty = register[product["model"]]
        assert [name, number, scope] == [product["name"], product["certificate"], product["scope"]]
        assert [since, until] == [product["valid_from"], product["valid_until"]]
        assert profile().glossary[product["scope"]] == product["scope_en"]
        assert product["warranty_months"] in (None, int(str(warranty).removesuffix("个月"))), key
        assert all(squeezed(product["certificate"]) in texts()[document] for document in product["documents"])
    expired = [key for key, product in facts["products"].items() if product["valid_until"] < TODAY.isoformat()]
    assert expired == facts["expired"] == ["P08"]


def test_golden_questions_are_answered_by_the_documents_they_name() -> None:
    asked = questions()
    assert len(asked) >= 60
    assert len({question["id"] for question in asked}) == len(asked)
    assert Counter(question["lang"] for question in asked).keys() == {"zh", "en"}
    for question in asked:
        assert question["documents"], question["id"]
        for name in question["documents"]:
            missing = [word for word in question["answer_contains"] if squeezed(word) not in texts()[name]]
            assert not missing, (question["id"], name, missing)


def test_golden_questions_cross_languages_in_both_directions() -> None:
    crossed = {"zh": 0, "en": 0}
    for question in questions():
        english = ["_EN_" in name for name in question["documents"]]
        crossed[question["lang"]] += all(english) if question["lang"] == "zh" else not any(english)
    assert min(crossed.values()) >= 4


@pytest.mark.parametrize("wanted", golden("briefs.json"), ids=lambda wanted: wanted["customer"])
def test_a_golden_brief_is_what_the_records_say(wanted: dict[str, Any]) -> None:
    customer = wanted["customer"]
    found = [
        {"contact": row["contact"], "title": row["title"], "since": row["from"]} for row in deciders(customer, TODAY)
    ]
    assert found == ([wanted["decider"]] if wanted["decider"] else [])
    if wanted["decider"]:
        assert consent_state(wanted["decider"]["contact"]) == wanted["contact_consent"]
    own = [row for row in records("purchases") if row["customer"] == customer]
    recent = [row for row in own if SINCE.isoformat() < row["date"] <= TODAY.isoformat()]
    for purchase in wanted["purchases"]:
        rows = [row for row in recent if row["category"] == purchase["category"]]
        assert sum(int(row["quantity"]) for row in rows) == purchase["quantity"]
        assert {int(row["date"][:4]) for row in rows} == set(purchase["years"])
        assert max(row["date"] for row in rows) == purchase["last"]
        assert {row["id"] for row in rows} == set(purchase["orders"])
    assert {row["category"] for row in recent} == {purchase["category"] for purchase in wanted["purchases"]}
    assert [p["last"] for p in wanted["purchases"]] == sorted((p["last"] for p in wanted["purchases"]), reverse=True)
    budgets = {
        row["year"]: [int(row["window_from"]), int(row["window_to"])]
        for row in records("budgets")
        if row["customer"] == customer
    }
    if wanted["budget"]:
        assert budgets[str(wanted["budget"]["year"])] == wanted["budget"]["window"]
    else:
        assert not budgets
    tickets = {row["id"] for row in records("tickets") if row["customer"] == customer and not row["closed"]}
    assert tickets == set(wanted["open_tickets"])
    open_tenders = {
        row["id"] for row in records("tenders") if row["customer"] == customer and row["closes"] > TODAY.isoformat()
    }
    assert open_tenders == set(wanted["open_tenders"])


def test_the_demo_lead_can_be_written() -> None:
    lead = next(found for found in golden("briefs.json") if found["customer"] == "H001")
    assert lead["contact_consent"] == "live"
    assert lead["decider"]["since"].startswith("2026-")
    assert lead["predecessor"]
    assert len(lead["purchases"]) >= 3
    assert lead["budget"] == {"year": 2027, "window": [10, 11]}
    assert len(lead["open_tickets"]) == 1
    assert lead["open_tenders"] == lead["disputed"] == []
    assert lead["unknown"] == ["tender"]


def test_every_trap_is_where_it_is_said_to_be() -> None:
    for found in golden("traps.json"):
        for where in found["where"]:
            if where.startswith("records/"):
                assert (SAMPLES / where).is_file()
            elif found.get("hidden"):
                assert found["text"] in (DOCUMENTS / where).read_text(encoding="utf-8")
                assert squeezed(found["text"]) not in texts()[where]
            elif "text" in found:
                assert squeezed(found["text"]) in texts()[where], found["id"]


def test_the_personal_data_traps_are_real_finds() -> None:
    found = trap("id_number_and_mobile_in_tender")
    number, mobile = found["values"]
    assert is_resident_id(number)
    assert re.fullmatch(r"1[3-9]\d{9}", mobile)
    assert all(value.casefold() in texts()[found["where"][0]] for value in found["values"])


def test_the_warranty_trap_contradicts_itself_and_no_other_product_does() -> None:
    (disputed,) = golden("facts.json")["disputed"]
    assert disputed["product"] == "P04"
    for months, names in disputed["values"].items():
        assert all(f"{months}个月" in texts()[name] or f"{months}months" in texts()[name] for name in names)


def test_homonyms_are_different_people() -> None:
    rows = {row["id"]: row for row in records("contacts")}
    same = [rows[contact] for contact in trap("homonym_same_hospital")["contacts"]]
    apart = [rows[contact] for contact in trap("homonym_two_hospitals")["contacts"]]
    assert len({row["customer"] for row in same}) == 1
    assert len({row["customer"] for row in apart}) == 2
    for pair in (same, apart):
        assert len({row["name"] for row in pair}) == 1
        assert len({row["phone"] for row in pair}) == 2


def test_consents_of_decision_makers_are_missing_where_declared() -> None:
    states = {
        c["id"]: consent_state(deciders(c["id"], TODAY)[0]["contact"])
        for c in records("customers")
        if c["id"] != "H034"
    }
    declared = trap("consent_not_live")
    for state in ("absent", "expired", "withdrawn"):
        assert sorted(c for c, found in states.items() if found == state) == declared[state]
    assert Counter(states.values())["live"] >= 25


def test_the_origin_declares_itself_fictional_and_lists_the_deliberate_defects() -> None:
    text = (SAMPLES / "ORIGIN.md").read_text(encoding="utf-8")
    assert all(word in text for word in ("虚构", "fictional", "Apache-2.0", "2025-13-45"))
    for number in (*trap("duplicate_rows")["rows"], *trap("broken_row")["rows"]):
        assert str(number) in text
