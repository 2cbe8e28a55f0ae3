"""The knowledge page in headless Chromium: decide, be told of another's decision, undo, by keyboard and on a phone."""

# ruff: noqa: F811  a test names its fixtures as its arguments
import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from assistant.knowledge import decide
from assistant.knowledge_view import fingerprint
from governance.accounts import User
from governance.db import open_engine
from governance.vault import open_vault
from rag.conflicts import conflicts
from tests.browsing import Open, Site, chrome, open_as, shot, site  # noqa: F401  three are fixtures
from tests.doubtful_company import NOW, fill, write_script

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OTHER = User("chenyue", frozenset({"coordinator"}), "陈悦", "zh")
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
QUEUES = ("conflicts", "merges", "proposals", "affected")


def test_a_coordinator_decides_what_no_rule_decides(site: Site, open_as: Open) -> None:
    db = open_engine(f"sqlite:///{site.home / 'xinyan.db'}")
    with db.begin() as tx:
        vault = open_vault(site.home / "keys")
        fill(tx, vault)
        price = next(c.facts[0].id for c in conflicts(tx) if "price" in str(c.facts))
        write_script(tx, "s_0123456789abcdef", price, vault=vault)
    page = open_as("limin", "/knowledge/")
    choose_with_a_reason(page)
    be_told_of_another(page, db)
    db.dispose()
    merge_and_undo(page)
    accept_a_document(page)
    nothing_for_others(site, open_as)
    in_english_and_on_a_phone(open_as)


def case(title: str) -> str:
    return f"[data-case]:has(h3:has-text('{title}'))"


def choose_with_a_reason(page: Page) -> None:
    post = page.locator(case("设备科主任"))
    expect(post).to_contain_text(re.compile("设备科主任[A-Z]"))
    shot(page, "knowledge_conflicts_zh")
    first = post.locator("[data-fact]").first
    first.get_by_text("采用这条", exact=True).click()
    first.get_by_role("button", name="确认采用").click()  # without a reason nothing happens
    expect(post).to_be_visible()
    first.locator("textarea").fill("已电话核实")
    shot(page, "knowledge_choose_zh")
    first.get_by_role("button", name="确认采用").click()
    expect(page.get_by_role("status").filter(has_text="已记录")).to_be_visible()
    expect(page.locator("#subnav a[aria-current] .x-count")).to_have_text("2")
    page.keyboard.press("j")
    expect(page.locator("[data-case]:focus")).to_have_count(1)
    page.get_by_role("heading", name="已处理").click()
    done = page.locator("li[data-ruling]")
    expect(done).to_contain_text("已电话核实")
    done.get_by_text("撤销", exact=True).click()
    done.get_by_role("button", name="确认撤销").click()
    expect(page.locator("#subnav a[aria-current] .x-count")).to_have_text("3")


def be_told_of_another(page: Page, db: Engine) -> None:
    with db.begin() as tx:
        other = next(each for each in conflicts(tx) if each.facts[0].relation == "scope")
    sent = {"slot": other.slot, "shown": fingerprint(other.facts), "fact": "", "reason": "都过期了"}
    decide(db, OTHER, "rule", sent, NOW)
    late = page.locator(case("适用范围"))
    late.get_by_text("都不对", exact=True).click()
    late.locator("textarea:visible").fill("以注册证为准")
    late.get_by_role("button", name="确认都不对").click()
    expect(page.get_by_role("status").filter(has_text="他人处理")).to_be_visible()
    expect(page.locator(case("适用范围"))).to_have_count(0)
    assert page.evaluate("document.title") != "hacked"


def merge_and_undo(page: Page) -> None:
    page.locator("#subnav").get_by_text("疑似重复").click()
    pair = page.locator(case("(H9)"))
    expect(pair).to_contain_text("名称相同")
    shot(page, "knowledge_merges_zh")
    pair.get_by_text("是同一个，合并").click()
    pair.locator("textarea:visible").fill("同一登记号")
    pair.get_by_role("button", name="确认合并").click()
    expect(page.locator("#subnav a[aria-current] .x-count")).to_have_text("1")
    page.get_by_role("heading", name="已处理").click()
    done = page.locator("li[data-merge]")
    expect(done).to_contain_text("已合并")
    done.get_by_text("撤销", exact=True).click()
    done.locator("textarea:visible").fill("并错了")
    done.get_by_role("button", name="确认撤销").click()
    expect(page.get_by_role("status").filter(has_text="已撤销")).to_be_visible()


def accept_a_document(page: Page) -> None:
    page.locator("#subnav").get_by_text("待确认的事实").click()
    expect(page.locator("article[data-proposal]", has_text="质保期")).to_contain_text("36 个月")
    shot(page, "knowledge_proposals_zh")
    page.get_by_role("button", name="下一页").click()
    expect(page.locator("article[data-proposal]", has_text="2027 年的预算")).to_be_visible()
    page.get_by_role("button", name="上一页").click()
    expect(page.locator("article[data-proposal]")).to_have_count(2)
    page.get_by_role("button", name="全选本页").click()
    page.locator("#bulk").click()
    page.get_by_role("button", name="确认接受").click()
    expect(page.locator("#subnav a[aria-current] .x-count")).to_have_text("1")
    page.reload()
    expect(page.locator("#subnav a[aria-current]")).to_contain_text("待确认的事实")


def nothing_for_others(site: Site, open_as: Open) -> None:
    rep = open_as("wangxiao", "/rep/")
    expect(rep.locator("#topbar nav")).not_to_contain_text("客户知识")
    cookies = {each["name"]: each["value"] for each in rep.context.cookies()}  # type: ignore[typeddict-item]
    assert httpx.get(site.url + "/knowledge/", cookies=cookies).status_code == 403
    coordinator = open_as("chenyue", "/knowledge/?queue=mappings")
    expect(coordinator.locator("#subnav a[aria-current]")).to_contain_text("矛盾")  # mappings are the admin's


def in_english_and_on_a_phone(open_as: Open) -> None:
    desktop = open_as("limin", "/knowledge/", locale="en-GB", viewport={"width": 1280, "height": 860})
    phone = open_as("admin", "/knowledge/", color_scheme="dark", **PHONE)
    for queue in (*QUEUES, "mappings"):
        for page in (desktop, phone):
            if (page, queue) != (desktop, "mappings"):
                page.goto(f"/knowledge/?queue={queue}")
                page.locator("#knowledge [data-case], #knowledge .x-big").first.wait_for()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        shot(desktop, f"knowledge_{queue}_en")
        shot(phone, f"knowledge_{queue}_phone")
    expect(desktop.locator("#topbar")).to_contain_text("Customer knowledge")
