"""The customer page in headless Chromium: find a customer, look back, ask, by keyboard and on a phone."""

# ruff: noqa: F811  a test names its fixtures as its arguments
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from governance.db import open_engine
from governance.vault import open_vault
from rag.company import load_company
from rag.pipeline import ingest
from tests.browsing import Open, Site, chrome, open_as, shot, site  # noqa: F401  three are fixtures

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def test_a_rep_sees_all_of_a_customer_and_asks(site: Site, open_as: Open) -> None:
    fill(site)
    page = open_as("wangxiao", "/customer/")
    find(page)
    look_back(page)
    ask(page)
    in_english_and_on_a_phone(open_as)


def fill(site: Site) -> None:
    db = open_engine(f"sqlite:///{site.home / 'xinyan.db'}")
    company = load_company(site.home.parent / "company")
    ingest(db, open_vault(site.home / "keys"), company, now=datetime.now(UTC))
    db.dispose()


def find(page: Page) -> None:
    page.locator("#find-customer").fill("青禾一院")
    page.keyboard.press("Enter")
    expect(page.locator("#customer-360")).to_have_attribute("data-customer", "H001")
    expect(page.locator("#part-decision_makers")).to_be_visible()
    shot(page, "customer_zh")


def look_back(page: Page) -> None:
    page.locator("input[name=day][type=date]").fill("2025-12-15")
    page.locator("#look").click()
    expect(page.locator("#customer-360")).to_have_attribute("data-day", "2025-12-15")


def ask(page: Page) -> None:
    page.locator("#question").fill("2027年预算什么时候申报？")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("年度预算")
    page.locator("#question").fill("TM-12质保多久？")
    page.keyboard.press("Enter")
    expect(page.locator("#answer h3")).to_contain_text("TM-12")
    expect(page.locator("#answer")).to_contain_text("质保期")
    shot(page, "customer_asked_zh")
    page.locator("#answer [data-cite]").first.click()
    expect(page.locator("#answer-evidence .x-hit")).to_be_visible()
    page.locator("#question").fill("<img src=x onerror=alert(1)> 王府井医院的预算")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("没有叫“王府井医院”的医院")


def in_english_and_on_a_phone(open_as: Open) -> None:
    english = open_as("wangxiao", "/customer/?customer=H007", locale="en-GB")
    english.locator("#question").fill("Which hospitals bought the TM-12?")
    english.keyboard.press("Enter")
    expect(english.locator("#answer")).to_contain_text("Qinghe First People's Hospital")
    shot(english, "customer_en")
    phone = open_as("wangxiao", "/customer/?customer=H001", **PHONE)
    expect(phone.locator("#customer-360")).to_be_visible()
    wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    shot(phone, "customer_phone")
