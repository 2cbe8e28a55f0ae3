"""The page of summaries in headless Chromium: paste a conversation, see who owes what, send it on."""

# ruff: noqa: F811  a test names its fixtures as its arguments
import pytest
from playwright.sync_api import expect

from tests.browsing import Open, Site, chrome, open_as, shot, site  # noqa: F401  three are fixtures
from tests.test_flow_customer import fill

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TALK = """销售：主任您好，上次您提到的备件报价，我下周三前发给您。
客户：好的，另外请你们月底前安排一次培训。
销售：没问题，工程师会在12月5日前上门。"""
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def test_a_rep_summarises_a_conversation_and_sends_its_commitments_on(site: Site, open_as: Open) -> None:
    fill(site)
    page = open_as("wangxiao", "/summary/")
    page.locator("#summary-form select[name=customer]").select_option("H001")
    page.locator("#summary-form input[name=day]").fill("2026-11-20")
    page.locator("#summary-form textarea").fill(
        TALK + "\n" + "客户：我们再看看。\n" * 1500 + "销售：合同我12月9日前寄出。"
    )
    page.locator("#summarise").click()
    expect(page.locator("#summary")).to_contain_text("青禾市第一人民医院")
    assert page.locator("#summary li", has_text="我们再看看").count() <= 1  # what is repeated is said once
    dues = page.locator("#summary-tasks input[type=date]")
    expect(dues.first).to_have_value("2026-11-25")
    assert "2026-12-09" in [dues.nth(at).input_value() for at in range(dues.count())]  # nothing of a long text is lost
    shot(page, "summary_zh")
    page.locator("#summary-submit").click()
    expect(page.locator("#summary-shown .x-banner, #summary-shown [role=status]").first).to_be_visible()
    phone = open_as("wangxiao", "/summary/", **PHONE)
    expect(phone.locator("#summary-form")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    shot(phone, "summary_phone")
