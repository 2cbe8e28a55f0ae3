"""The web application over its protocol, without a browser: roles, streams, origins, uploads, sign-in."""

import ast
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine
from starlette.routing import Mount

from assistant import app as web
from assistant import samples, security, uploads
from assistant.components import render
from assistant.i18n import TEXTS, tr
from assistant.parts import Parts
from governance import accounts
from governance.db import metadata, open_engine
from governance.errors import Refused, Unavailable
from governance.settings import Settings
from governance.vault import open_vault
from rag.company import load_company

pytestmark = [
    pytest.mark.slow,
    # raised inside libraries while Gradio starts; none of it is ours
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning"),
]
ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse 42"
USERS = {"rita": {"rep"}, "rolf": {"rep"}, "cora": {"coordinator"}, "adam": {"admin"}, "dora": {"dpo"}}
AREAS = ("/rep", "/customer", "/summary", "/review", "/knowledge", "/admin", "/release")
JOIN = "/gradio_api/queue/join"
JSON = {"content-type": "application/json"}
PAGE = {"accept": "text/html"}


@dataclass(frozen=True)
class Site:
    url: str
    parts: Parts
    gate: security.Gate
    open: list[httpx.Client]  # closed at the end: a socket left to the garbage collector fails some later test

    def anonymous(self, **cookies: str) -> httpx.Client:
        self.open.append(httpx.Client(base_url=self.url, cookies=cookies))
        return self.open[-1]

    def sign_in(self, name: str) -> httpx.Client:
        client = self.anonymous()
        answer = client.post("/login", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def event(self, area: str, name: str) -> int:
        """The number under which Gradio knows a handler."""
        mounts = {route.path: route.app for route in self.gate.app.routes if isinstance(route, Mount)}
        dependencies: list[dict[str, Any]] = mounts[area].get_blocks().config["dependencies"]
        return next(each["id"] for each in dependencies if each["api_name"] == name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    db = open_engine(f"sqlite:///{home / 'test.db'}")
    metadata.create_all(db)
    parts = Parts(Settings(home=home), db, open_vault(home / "keys"), load_company(ROOT / "data_samples"))
    with db.begin() as tx:
        for name, roles in USERS.items():
            accounts.add_user(tx, name, PASSWORD, roles, name.title(), "zh")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gate = web.build(parts)
    server = uvicorn.Server(uvicorn.Config(gate, port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    running = Site(f"http://127.0.0.1:{port}", parts, gate, [])
    yield running
    for client in running.open:
        client.close()
    server.should_exit = True
    thread.join(10)
    db.dispose()


@pytest.mark.parametrize("name", USERS)
def test_every_area_opens_for_its_role_only(site: Site, name: str) -> None:
    client = site.sign_in(name)
    for area in AREAS:
        want = 200 if USERS[name] & web.AREAS[area] else 403
        assert client.get(area + "/", headers=PAGE).status_code == want
        body = {"fn_index": 0, "session_hash": name + area, "data": []}
        assert client.post(area + JOIN, json=body).status_code == want
        for closed in ("/gradio_api/info", "/config", "/openapi.json", "/gradio_api/run/fill", "/gradio_api/mcp/"):
            assert client.get(area + closed).status_code in (403, 404)


def test_without_sign_in_pages_lead_to_the_login_and_events_are_refused(site: Site) -> None:
    client = site.anonymous()
    for area in AREAS:
        sent = client.get(area + "/?lead=l_1", headers=PAGE)
        assert sent.status_code == 303
        assert sent.headers["location"] == f"/login?next={area}/%3Flead%3Dl_1"
        assert client.post(area + JOIN, json={"session_hash": "x", "data": []}).status_code == 401
        assert client.post(area + "/gradio_api/cancel", json={"session_hash": "x"}).status_code == 401


def test_nobody_reads_or_cancels_another_users_stream(site: Site) -> None:
    owner, other = site.sign_in("rita"), site.sign_in("rolf")
    mine = {"fn_index": 0, "session_hash": "owned-by-rita", "data": []}
    assert owner.post("/rep" + JOIN, json=mine).status_code == 200
    assert other.post("/rep" + JOIN, json=mine).status_code == 403
    data = "/rep/gradio_api/queue/data?session_hash="
    assert other.get(data + "owned-by-rita").status_code == 403
    assert other.get(data + "own&session_hash=owned-by-rita").status_code == 403  # Starlette takes the last value
    assert other.get("/rep/gradio_api/heartbeat/owned-by-rita").status_code == 403
    for kind in ("application/x+json", "text/plain", "Application/JSON"):  # FastAPI parses the first and last as JSON
        sent = other.post("/rep" + JOIN, content=json.dumps(mine), headers={"content-type": kind})
        assert sent.status_code in (403, 415)


def test_nobody_can_flush_another_users_claim() -> None:
    owners = security.Owners()
    rita, rolf = (accounts.User(name, frozenset({"rep"}), name, "zh") for name in ("rita", "rolf"))
    assert owners.claim("mine", "/rep", rita)
    for number in range(owners.PER_USER + 10):
        owners.claim(f"flood-{number}", "/rep", rolf)
    assert not owners.claim("mine", "/rep", rolf)


def test_writes_from_another_origin_are_refused(site: Site) -> None:
    client, body = site.sign_in("rita"), {"fn_index": 0, "session_hash": "o", "data": []}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        sent = client.post("/rep" + JOIN, json=body, headers=headers)
        assert sent.status_code == 403
        assert "access-control-allow-origin" not in sent.headers
        assert client.post("/logout", headers=headers).status_code == 403
        assert site.sign_in("adam").post(uploads.PATH, files={"files": b"x"}, headers=headers).status_code == 403
    assert client.delete("/rep/").status_code == 403


def test_answers_carry_the_policy_and_are_not_stored(site: Site) -> None:
    for answer in (site.anonymous().get("/login"), site.sign_in("rita").get("/rep/", headers=PAGE)):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
    assert "navigator" in answer.text.split("<head>", 1)[1][:400]


def test_gradio_uploads_files_and_large_bodies_are_closed(site: Site) -> None:
    for name, area in (("rita", "/rep"), ("adam", "/admin")):
        client = site.sign_in(name)
        assert client.post(area + "/gradio_api/upload", files={"files": ("a.txt", b"x")}).status_code == 404
        assert client.get(area + "/gradio_api/file=a.txt").status_code == 404
        assert client.post(area + JOIN, content=b"[" + b"0," * 600_000 + b"0]", headers=JSON).status_code == 413
    assert site.anonymous().post("/login", data={"username": "a" * 20_000, "password": "b"}).status_code == 413


def test_a_signed_out_cookie_is_dead_at_once(site: Site) -> None:
    client = site.sign_in("rita")
    token = client.cookies["sid"]
    assert client.post("/logout").status_code == 303
    body = {"fn_index": 0, "session_hash": "late", "data": []}
    assert site.anonymous(sid=token).post("/rep" + JOIN, json=body).status_code == 401


def test_the_name_is_locked_after_repeated_failures(site: Site) -> None:
    client = site.anonymous()
    for _ in range(accounts.FAILURES):
        refused = client.post(
            "/login", data={"username": "nobody", "password": "wrong"}, headers={"accept-language": "en"}
        )
        assert "Wrong user name or password" in refused.text
    locked = client.post("/login", data={"username": "nobody", "password": "wrong"}, headers={"accept-language": "en"})
    assert "Too many failed attempts" in locked.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_never_leads_to_another_site(site: Site, target: str) -> None:
    data = {"username": "rita", "password": PASSWORD, "next": target}
    assert site.anonymous().post("/login", data=data).headers["location"] == "/rep/"
    assert site.anonymous().get("/lang", params={"to": "en", "next": target}).headers["location"] == "/"


def test_sign_in_leads_back_to_where_one_was(site: Site) -> None:
    data = {"username": "rita", "password": PASSWORD, "next": "/rep/?lead=l_1"}
    assert site.anonymous().post("/login", data=data).headers["location"] == "/rep/?lead=l_1"


def test_the_language_follows_the_cookie_then_the_browser(site: Site) -> None:
    client = site.anonymous()
    assert "登录" in client.get("/login").text
    assert "Sign in" in client.get("/login", headers={"accept-language": "en-GB"}).text
    client.get("/lang", params={"to": "en", "next": "/login"})
    assert "Sign in" in client.get("/login", headers={"accept-language": "zh"}).text


def test_mounted_apps_check_file_paths(site: Site) -> None:
    mounts = [route for route in site.gate.app.routes if isinstance(route, Mount)]
    assert {route.path for route in mounts} == set(AREAS)
    assert all(route.app.get_blocks().has_launched for route in mounts)


def test_an_event_cannot_read_a_file_of_the_server(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not serve")
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    client = site.sign_in("rita")
    data = ["customer", "first_contact", "", "phone", file]
    body = {"fn_index": site.event("/rep", "create"), "session_hash": "attack", "data": data}
    client.post("/rep" + JOIN, json=body)
    last, seen = _finished(client, "/rep", "attack")
    assert last["success"] is False
    assert "do not serve" not in seen
    assert "file=" not in seen


def _finished(client: httpx.Client, area: str, session: str) -> tuple[dict[str, Any], str]:
    """The message that ends an event, and all of them as text."""
    with client.stream("GET", f"{area}/gradio_api/queue/data?session_hash={session}", timeout=30) as events:
        lines = [line for line in events.iter_lines() if line.startswith("data:")]
    done = [json.loads(line[5:]) for line in lines if "process_completed" in line]
    return done[-1], "\n".join(lines)


def test_the_user_behind_an_event_cannot_be_named_by_the_browser(site: Site) -> None:
    client = site.sign_in("rita")
    body = {
        "fn_index": site.event("/rep", "create"),
        "session_hash": "unknown",
        "data": ["H999", "first_contact", "", "phone", ""],
    }
    client.post("/rep" + JOIN, json={**body, "username": "adam"})
    last, seen = _finished(client, "/rep", "unknown")
    assert last["success"] is False
    assert "H999" in seen
    assert "Traceback" not in seen


@pytest.mark.parametrize(
    ("name", "act", "refused"),
    [
        ("cora", "start", "无权"),  # who approves does not release
        ("cora", "advance", "无权"),
        ("cora", "retire", "无权"),
        ("cora", "approve", "找不到"),  # may, but there is no such adapter
        ("adam", "start", "请写明理由"),
        ("adam", "delete-everything", "未知操作"),
    ],
)
def test_every_release_event_asks_for_the_role_again(site: Site, name: str, act: str, refused: str) -> None:
    client, session = site.sign_in(name), f"release-{name}-{act}"
    sent = {"act": act, "adapter": "a" * 64, "rollout": "r_1", "share": "5", "seen": "0"}
    event = {"fn_index": site.event("/release", "act"), "session_hash": session, "data": [], "event_data": sent}
    assert client.post("/release" + JOIN, json=event, headers={"accept-language": "zh"}).status_code == 200
    last, _ = _finished(client, "/release", session)
    assert last["success"] is False
    assert refused in json.dumps(last, ensure_ascii=False)


def test_uploads_are_answered_file_by_file(site: Site) -> None:
    admin = site.sign_in("adam")
    files = [
        ("files", ("empty.txt", b"")),
        ("files", ("产品说明.md", "# 监护仪\n\n质保期：36个月\n".encode())),
        ("files", ("large.txt", b"x" * (uploads.MAX_FILE_BYTES + 1))),
        ("files", ("说明2.md", "# 输液泵\n\n质保期：24个月\n".encode())),
    ]
    answer = admin.post(uploads.PATH, files=files, timeout=120)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [(each["name"], each["ok"]) for each in results] == [
        ("empty.txt", False),
        ("产品说明.md", True),
        ("large.txt", False),
        ("说明2.md", True),
    ]
    assert "50 MB" in results[2]["message"]
    again = admin.post(uploads.PATH, files=files[1:2], timeout=120).json()["results"][0]
    assert again["document"] == results[1]["document"]


def test_an_upload_is_told_line_by_line_while_it_comes(site: Site) -> None:
    files = [("files", (f"{n}.md", f"# 说明{n}\n\n质保期36个月。".ljust(400_000, "\n").encode())) for n in range(3)]
    admin = site.sign_in("adam")
    with admin.stream("POST", uploads.PATH, files=files, headers={"accept": uploads.LINES}, timeout=120) as answer:
        told = [json.loads(line) for line in answer.iter_lines()]
    assert [(each["name"], each["ok"]) for each in told] == [("0.md", True), ("1.md", True), ("2.md", True)]


def test_only_an_admin_uploads(site: Site) -> None:
    files = {"files": ("a.md", b"# a")}
    assert site.anonymous().post(uploads.PATH, files=files).status_code == 401
    for name in ("rita", "cora", "dora"):
        assert site.sign_in(name).post(uploads.PATH, files=files).status_code == 403
    admin = site.sign_in("adam")
    assert admin.post(uploads.PATH, content=b"not a form").status_code == 422
    broken = {"content-type": "multipart/form-data; boundary=abc"}
    cut = b'--abc\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhalf'
    assert admin.post(uploads.PATH, content=cut, headers=broken).status_code == 422


def test_values_are_text_even_where_gradio_would_run_them() -> None:
    evil = "<img src=x onerror=alert(1)>${alert(2)}{{value}}"
    shown = render("shared.html", "banner", "en", "bad", evil, evil)
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_html_panels_have_no_template_of_their_own() -> None:
    """Gradio evaluates a template's rendered text as a JavaScript template literal: values would run as code."""
    for path in (ROOT / "assistant").glob("*.py"):
        assert "html_template" not in path.read_text(encoding="utf-8"), path.name


def test_every_text_is_there_in_both_languages() -> None:
    for key, (zh, en) in TEXTS.items():
        assert zh, key
        assert en, key
        assert set(re.findall(r"\{(\w+)\}", zh)) == set(re.findall(r"\{(\w+)\}", en)), key
        if key != "other_language":
            assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", en), key
    assert tr("zh-CN", "as_of", day="2026-01-01") == "截至 2026-01-01"


def test_every_text_that_a_page_asks_for_is_in_the_dictionary() -> None:
    asked: set[str] = set()
    for path in (ROOT / "assistant").glob("*.html"):
        asked |= set(re.findall(r"""["'](\w+)["']\|t\b""", path.read_text(encoding="utf-8")))
    for path in (ROOT / "assistant").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""\bi18n\("(\w+)"\)""", source)) | set(
            re.findall(r"""\btr\([\w.]+, "(\w+)\"""", source)
        )
    assert asked - TEXTS.keys() == set()


def test_sample_users_are_made_once_and_their_passwords_are_not_stored(db: Engine) -> None:
    now = datetime.now(UTC)
    made = samples.ensure_sample_users(db, now)
    assert {sample.name for sample, _ in made} == {sample.name for sample in samples.SAMPLE_USERS}
    assert samples.ensure_sample_users(db, now) == []
    table = samples.table(made)
    stored = Path(str(db.url.database)).read_bytes()
    for sample, password in made:
        assert password in table
        assert password.encode() not in stored
        with db.begin() as tx:
            assert accounts.check_password(tx, sample.name, password, now) == accounts.user(tx, sample.name)


def test_sample_users_are_served_to_this_machine_only(db: Engine) -> None:
    samples.ensure_sample_users(db, datetime.now(UTC))
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org"):
        with pytest.raises(Refused, match="allow-sample-users"):
            web.refuse_sample_users(host, db)
    for host in ("127.0.0.1", "::1", "localhost"):
        web.refuse_sample_users(host, db)


def test_a_taken_port_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match="XINYAN_PORT"):
            web.serve(Settings(home=tmp_path / "never", port=taken.getsockname()[1]))
    assert not (tmp_path / "never").exists()


def test_no_page_names_another_host() -> None:
    allowed = "http://www.w3.org/"
    for pattern in ("*.html", "*.css", "*.js"):
        for path in (ROOT / "assistant").glob(pattern):
            found: list[str] = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
            assert [each for each in found if not each.startswith(allowed)] == [], path.name


def test_handlers_are_behind_the_edge() -> None:
    """A handler without @edge would show Gradio's bare 'Error' and write values into the log."""
    for name in sorted(path.name for path in (ROOT / "assistant").glob("page_*.py")):
        tree = ast.parse((ROOT / "assistant" / name).read_text(encoding="utf-8"))
        takes_request: Callable[[ast.FunctionDef], bool] = lambda f: any(a.arg == "request" for a in f.args.args)  # noqa: E731
        methods = [
            f for c in tree.body if isinstance(c, ast.ClassDef) for f in c.body if isinstance(f, ast.FunctionDef)
        ]
        bare = [f.name for f in methods if takes_request(f) and not f.decorator_list]
        assert bare == [], name
