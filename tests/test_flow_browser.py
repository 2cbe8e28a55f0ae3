"""The main job in headless Chromium, with a tiny model: documents, training, lead, script, review, approved script."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from small_company import cut_company  # noqa: E402
from tiny_model import save_tiny_model  # noqa: E402

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SHOTS = os.environ.get("XINYAN_SHOTS")  # read before the tests lose the operator's settings
LIVE, LIVE_EN, NOBODY_AGREED = "青禾市第一人民医院", "Qinghe First People's Hospital", "白蘋市肿瘤医院"
CUSTOMERS = ("H001", "H007", "H024")
DOCUMENTS = (
    "04_产品资质_TM-12多参数病人监护仪.docx",
    "05_产品资质_TM-8转运监护仪.md",
    "10_产品资质_JX-200内镜清洗消毒机.pdf",
    "52_常见问题_超声诊断系统.md",
)
UPLOAD = "07_产品资质_YD-300容量输液泵.html"
expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Site:
    url: str
    passwords: dict[str, str]  # as printed at the first start


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.fail("no Chromium here; install it: apt-get install chromium fonts-noto-cjk, or name it in CHROMIUM")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    company = cut_company(folder / "company", CUSTOMERS, DOCUMENTS)
    save_tiny_model(folder / "base")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "XINYAN_COMPANY": str(company.folder),
        "XINYAN_HOME": str(folder / "var"),
        "XINYAN_BASE_MODEL": str(folder / "base"),
        "XINYAN_PORT": str(port),
        "XINYAN_THREADS": "1",
    }
    printed = folder / "printed.txt"
    with printed.open("w") as out:
        command = [sys.executable, "-m", "assistant", "serve"]
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=out, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    _wait_for(url, server, printed)
    passwords = dict(re.findall(r"^  ([a-z]+) +((?:[a-z0-9]{4}-){2}[a-z0-9]{4})", printed.read_text(), re.MULTILINE))
    yield Site(url, passwords)
    server.terminate()
    server.wait(20)
    said = printed.read_text()
    assert "Traceback" not in said, said


def _wait_for(url: str, server: "subprocess.Popen[bytes]", printed: Path) -> None:
    for _ in range(1200):
        assert server.poll() is None, printed.read_text()
        try:
            if httpx.get(url + "/healthz", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS.split())
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_as(site: Site, chrome: Browser) -> Iterator[Open]:
    """Opens a signed-in page. Teardown fails on any outside request, console error or page error."""
    bad: list[str] = []
    contexts: list[Any] = []

    def opened(name: str, path: str, **options: Any) -> Page:
        context = chrome.new_context(
            base_url=site.url, **{"locale": "zh-CN", "viewport": {"width": 1440, "height": 900}, **options}
        )
        contexts.append(context)
        answer = httpx.post(site.url + "/login", data={"username": name, "password": site.passwords[name]})
        context.add_cookies([{"name": "sid", "value": answer.cookies["sid"], "url": site.url}])
        page = context.new_page()
        page.on(
            "request",
            lambda q: bad.append("outside " + q.url) if not q.url.startswith((site.url, "data:", "blob:")) else None,
        )
        page.on("console", lambda m: bad.append("console " + m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: bad.append("page error " + str(e)))
        page.goto(path)
        page.locator("#logout").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not bad, bad


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(400)  # let fonts and transitions settle: for the eye only
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def pick(page: Page, field: str, text: str) -> None:
    """Choose an option of a searchable list."""
    box = page.locator(f"{field} input")
    box.click()
    box.fill(text)
    page.get_by_role("option", name=text).first.click()


def new_lead(page: Page, customer: str) -> None:
    if not page.locator("#customer").is_visible():
        page.get_by_role("button", name="新建线索").click()
    pick(page, "#customer", customer)
    page.get_by_role("button", name="建立线索并查看资料").click()


def test_the_main_job_runs_from_documents_to_an_approved_script(site: Site, chrome: Browser, open_as: Open) -> None:
    sign_in_by_hand(site, chrome)
    documents_and_training(open_as("admin", "/admin/"))
    write_and_submit(open_as("wangxiao", "/rep/"))
    edit_and_approve(open_as("limin", "/review/"))
    page = open_as("wangxiao", "/rep/")
    page.locator("#leads").get_by_role("button", name=LIVE).click()
    expect(page.locator("#work")).to_contain_text("李敏")
    expect(page.locator("#script")).to_have_attribute("data-status", "approved")
    expect(page.locator("#script")).to_contain_text("请问您现在方便吗？")
    expect(page.locator("#script")).to_contain_text("人工修改")
    shot(page, "rep_approved_zh")
    refused_without_consent(page)
    in_english_and_on_a_phone(open_as)


def sign_in_by_hand(site: Site, chrome: Browser) -> None:
    page = chrome.new_context(base_url=site.url, locale="zh-CN").new_page()
    page.goto("/admin/")
    assert "/login" in page.url
    for password in ("wrong-password", site.passwords["admin"]):
        page.get_by_label("用户名").fill("admin")
        page.get_by_label("密码").fill(password)
        shot(page, "login_zh")
        page.get_by_role("button", name="登录").click()
        if password == "wrong-password":
            expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确")
    expect(page.locator("#topbar")).to_contain_text("管理员")
    page.context.close()


def documents_and_training(page: Page) -> None:
    expect(page.locator("#documents-list")).to_contain_text("还没有资料")
    expect(page.locator("#train")).to_be_disabled()
    page.locator("#load-folder").click()
    expect(page.locator("#documents-list")).to_contain_text(DOCUMENTS[0], timeout=90_000)
    broken = {"name": "坏.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 broken"}
    page.locator("#files").set_input_files([broken])
    expect(page.locator("#upload-results")).to_contain_text("无法读取文件", timeout=60_000)
    page.locator("#files").set_input_files([ROOT / "data_samples" / "documents" / UPLOAD])
    expect(page.locator("#upload-results")).to_contain_text("已入库", timeout=60_000)
    expect(page.locator("#documents-list")).to_contain_text(UPLOAD)
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator("#training polyline").first).to_be_visible(timeout=240_000)
    shot(page, "admin_live_zh")
    expect(page.locator("#run")).to_have_attribute("data-state", "refused", timeout=300_000)
    expect(page.locator("#gate-failed")).to_contain_text("原样引用给定数值的比例")
    expect(page.locator("#evaluation")).to_contain_text("尚无已发布的适配器")
    shot(page, "admin_gate_zh")


def write_and_submit(page: Page) -> None:
    new_lead(page, LIVE)
    expect(page.locator("#work .x-brief")).to_contain_text("设备科主任")
    expect(page.locator("#work .x-brief")).to_contain_text("近三年采购")
    shot(page, "rep_brief_zh")
    page.get_by_role("button", name="撰写话术").click()
    script = page.locator("#script")
    expect(script).to_be_visible(timeout=120_000)
    expect(page.locator("#work")).to_contain_text("以下全部为公司标准话术")
    expect(script.get_by_text("已核实").first).to_be_visible()
    script.locator("[data-cite='1']").first.click()
    expect(page.locator("#script-evidence .x-hit")).to_contain_text("[1]")
    shot(page, "rep_script_zh")
    page.get_by_role("button", name="提交审核").click()
    expect(page.locator("#work")).to_contain_text("正在等待审核")
    assert "lead=" in page.url or page.locator("#leads [aria-current]").count() == 1


def edit_and_approve(page: Page) -> None:
    expect(page.locator("#queue")).to_contain_text(LIVE)
    page.keyboard.press("j")
    item = page.locator("#item")
    expect(item).to_contain_text("人员1")  # a coordinator sees pseudonyms
    line = item.locator(".x-pair", has_text="方便吗").first
    line.get_by_text("修改", exact=True).click()
    line.locator("textarea").fill("请问您现在方便吗？")
    shot(page, "review_edit_zh")
    line.get_by_role("button", name="保存并重新核实").click()
    expect(item).to_contain_text("请问您现在方便吗？")
    expect(item).to_contain_text("人工修改")
    page.keyboard.press("r")
    page.get_by_role("button", name="确认驳回").click()  # without a reason nothing happens
    expect(item).to_contain_text("待审核")
    page.get_by_role("button", name="取消").locator("visible=true").click()
    shot(page, "review_item_zh")
    page.keyboard.press("a")
    page.get_by_role("button", name="确认批准").click()
    expect(item).to_contain_text("已批准")
    expect(page.locator("#queue")).to_contain_text("没有待审核的话术")
    shot(page, "review_done_zh")


def refused_without_consent(page: Page) -> None:
    new_lead(page, NOBODY_AGREED)
    banner = page.locator("#work").get_by_role("alert")
    expect(banner).to_contain_text("用途的有效同意")
    expect(banner).to_contain_text("未读取任何个人信息")
    expect(page.locator("#write")).to_have_count(0)
    shot(page, "rep_refused_zh")


def in_english_and_on_a_phone(open_as: Open) -> None:
    size = {"width": 390, "height": 844}
    for name, area in (("wangxiao", "/rep/"), ("limin", "/review/"), ("admin", "/admin/")):
        desktop = open_as(name, area, locale="en-GB")
        expect(desktop.locator("html")).to_have_attribute("lang", "en")
        expect(desktop.get_by_role("button", name="Sign out")).to_be_visible()
        if area == "/rep/":
            english_script(desktop)
        shot(desktop, f"{area[1:-1]}_en")
        for scheme in ("light", "dark"):
            phone = open_as(name, area, viewport=size, is_mobile=True, has_touch=True, color_scheme=scheme)
            if area == "/rep/":
                phone.locator("#leads").get_by_role("button", name=LIVE).click()
                expect(phone.locator("#script")).to_be_visible()
            assert phone.evaluate("document.documentElement.scrollWidth") <= 390
            shot(phone, f"{area[1:-1]}_phone_{scheme}")


def english_script(page: Page) -> None:
    page.locator("#leads").get_by_role("button", name=LIVE_EN).click()
    page.get_by_role("button", name="Write again").click()
    expect(page.locator("#script")).to_have_attribute("lang", "en", timeout=60_000)
    expect(page.locator("#script .x-text").first).to_contain_text(LIVE_EN)
    expect(page.locator("#work")).to_contain_text("plan's own wording")
    expect(page.locator("#work")).to_contain_text("not to be used before it is reviewed")


def test_a_value_from_a_document_is_never_run_as_code(open_as: Open) -> None:
    page = open_as("admin", "/admin/")
    name = "${document.title='hacked'}<img src=x onerror=alert(1)>`.md"
    file = {"name": name, "mimeType": "text/markdown", "buffer": "# 标题\n\n内容\n".encode()}
    page.locator("#files").set_input_files([file])
    expect(page.locator("#documents-list")).to_contain_text("${document.title='hacked'}", timeout=60_000)
    assert "hacked" not in page.title()
    assert page.locator("#documents img").count() == 0
