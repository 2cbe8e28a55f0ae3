"""The page of summaries in headless Chromium: paste a conversation, see who owes what, send it on."""

# ruff: noqa: F811  a test names its fixtures as its arguments
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from assistant.summary import EXTRACTOR
from governance.db import open_engine
from rag.proposals import accept, proposals_in
from tests.browsing import Open, Site, chrome, open_as, shot, site  # noqa: F401  three are fixtures
from tests.test_flow_customer import fill

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TALK = """通话记录
销售：主任您好，上次您提到的备件报价，我下周三前发给您。
客户：好的，另外请你们月底前安排一次培训。
销售：没问题，工程师会在12月5日前上门。"""
ENGLISH = """From: Ninghe Medical service team
To: Device department, Qinghe First People's Hospital
Date: 2026-11-20

Dear all,
we will send the calibration report by 27 November.

On 18 November 2026, Device department, Qinghe First People's Hospital wrote:
> we will return the loan probe by 30 November.
>> we will send the calibration report by 27 November.
"""
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
    expect(page.locator("#summary-news")).to_contain_text("2026-11-20")
    page.locator("#summary-news input[type=checkbox]").first.check()
    shot(page, "summary_news_zh")
    page.locator("#summary-reword").click()  # a model that has learnt nothing: every sentence keeps its words
    expect(page.locator("#summary-shown [role=status]").first).to_contain_text("采用了 0 句")
    page.locator("#summary-news input[type=checkbox]").first.check()
    page.locator("#summary-submit").click()
    expect(page.locator("#summary-shown [role=status]").first).to_contain_text("等待审核人员确认")
    accept_all(site)
    customer = open_as("wangxiao", "/customer/?customer=H001")
    expect(customer.locator("[data-part=promises]")).to_contain_text("合同我12月9日前寄出")  # now a promise
    expect(customer.locator("#customer-evidence")).to_contain_text("合同我12月9日前寄出")  # with its source
    shot(customer, "summary_customer_zh")
    customer.locator("[data-part=communications] a[data-summary]").first.click()
    expect(customer.locator("#summary-customer")).to_contain_text("青禾市第一人民医院")
    customer.locator("#summary-customer").click()
    expect(customer.locator("#customer-360")).to_have_attribute("data-customer", "H001")
    look_in_english(open_as)
    phone = open_as("wangxiao", "/summary/", **PHONE)
    expect(phone.locator("#summary-form")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    shot(phone, "summary_phone")


def accept_all(site: Site) -> None:
    """What a coordinator does on the page of knowledge."""
    db = open_engine(f"sqlite:///{site.home / 'xinyan.db'}")
    with db.begin() as tx:
        for each in proposals_in(tx, "waiting"):
            if each.extractor == EXTRACTOR:
                accept(tx, each.id, by="coordinator", reason="", now=datetime.now(UTC))
    db.dispose()


def look_in_english(open_as: Open) -> None:
    page = open_as("wangxiao", "/summary/", locale="en-GB")
    page.locator("#summary-form select[name=customer]").select_option("H001")
    page.locator("#summary-form input[name=day]").fill("2026-11-20")
    page.locator("#summary-form textarea").fill(ENGLISH)
    page.locator("#summarise").click()
    dues = page.locator("#summary-tasks input[type=date]")
    expect(dues.first).to_have_value("2026-11-27")
    expect(dues).to_have_count(2)  # what is quoted again is not promised again
    shot(page, "summary_en")
