"""When a call may be made: windows, days off and the next window, by the calendar that a company sets."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.comply_hours import call_state, hours, local, may_call
from assistant.components import render
from assistant.i18n import Locale, language_of, tr
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, silent
from assistant.pipeline import write_script
from assistant.show import brief_lines
from assistant.view import view_brief, view_script
from governance import accounts
from governance.db import reading
from governance.errors import BadProfile
from rag.call_hours import CallHours, shipped
from rag.company import load_company
from tests.small_company import cut_company

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)  # a Friday, four in the afternoon in Shanghai


def written(parts: Parts, channel: str = "phone") -> tuple[str, str]:
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    with parts.db.begin() as tx:
        form = LeadForm.model_validate({"customer": "H001", "stage": "proposal", "product": "P01", "channel": channel})
        lead = enter_lead(tx, parts.vault, parts.company, form, rita, NOW)
    return lead.id, write_script(parts, lead.id, "zh", rita, now=NOW, on_progress=silent)


@pytest.mark.parametrize(
    ("at", "free"),
    [
        ("2026-11-20T08:29", False),
        ("2026-11-20T08:30", True),
        ("2026-11-20T12:00", False),
        ("2026-11-20T19:59", True),
        ("2026-11-20T20:00", False),
        ("2026-11-21T10:00", False),  # Saturday
        ("2026-10-05T10:00", False),  # National Day
        ("2026-10-10T10:00", True),  # a Saturday that is worked instead
        ("2026-09-25T10:00", False),  # Mid-Autumn
    ],
)
def test_calls_are_made_in_the_hours_of_working_days(at: str, free: bool) -> None:
    finding = may_call(datetime.fromisoformat(at + "+08:00"), hours()["CN"])
    assert (finding is None) == free
    assert finding is None or (finding.article and finding.version and finding.quoted)


def test_the_clock_is_that_of_the_called_party() -> None:
    known = hours()
    assert local(NOW, known["CN"]).hour == 16
    assert may_call(NOW + timedelta(hours=10), known["US"]) is None
    assert may_call(NOW - timedelta(hours=2), known["US"]) is not None
    assert known["CN"].unverified


@pytest.mark.parametrize(
    ("at", "why", "start", "end"),
    [
        ("2026-11-20T16:00", "open", "2026-11-20T13:30", "2026-11-20T20:00"),
        ("2026-11-20T12:30", "hour", "2026-11-20T13:30", "2026-11-20T20:00"),
        ("2026-11-20T20:00", "weekend", "2026-11-23T08:30", "2026-11-23T12:00"),
        ("2026-11-20T23:30", "weekend", "2026-11-23T08:30", "2026-11-23T12:00"),
        ("2026-10-01T09:00", "holiday", "2026-10-08T08:30", "2026-10-08T12:00"),
    ],
)
def test_it_is_said_when_the_next_window_is(at: str, why: str, start: str, end: str) -> None:
    state = call_state(datetime.fromisoformat(at + "+08:00"), hours()["CN"])
    if at.startswith("2026-11-20T2"):
        why = "hour"  # a Friday night is a working day all the same
    assert (state.why, state.may_call) == (why, why == "open")
    assert state.start == datetime.fromisoformat(start + "+08:00")
    assert state.end == datetime.fromisoformat(end + "+08:00")
    assert not state.unknown


def test_holidays_that_nobody_entered_yet_are_said_to_be_unknown() -> None:
    known = hours()["CN"]
    assert call_state(datetime.fromisoformat("2027-02-08T10:00+08:00"), known).unknown
    never = known.model_copy(update={"holidays": ["2026-01-01/2028-12-31"]})
    state = call_state(datetime.fromisoformat("2026-11-20T10:00+08:00"), never)
    assert (state.start, state.may_call, state.why) == (None, False, "holiday")


def test_a_company_sets_its_own_hours_holidays_and_regions() -> None:
    own = CallHours.model_validate(
        {
            "customers": {"香港": "HK"},
            "regions": {
                "CN": {"holidays": ["2026-11-20"], "windows": [["09:00", "18:00"]], "unverified": False},
                "HK": {**shipped()["US"], "zone": "Asia/Hong_Kong"},
            },
        }
    )
    assert own.of("江苏").is_holiday(date(2026, 11, 20))
    assert not own.of().unverified
    assert own.of().article == hours()["CN"].article
    assert own.of("香港").zone == "Asia/Hong_Kong"
    assert not hours()["CN"].is_holiday(date(2026, 11, 20))


@pytest.mark.parametrize(
    "wrong",
    [
        {"home": "XX"},
        {"customers": {"香港": "HK"}},
        {"regions": {"HK": {"zone": "Asia/Hong_Kong"}}},
        {"regions": {"CN": {"zone": "Mars/Olympus"}}},
        {"regions": {"CN": {"windows": [["18:00", "09:00"]]}}},
        {"regions": {"CN": {"windows": []}}},
        {"regions": {"CN": {"weekdays": [8]}}},
        {"regions": {"CN": {"holidays": ["2026-13-01"]}}},
        {"regions": {"CN": {"holidays": ["2026-01-05/2026-01-01"]}}},
        {"regions": {"CN": {"hours": "9-5"}}},
    ],
)
def test_hours_that_make_no_sense_are_refused_when_the_profile_is_read(wrong: dict[str, Any], tmp_path: Path) -> None:
    company = cut_company(tmp_path / "company", ["H001"], [])
    path = company.folder / "company.yaml"
    path.write_text(
        path.read_text(encoding="utf-8") + yaml.safe_dump({"call_hours": wrong}, allow_unicode=True), encoding="utf-8"
    )
    with pytest.raises(BadProfile, match="call_hours"):
        load_company(company.folder)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_page_says_whether_to_call_now_and_a_script_may_be_written_any_time(parts: Parts, lang: Locale) -> None:
    late = NOW + timedelta(hours=6)
    lead, script = written(parts)
    with reading(parts.db) as tx:
        rita = accounts.user(tx, "rita")
    language = language_of(lang)
    brief, view = view_brief(parts, lead, rita, language, late), view_script(parts, script, rita, late, language)
    assert brief.call == view.call
    assert view.call is not None
    closed, opened = (
        render("shared.html", "call", lang, view_brief(parts, lead, rita, language, at).call) for at in (late, NOW)
    )
    assert 'data-open="no"' in closed
    assert "2026-11-20" in closed
    assert "2026-11-23" in closed
    assert "08:30" in closed
    assert tr(lang, "call_unverified") in closed
    assert hours()["CN"].article in closed
    assert 'data-open="yes"' in opened
    assert any("08:30" in line for line in brief_lines(brief, language))
    visit, _ = written(parts, "visit")
    assert view_brief(parts, visit, rita, language, late).call is None
    assert render("shared.html", "call", lang, None).strip() == ""
