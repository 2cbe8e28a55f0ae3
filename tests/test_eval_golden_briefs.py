"""The golden customer-360 answers: current, complete, and right at the edges of days, years and consents."""

import json
import shutil
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.golden_briefs import DAYS, GOLDEN, PARTS, SAMPLES, consent_state, fields_of, main
from eval.golden_exports import Exports

DAY = date(2025, 12, 15)


def exports(**rows: list[dict[str, str]]) -> Exports:
    """One customer C with a contact K and no certificates; `rows` by export."""
    kinds = ("purchases", "budgets", "tenders", "tickets", "communications", "promises")
    of_customer = {kind: defaultdict(list, {"C": rows.get(kind, [])}) for kind in kinds}
    consents = defaultdict(list, {"K": rows.get("consents", [])})
    facts: dict[str, Any] = {"products": {}, "disputed": []}
    return Exports(["C"], {"K": "C"}, rows.get("titles", []), consents=consents, facts=facts, **of_customer)


def title(since: str, until: str = "", decides: str = "是") -> dict[str, str]:
    post = {"联系人编号": "K", "科室": "设备科", "职务": "设备科主任"}
    return {**post, "任职日期": since, "离任日期": until, "是否决策人": decides}


def consent(given: str, expires: str = "", withdrawn: str = "") -> dict[str, str]:
    return {"用途": "contact", "同意日期": given, "有效期至": expires, "撤回日期": withdrawn}


def budget(year: int, first: int, last: int) -> dict[str, str]:
    return {"预算年度": str(year), "申报起始月": str(first), "申报截止月": str(last)}


def order(number: str, day: str, quantity: int) -> dict[str, str]:
    return {"订单号": number, "订单日期": day, "品类": "输液泵", "单位": "台", "数量": str(quantity)}


def tender(published: str, closes: str = "", result: str = "") -> dict[str, str]:
    return {"招标编号": "T", "公告日期": published, "截止日期": closes, "结果": result}


def test_the_golden_file_is_what_the_exports_give() -> None:
    assert main(["--check"]) == 0


def test_there_is_a_line_for_every_hospital_on_every_day() -> None:
    found = [json.loads(line) for line in (SAMPLES / GOLDEN).read_text(encoding="utf-8").splitlines()]
    assert len(found) == 34 * len(DAYS)
    assert len({(line["customer"], line["as_of"]) for line in found}) == len(found)
    assert {line["as_of"] for line in found} == {day.isoformat() for day in DAYS}


def test_every_part_is_unknown_for_somebody_but_certificates() -> None:
    found = [json.loads(line)["fields"] for line in (SAMPLES / GOLDEN).read_text(encoding="utf-8").splitlines()]
    assert {part for fields in found for part in fields["unknown"]} == set(PARTS) - {"certificates"}
    assert {state for fields in found for state in fields["consent"].values()} == {
        "live",
        "expired",
        "withdrawn",
        "absent",
    }
    assert {row["trend"] for fields in found for row in fields["purchases"]} == {"new", "up", "down", "flat"}
    for part in ("changes", "open_tickets", "promises", "tenders", "expired"):
        assert [fields for fields in found if fields[part]], part


def test_a_changed_export_makes_the_file_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(SAMPLES / "records", tmp_path / "records")
    (tmp_path / "golden").mkdir()
    shutil.copy(SAMPLES / "golden" / "facts.json", tmp_path / "golden")
    assert main(["--check", "--data", str(tmp_path)]) == 1
    assert main(["--data", str(tmp_path)]) == 0
    assert main(["--check", "--data", str(tmp_path)]) == 0
    promises = tmp_path / "records" / "promises.csv"
    promises.write_bytes(promises.read_bytes().replace(b"2026-10-22", b"2026-12-22"))
    assert main(["--check", "--data", str(tmp_path)]) == 1
    assert "不一致" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (consent("2025-01-01", "2025-12-15"), "live"),
        (consent("2025-01-01", "2025-12-14"), "expired"),
        (consent("2025-01-01", "2027-01-01", "2025-12-15"), "withdrawn"),
        (consent("2025-01-01", "2027-01-01", "2025-12-16"), "live"),
        (consent("2025-12-16", "2027-01-01"), "absent"),
        (consent("2025-12-15"), "live"),
    ],
)
def test_a_consent_holds_through_its_last_day_and_not_on_that_of_its_withdrawal(
    row: dict[str, str], state: str
) -> None:
    assert consent_state([row], DAY) == state


def test_a_consent_given_again_after_a_withdrawal_counts() -> None:
    again = [consent("2024-01-01", "2026-01-01", "2024-06-01"), consent("2025-01-01", "2027-01-01")]
    assert consent_state(again, DAY) == "live"
    assert consent_state(again, date(2024, 12, 31)) == "withdrawn"


def test_a_tender_is_open_on_its_closing_day_and_an_undated_one_for_sixty_days() -> None:
    def open_on(row: dict[str, str], day: date) -> bool:
        return bool(fields_of(exports(tenders=[row]), "C", day)["tenders"])

    assert open_on(tender("2025-11-17", "2025-12-15", "流标"), DAY)
    assert not open_on(tender("2025-11-17", "2025-12-14"), DAY)
    assert open_on(tender("2025-10-16"), DAY)
    assert not open_on(tender("2025-10-15"), DAY)
    assert not open_on(tender("2025-12-01", result="流标"), DAY)
    assert not open_on(tender("2025-12-16", "2026-01-15"), DAY)


def test_a_title_change_is_shown_until_somebody_was_talked_to_after_it() -> None:
    posts = [title("2020-01-01", "2025-12-01"), title("2025-12-01")]

    def events(*talked: str) -> list[str]:
        rows = [{"编号": f"G{number}", "日期": day} for number, day in enumerate(talked)]
        found = fields_of(exports(titles=posts, communications=rows), "C", DAY)
        return [change["event"] for change in found["changes"]]

    assert events() == ["began", "ended"]
    assert events("2025-11-30") == ["began", "ended"]
    assert events("2025-12-01") == []
    assert events("2025-11-30", "2025-12-15") == ["began", "ended"]  # the talk of that very day came after the question


def test_a_post_that_begins_later_is_unknown_and_one_that_ended_is_only_vacant() -> None:
    assert "decision_makers" in fields_of(exports(titles=[title("2026-01-01")]), "C", DAY)["unknown"]
    ended = fields_of(exports(titles=[title("2020-01-01", "2025-12-15")]), "C", DAY)
    assert ended["decision_makers"] == []
    assert "decision_makers" not in ended["unknown"]


def test_orders_are_counted_by_year_once_and_never_on_an_impossible_day() -> None:
    rows = [order("A", "2025-12-15", 3), order("A", "2025-12-15", 3), order("B", "2024-12-15", 5)]
    rows += [order("D", "2022-12-16", 7), order("E", "2022-12-15", 9), order("F", "2025-13-45", 9)]
    (found,) = fields_of(exports(purchases=rows), "C", DAY)["purchases"]
    assert [found[key] for key in ("last12", "previous12", "older12", "trend")] == [3, 5, 7, "down"]
    assert found["orders"] == ["A", "B", "D"]
    (leap,) = fields_of(exports(purchases=[order("A", "2023-02-28", 1)]), "C", date(2024, 2, 29))["purchases"]
    assert (leap["last12"], leap["previous12"]) == (0, 1)


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.integers(2020, 2035), st.integers(1, 12), st.integers(1, 12))
def test_the_next_budget_window_never_ends_before_the_day(day: date, year: int, first: int, last: int) -> None:
    found = fields_of(exports(budgets=[budget(year, first, last)]), "C", day)["budget"]
    assert found["from"] <= found["to"]
    assert day.isoformat() <= found["to"]
    assert found["projected"] == (found["year"] > year)
    if found["projected"]:
        earlier = fields_of(exports(budgets=[budget(found["year"] - 1, first, last)]), "C", day)["budget"]
        assert earlier["projected"]  # the window of the year before is over
