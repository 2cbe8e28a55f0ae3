"""The web application: FastAPI outside, one Gradio app per role area, the Gate in front of everything."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # exact string, before `import gradio`
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Annotated, Any

import gradio as gr
import gradio.themes
import uvicorn
from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import Engine

from assistant import (
    page_admin,
    page_customer,
    page_knowledge,
    page_release,
    page_rep,
    page_review,
    page_summary,
    samples,
    uploads,
)
from assistant.changed import note_missing
from assistant.components import HERE, render
from assistant.header import AREAS, home
from assistant.i18n import i18n, lang_of
from assistant.parts import Parts, open_parts, utc_now
from assistant.rules_watch import RulesWatch
from assistant.security import COOKIE, Gate, auth_for, local
from assistant.warm import warm
from governance import accounts, log_filter
from governance.accounts import User
from governance.db import reading
from governance.errors import NotAllowed, Refused, Unavailable, XinyanError
from governance.settings import Settings
from sandbox.worker import ensure_worker, keep_worker, stop_idle_worker

PAGES: dict[str, Callable[[Parts], gr.Blocks]] = {
    "/rep": page_rep.build,
    "/customer": page_customer.build,
    "/summary": page_summary.build,
    "/review": page_review.build,
    "/knowledge": page_knowledge.build,
    "/admin": page_admin.build,
    "/release": page_release.build,
}
THEME = gradio.themes.Base(
    primary_hue="teal",
    neutral_hue="slate",
    radius_size="sm",
    text_size="md",
    spacing_size="sm",
    font=["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "system-ui", "sans-serif"],
    font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
).set(
    button_primary_background_fill="#0f766e",
    button_primary_background_fill_hover="#115e59",
    button_primary_background_fill_dark="#0f766e",
    button_primary_background_fill_hover_dark="#115e59",
    button_primary_text_color="#ffffff",
    input_background_fill="*background_fill_primary",
    input_border_width="1px",
    input_border_color="*border_color_primary",
    block_label_text_size="*text_sm",
    checkbox_background_color_selected="#0f766e",
    checkbox_border_color_selected="#0f766e",
    checkbox_label_background_fill="transparent",
    checkbox_label_background_fill_selected="transparent",
)


def _login_page(request: Request, onward: Annotated[str, Query(alias="next")] = "/", err: str = "") -> Response:
    lang = lang_of(request)
    shown = err if err in ("bad_login", "locked") else ""
    return HTMLResponse(render("login.html", "page", lang, local(onward), shown))


def add_sign_in(app: FastAPI, parts: Parts) -> None:
    """Login with lockout, logout, and the language cookie."""

    def login(
        request: Request,
        username: Annotated[str, Form(max_length=100)],
        password: Annotated[str, Form(max_length=200)],
        onward: Annotated[str, Form(alias="next", max_length=2000)] = "/",
    ) -> Response:
        try:
            with parts.db.begin() as tx:
                user = accounts.check_password(tx, username, password, utc_now())
        except NotAllowed:
            return _login_page(request, onward, "locked")
        if user is None:
            return _login_page(request, onward, "bad_login")
        with parts.db.begin() as tx:
            token = accounts.open_session(tx, user, utc_now())
        answer = RedirectResponse(local(onward) if local(onward) != "/" else home(user), 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, path="/")
        return answer

    def logout(request: Request) -> Response:
        if token := request.cookies.get(COOKIE):
            with parts.db.begin() as tx:
                accounts.close_session(tx, token)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    def language(to: str, onward: Annotated[str, Query(alias="next")] = "/") -> Response:
        answer = RedirectResponse(local(onward), 303)
        if to in ("zh-CN", "en"):
            answer.set_cookie("lang", to, samesite="lax", max_age=31_536_000, path="/")
        return answer

    app.get("/login")(_login_page)
    app.post("/login")(login)
    app.post("/logout")(logout)
    app.get("/lang")(language)


class WebSessions:
    """Token → user. Every request only reads; the time of use is written once a minute, so writers are not held up."""

    TOUCH, MOST = timedelta(minutes=1), 10_000

    def __init__(self, db: Engine) -> None:
        self._db = db
        self._touched: dict[str, datetime] = {}

    def __call__(self, token: str | None) -> User | None:
        if not token:
            return None
        now = utc_now()
        due = now - self._touched.get(token, now - self.TOUCH) >= self.TOUCH
        with self._db.begin() if due else reading(self._db) as tx:
            user = accounts.session_user(tx, token, now)
        if due and user is not None:
            if len(self._touched) >= self.MOST:
                self._touched.clear()
            self._touched[token] = now
        return user


def _refused(request: Request, error: Exception) -> Response:
    shown = error if isinstance(error, XinyanError) else XinyanError(reason=type(error).__name__)
    text = shown.say("zh" if lang_of(request) == "zh-CN" else "en")
    return JSONResponse({"detail": text}, status_code=shown.status)


def mount(app: FastAPI, path: str, page: gr.Blocks) -> None:
    """One role's pages below `path`."""
    page.queue(max_size=64, default_concurrency_limit=8, api_open=False)
    gr.mount_gradio_app(
        app,
        page,
        path=path,
        auth_dependency=auth_for(AREAS[path]),
        footer_links=[],
        run_history=False,  # else inputs and outputs are kept in the browser's localStorage
        mcp_server=False,
        show_error=False,
        max_file_size="1kb",
        i18n=i18n,
        theme=THEME,
        css=(HERE / "theme.css").read_text(encoding="utf-8"),
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
    )
    page.has_launched = True  # REQUIRED: mount_gradio_app leaves it False, which switches the file path check off


def build(parts: Parts) -> Gate:
    """The whole application over opened parts."""
    folder = parts.settings.home / "ui-cache"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder.resolve())
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(XinyanError, _refused)
    add_sign_in(app, parts)
    find_user = WebSessions(parts.db)

    def front(request: Request) -> Response:
        user = find_user(request.cookies.get(COOKIE))
        return RedirectResponse(home(user) if user else "/login", 303)

    def health() -> dict[str, bool]:
        with reading(parts.db) as tx:
            tx.exec_driver_sql("SELECT 1")
        return {"ok": True}

    def manifest() -> dict[str, Any]:
        return {"name": "Xinyan", "icons": [], "start_url": "/", "display": "standalone"}

    app.get("/")(front)
    app.get("/healthz")(health)
    app.get("/manifest.json")(manifest)
    app.get("/favicon.ico")(lambda: Response(status_code=204))
    app.post(uploads.PATH)(partial(uploads.receive, parts))
    for path, page in PAGES.items():
        mount(app, path, page(parts))
    return Gate(app, find_user, AREAS, frozenset({uploads.PATH}))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise Unavailable(
                what={"zh": f"端口 {host}:{port}（{taken.strerror}）", "en": f"port {host}:{port} ({taken.strerror})"},
                remedy={"zh": "停止占用它的程序，或设置 XINYAN_PORT", "en": "stop what uses it, or set XINYAN_PORT"},
            ) from taken


def refuse_sample_users(host: str, db: Engine) -> None:
    """Beyond this machine only accounts of real people are served; raises Refused."""
    if _loopback(host) or (samples.anyone(db) and not samples.present(db)):
        return
    raise Refused(
        reason={
            "zh": f"{host} 可从外部访问，而示例账号只供本机使用。请在新的 XINYAN_HOME 中用 add-user 新建账号，"
            "或加 --allow-sample-users",
            "en": f"{host} can be reached from outside, and sample users are for this machine only. Add users with "
            "add-user in a new XINYAN_HOME, or give --allow-sample-users",
        }
    )


def serve(settings: Settings, *, allow_sample_users: bool = False) -> None:
    """Open everything, print the sample users once, and serve until stopped, in one process: streams live in it."""
    log_filter.install()
    _check_port(settings.host, settings.port)
    parts = open_parts(settings)
    if not allow_sample_users:
        refuse_sample_users(settings.host, parts.db)
    note_missing(parts.db, parts.vault)
    if made := samples.ensure_sample_users(parts.db, utc_now()):
        sys.stdout.write(samples.table(made))
    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    sys.stdout.write(f"\n信言已启动，请打开  Xinyan is ready, open  http://{address}:{settings.port}/\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))  # uvicorn raises it again when it has closed
    parts.run_later(lambda: warm(parts))
    with trainings(parts.db, settings), rules_watched(parts):
        uvicorn.run(
            build(parts),
            host=settings.host,
            port=settings.port,
            access_log=False,
            server_header=False,
            log_level="warning",
        )


@contextmanager
def rules_watched(parts: Parts) -> Generator[None]:
    """While the server runs, a changed rule or a new day rechecks every live script."""
    stop = Event()
    Thread(target=RulesWatch(parts).keep, args=(stop,), daemon=True).start()
    try:
        yield
    finally:
        stop.set()


@contextmanager
def trainings(db: Engine, settings: Settings) -> Generator[None]:
    """While the server runs a worker is there when it is needed; one that trains outlives the server."""
    stop = Event()
    if ensure_worker(settings):
        sys.stdout.write("训练由后台进程处理，关闭网页不影响  Trainings run in a worker process of their own\n")
        sys.stdout.flush()
    Thread(target=keep_worker, args=(db, settings, stop), daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        if stop_idle_worker(db, settings):
            zh = "训练在后台继续；暂停请用 python -m sandbox pause"
            sys.stdout.write(f"{zh}  The training goes on in the background; python -m sandbox pause stops it\n")
            sys.stdout.flush()
