"""Writing in headless Chromium: why, edit, rewrite, undo, keys; stopped by a rule, listed, taken back; on a phone."""

# ruff: noqa: F811  a test names its fixtures as its arguments
import json
import re

import pytest
from playwright.sync_api import Page, expect

from rag.company import load_company
from tests.browsing import Open, Site, chrome, open_as, shot, site  # noqa: F401  three are fixtures
from tests.test_flow_browser import LIVE, new_lead
from tests.test_flow_customer import fill

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def test_a_rep_changes_his_script_and_sees_what_a_new_rule_stops(site: Site, open_as: Open) -> None:
    fill(site)
    rep = open_as("wangxiao", "/rep/")
    write(rep)
    ask_why_and_edit(rep)
    rewrite_and_take_back(rep)
    by_keyboard(rep)
    rep.get_by_role("button", name="提交审核").click()
    expect(rep.locator("#work")).to_contain_text("正在等待审核")
    coordinator = open_as("limin", "/knowledge/?queue=rules")
    expect(coordinator.locator("#knowledge")).to_contain_text("没有话术被现行规则停用")
    add_a_rule(site)
    stopped(rep, coordinator)
    on_a_phone(open_as)


def write(page: Page) -> None:
    new_lead(page, LIVE)
    page.get_by_role("button", name="撰写话术").click()
    expect(page.locator("#script")).to_be_visible()
    expect(page.locator("#call-hours")).to_contain_text("对方当地")
    shot(page, "writing_script_zh")


def ask_why_and_edit(page: Page) -> None:
    line = page.locator("#script .x-line").first
    line.get_by_text("依据", exact=True).click()
    expect(line).to_contain_text("批准的说法")
    shot(page, "writing_why_zh")
    line.get_by_text("修改", exact=True).click()
    line.locator("textarea").fill("王小明先生，您好。")
    line.get_by_role("button", name="保存").click()
    expect(page.locator("body")).to_contain_text("不是客户记录中的姓名")
    line.locator("textarea").fill("您好，打扰您了。")
    shot(page, "writing_edit_zh")
    line.get_by_role("button", name="保存").click()
    expect(page.locator("#script .x-line").first).to_contain_text("您好，打扰您了。")
    expect(page.locator("#script .x-line").first).to_contain_text("人工修改")


def rewrite_and_take_back(page: Page) -> None:
    section = page.locator("#script section").nth(1)
    before = section.locator(".x-text").first.inner_text()
    section.get_by_text("重写本节", exact=True).click()
    section.locator("textarea:visible").fill("太正式")
    shot(page, "writing_rewrite_zh")
    section.get_by_role("button", name="重写", exact=True).click()
    expect(page.locator("#work")).to_contain_text("太正式")
    expect(section.locator(".x-text").first).not_to_have_text(before)
    page.locator("#undo").click()
    expect(section.locator(".x-text").first).to_have_text(before)


def by_keyboard(page: Page) -> None:
    page.locator("#script h3").first.click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("w")
    expect(page.locator("#script .x-line").nth(1).locator("dl")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#script .x-line").nth(1).locator("dl")).not_to_be_visible()


def add_a_rule(site: Site) -> None:
    """As an administrator would while the server runs: a pack in the company's folder."""
    company = site.home.parent / "company"
    known = load_company(company)
    pack = next(pack for pack in known.packs if pack.id == "cn-advertising").model_dump(mode="json")
    rule = pack["rules"][0] | {"id": "house-rule", "detect": {"zh": ["人工智能"]}, "exceptions": []}
    pack["rules"].append(rule | {"hits": ["人工智能"], "passes": []})
    (company / "cn-advertising.yaml").write_text(json.dumps(pack, ensure_ascii=False), encoding="utf-8")


def stopped(rep: Page, coordinator: Page) -> None:
    row = coordinator.locator("#knowledge article[data-script]")
    for _ in range(30):  # the server looks once a minute
        coordinator.goto("/knowledge/?queue=rules")
        coordinator.locator("#knowledge article, #knowledge .x-empty").first.wait_for()
        if row.count():
            break
        coordinator.wait_for_timeout(3000)
    expect(row).to_contain_text("人工智能")
    expect(row).to_contain_text("版本")
    shot(coordinator, "writing_rules_zh")
    row.get_by_text("撤回为草稿", exact=True).click()
    row.locator("textarea").fill("新规施行，请改措辞")
    row.get_by_role("button", name="确认撤回").click()
    expect(coordinator.locator("#knowledge")).to_contain_text("已撤回为草稿")
    rep.reload()
    rep.locator("#leads").get_by_role("button", name=LIVE).first.click()
    expect(rep.locator("#leads")).to_contain_text("已停用")
    expect(rep.locator("#work")).to_contain_text("新规施行，请改措辞")
    expect(rep.locator("#stopped")).to_contain_text("改掉引用的字句")
    shot(rep, "writing_stopped_zh")


def on_a_phone(open_as: Open) -> None:
    for language in ({}, {"locale": "en-GB", "color_scheme": "dark"}):
        page = open_as("wangxiao", "/rep/", **{**PHONE, **language})
        page.locator("#leads button").first.click()
        expect(page.locator("#script")).to_be_visible()
        line = page.locator("#script .x-line").first
        line.locator("summary").first.click()
        expect(line.locator("dl").first).to_be_visible()
        box = line.locator("dl").first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shot(page, f"writing_phone_{'en' if language else 'zh'}")
    reviewer = open_as("limin", "/knowledge/?queue=rules", **PHONE)
    expect(reviewer.locator("#knowledge article[data-script]")).to_contain_text(re.compile("停用"))
    assert reviewer.evaluate("document.documentElement.scrollWidth") <= 390
    shot(reviewer, "writing_rules_phone")
