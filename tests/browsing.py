"""A served site over a cut company with a tiny model, and pages of headless Chromium signed in to it."""

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
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.small_company import cut_company
from tests.tiny_model import save_tiny_model

ROOT = Path(__file__).resolve().parent.parent
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SHOTS = os.environ.get("XINYAN_SHOTS")  # read before the tests lose the operator's settings
CUSTOMERS = ("H001", "H007", "H024")
DOCUMENTS = (
    "04_产品资质_TM-12多参数病人监护仪.docx",
    "05_产品资质_TM-8转运监护仪.md",
    "10_产品资质_JX-200内镜清洗消毒机.pdf",
    "52_常见问题_超声诊断系统.md",
    "40_合规手册_第三部分_宣传用语.md",  # quotes forbidden wordings, which the gates hold back
)
expect.set_options(timeout=60_000)  # patience, for a busy machine


@dataclass(frozen=True)
class Site:
    url: str
    passwords: dict[str, str]  # as printed at the first start
    home: Path


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
    yield Site(url, passwords, folder / "var")
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
# what Gradio's client (6.31) says when a page is left while an event still runs
LEAVING = ("AbortError: signal is aborted without reason", "Unexpected error Connection errored out.")


def is_wrong(message: ConsoleMessage) -> bool:
    return message.type == "error" and not message.text.startswith(LEAVING)


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
        page.on("console", lambda m: bad.append("console " + m.text) if is_wrong(m) else None)
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
