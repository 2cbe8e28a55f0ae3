"""The Gate: one pure-ASGI guard in front of FastAPI and of every Gradio app that is mounted in it."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from governance.accounts import User

COOKIE = "sid"
FindUser = Callable[[str | None], User | None]  # a web session's token → its user, while the session lives
Areas = Mapping[str, frozenset[str]]  # path prefix → the roles that may open it


class Owners:
    """
    Who used a Gradio session_hash first: (area, user). Gradio itself lets any signed-in user of the same app read
    another user's event stream with it. Bounded per user, so nobody can push another user's entry out.
    """

    PER_USER, MAX_CHARS = 500, 64

    def __init__(self) -> None:
        self._owner: dict[str, tuple[str, str]] = {}
        self._of_user: dict[str, deque[str]] = {}

    def claim(self, session_hash: object, area: str, user: User) -> bool:
        """Whether `session_hash` belongs to this user in this area; the first to name it owns it."""
        if not isinstance(session_hash, str) or len(session_hash) > self.MAX_CHARS:
            return False
        owner = self._owner.get(session_hash)
        if owner is None:
            mine = self._of_user.setdefault(user.name, deque())
            if len(mine) >= self.PER_USER:
                self._owner.pop(mine.popleft(), None)
            mine.append(session_hash)
            owner = self._owner[session_hash] = (area, user.name)
        return owner == (area, user.name)


# Gradio routes that our pages never need; refused even for signed-in users. Files come in by our own route only.
_CLOSED = re.compile(
    r"^/gradio_api/(info|openapi\.json|api/|run/|call/|proxy=|file=|file/|upload|runs|run-history|mcp|deep_link|"
    r"vibe|undo-vibe|process_recording|token|user/?$|queue/status|profiling|dev/|component_server)|"
    r"^/(monitoring|config|login|logout|token|deep_link|openapi\.json)(/|$)"
)
CSP = (
    "default-src 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self' blob:"
)
# Must be FIRST in <head>. Part 1: Gradio chooses its language from navigator.language only. Part 2: a 401 in mid-page
# (signed out, expired) sends the browser to the login page instead of "Could not parse server response".
HEAD_INJECT = b"""<script>(function(){
var m=document.cookie.match(/(?:^|; )lang=(zh-CN|en)/);
var l=m?m[1]:(/^zh/i.test(navigator.language)?'zh-CN':'en');
Object.defineProperty(navigator,'language',{configurable:true,get:function(){return l}});
Object.defineProperty(navigator,'languages',{configurable:true,get:function(){return [l]}});
document.documentElement.lang=l;
var f=window.fetch,gone=false;window.fetch=function(){return f.apply(this,arguments).then(function(r){
 if(r.status===401&&!gone){gone=true;location.href='/login?next='+encodeURIComponent(location.pathname+location.search)}
 return r})};
})();</script>"""
_META = re.compile(rb'\s*<meta\s+(?:property="og|name="twitter)[^>]*>')  # they name outside hosts


class Gate:
    """
    Guards every path: sign-in, role per area, foreign-origin writes, closed routes, stream ownership, body size,
    response headers. It also covers the Gradio routes that `auth_dependency` does not (/cancel, /reset, /heartbeat …).

    Not covered: who may touch which object. Every handler that changes something asks that again.
    Pure ASGI on purpose: BaseHTTPMiddleware breaks the disconnects of event streams.
    """

    MAX_JSON_BYTES = 1_000_000
    MAX_FORM_BYTES = 16_000

    def __init__(self, app: Callable[..., Any], find_user: FindUser, areas: Areas, uploads: frozenset[str]) -> None:
        """`uploads`: the paths that read their own body (and limit it)."""
        self.app, self.find_user, self.areas, self.uploads = app, find_user, areas, uploads
        self.owners = Owners()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, method = scope["path"], scope["method"]
        headers = {k.decode("latin1").lower(): v.decode("latin1") for k, v in scope["headers"]}
        area = next((a for a in self.areas if path == a or path.startswith(a + "/")), None)
        wants_html = method == "GET" and "text/html" in headers.get("accept", "")
        page = area is not None and wants_html and "/gradio_api/" not in path
        if page:  # ask for an uncompressed page, so that HEAD_INJECT can be put in
            scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]}
        out = _edit_page(_harden(send, path)) if page else _harden(send, path)

        if method not in ("GET", "HEAD") and not _own_origin(headers, method):
            return await _plain(out, 403, "cross-origin request refused")
        if area is None:
            return await self._outside(scope, receive, out)
        user = await run_in_threadpool(self.find_user, cookie(headers.get("cookie", ""), COOKIE))
        if user is None:
            if wants_html:
                query = scope.get("query_string", b"").decode("latin1")
                return await _redirect(out, f"/login?next={quote(path + ('?' + query if query else ''))}")
            return await _plain(out, 401, "not signed in")
        if not (user.roles & self.areas[area]):
            return await _plain(out, 403, "forbidden")
        if _CLOSED.match(path[len(area) :] or "/"):
            return await _plain(out, 404, "not found")
        return await self._inside(scope, receive, out, area, user)

    async def _outside(self, scope: Any, receive: Any, out: Any) -> None:
        """Paths that need no sign-in: login, logout, language. Only small forms come in here."""
        if scope["method"] == "POST":
            body = await _read(receive, self.MAX_FORM_BYTES)
            if body is None:
                return await _plain(out, 413, "request too large")
            receive = _replay(body, receive)
        return await self.app(scope, receive, out)

    async def _inside(self, scope: Any, receive: Any, out: Any, area: str, user: User) -> None:
        """A signed-in user with the right role: whose stream is it, and is the body what we take?"""
        in_path = re.match(r"^/gradio_api/(?:heartbeat|stream)/([^/]+)", scope["path"][len(area) :])
        # All values of a repeated parameter: Starlette uses the last one, so looking at the first would be a way round.
        claimed: list[object] = [in_path.group(1)] if in_path else []
        claimed += parse_qs(scope.get("query_string", b"").decode("latin1")).get("session_hash", [])
        if scope["method"] == "POST" and scope["path"] not in self.uploads:
            # Exactly JSON: FastAPI also parses "application/x+json", which a looser test would let through unread.
            kinds = [v.decode("latin1") for k, v in scope["headers"] if k.lower() == b"content-type"]
            if len(kinds) != 1 or kinds[0].split(";")[0].strip().lower() != "application/json":
                return await _plain(out, 415, "JSON only")
            body = await _read(receive, self.MAX_JSON_BYTES)
            if body is None:
                return await _plain(out, 413, "request too large")
            parsed = _object(body)
            if parsed is None:
                return await _plain(out, 400, "bad json")
            if parsed.get("session_hash") is not None:
                claimed.append(parsed["session_hash"])
            receive = _replay(body, receive)
        if not all(self.owners.claim(h, area, user) for h in claimed):
            return await _plain(out, 403, "not your stream")
        scope = {**scope, "state": {**scope.get("state", {}), "user": user}}
        return await self.app(scope, receive, out)


def auth_for(roles: frozenset[str]) -> Callable[[Request], str | None]:
    """`auth_dependency` of one mounted app: Gradio asks it again on every page and event. Without the Gate: nobody."""

    def dependency(request: Request) -> str | None:
        user: User | None = getattr(request.state, "user", None)
        if user is None:
            return None  # Gradio answers 401
        if not (user.roles & roles):
            raise HTTPException(403, "forbidden")
        return user.name  # → gr.Request.username

    return dependency


def cookie(raw: str, name: str) -> str | None:
    """One cookie's value out of the header."""
    for part in raw.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def local(path: str) -> str:
    """`path` when it stays on this site, else the front page: a login link may not lead elsewhere."""
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if inside and path.isprintable() else "/"


def _own_origin(headers: Mapping[str, str], method: str) -> bool:
    """State-changing requests come from our own pages, by POST."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    return method == "POST" and not foreign and site not in ("cross-site", "same-site")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed: Any = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _harden(send: Any, path: str) -> Any:
    """Response headers: never reflect CORS (Gradio does, with credentials), always CSP, never cache pages or data."""

    async def hardened(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if not k.lower().startswith(b"access-control-")]
            kept += [
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"same-origin"),
                (b"x-frame-options", b"DENY"),
                (b"content-security-policy", CSP.encode()),
            ]
            if "/assets/" not in path and "/static/" not in path:
                kept = [(k, v) for k, v in kept if k.lower() != b"cache-control"] + [(b"cache-control", b"no-store")]
            message = {**message, "headers": kept}
        await send(message)

    return hardened


def _edit_page(send: Any) -> Any:
    """Hold the whole page, put HEAD_INJECT first in <head>, drop social-media metas."""
    held: list[Any] = []

    async def edited(message: Any) -> None:
        held.append(message)
        if message["type"] == "http.response.start" or message.get("more_body"):
            return
        start, body = held[0], b"".join(m.get("body", b"") for m in held[1:])
        body = _META.sub(b"", body.replace(b"<head>", b"<head>" + HEAD_INJECT, 1))
        kept = [(k, v) for k, v in start.get("headers", []) if k.lower() != b"content-length"]
        await send({**start, "headers": kept})
        await send({"type": "http.response.body", "body": body})

    return edited


async def _read(receive: Any, limit_bytes: int) -> bytes | None:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            return None
    return bytes(body)


def _replay(body: bytes, receive: Any) -> Any:
    """Give the app the body we already read, then the real channel (it still has to see the disconnect)."""
    sent = False

    async def replayed() -> Any:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _plain(send: Any, status: int, text: str) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps({"detail": text}).encode()})


async def _redirect(send: Any, to: str) -> None:
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", to.encode())]})
    await send({"type": "http.response.body", "body": b""})
