"""POST /admin/documents: the only way in for files; limited while they stream, answered one by one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from assistant.i18n import Locale, lang_of, language_of, tr
from assistant.parts import Parts
from governance.accounts import User, require
from governance.errors import Invalid, UnreadableFile, XinyanError
from rag.confined import shared_reader
from rag.names import plain_name, plain_path
from rag.taking import Intake, State, Taken

PATH = "/admin/documents"
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_FILES = 1_000
LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file; `label` and `message` in the language of the user."""

    name: str
    ok: bool
    document: str
    state: State
    label: str
    message: str


Tell = Callable[[Mapping[str, object]], None]


class _Incoming:
    """Parses a multipart body as it comes; holds one file at a time, never more than MAX_FILE_BYTES of it."""

    def __init__(self, boundary: bytes) -> None:
        self.done: list[tuple[str, bytes | None]] = []  # None: too large
        self.seen = 0
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._file: bytearray | None = None
        self.complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
        )

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def _all(self) -> None:
        self.complete = True

    def _begin(self) -> None:
        self._headers, self._name = {}, ""
        self._field = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._name = plain_path(name) or plain_name(name)
        self._file = bytearray() if self._name else None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            return
        self._file += data[start:end]
        if len(self._file) > MAX_FILE_BYTES:
            self._file = None

    def _end(self) -> None:
        if self._name:
            self.seen += 1
            self.done.append((self._name, None if self._file is None else bytes(self._file)))
        self._file = None


@dataclass(frozen=True)
class _Desk:
    """Who uploads, and in which language he is answered."""

    parts: Parts
    user: User
    lang: Locale

    def take(self, name: str, content: bytes | None, tell: Tell) -> None:
        """Ingest one file and the files inside it; a bad one is a result, not an end of the batch."""
        parts = self.parts
        intake = Intake(
            parts.db,
            parts.vault,
            parts.company,
            lambda: parts.redactor,
            shared_reader(),
            datetime.now(UTC),
            "upload",
            self.user.name,
            parts.settings.home / "originals",
            lambda page, of: tell({"name": name, "page": page, "of": of}),
        )
        if content is None:
            limit = MAX_FILE_BYTES // 1024 // 1024
            reason = {"zh": f"超过 {limit} MB", "en": f"larger than {limit} MB"}
            tell(asdict(self.result(Taken(name, "failed", error=UnreadableFile(name=name, reason=reason)))))
            return
        added = False
        for taken in intake.take(name, content):
            added |= taken.state in ("added", "quarantined")
            tell(asdict(self.result(taken)))
        if added:
            parts.renew(names=False)

    def result(self, taken: Taken) -> Result:
        """The outcome as the user sees it."""
        notes = [taken.error.say(language_of(self.lang))] if taken.error else []
        notes += [tr(self.lang, "upload_twin", name=taken.twin)] if taken.twin else []
        notes += [tr(self.lang, "upload_hostile", n=taken.hostile)] if taken.hostile else []
        notes += [tr(self.lang, "upload_unsure", n=taken.unsure)] if taken.unsure else []
        label = tr(self.lang, "upload_ok" if taken.state == "added" else f"upload_{taken.state}")
        message = tr(self.lang, "semicolon").join(notes)
        return Result(taken.name, taken.state != "failed", taken.document, taken.state, label, message)


async def receive(parts: Parts, request: Request) -> Response:
    """
    Many files in one multipart form; a ZIP or a mail answers for each file inside.

    Answers {"results": [Result …]}, or, to who accepts application/x-ndjson, a line for each page read and each Result
    as soon as it is known, {"detail"} when the rest cannot be taken.
    """
    user = require(getattr(request.state, "user", None), "admin", {"zh": "上传文件", "en": "upload documents"})
    desk = _Desk(parts, user, lang_of(request))
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Invalid(reason={"zh": "请以 multipart/form-data 上传文件", "en": "send the files as multipart/form-data"})
    events = _events(desk, request, _Incoming(options[b"boundary"]))
    if LINES in request.headers.get("accept", ""):
        return _WhileItComes(_lines(events, desk.lang))
    return JSONResponse({"results": [event async for event in events if "of" not in event]})


class _WhileItComes(Response):
    """An answer that goes out while the body comes in: StreamingResponse would read the body away from us."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__(media_type=LINES)
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without a length, so in chunks."""
        headers = [(key, value) for key, value in self.raw_headers if key != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for line in self._lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _lines(events: AsyncIterator[Mapping[str, object]], lang: Locale) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield json.dumps(event, ensure_ascii=False).encode() + b"\n"
    except XinyanError as refused:  # the answer has begun: its status cannot say so any more
        yield json.dumps({"detail": refused.say(language_of(lang))}, ensure_ascii=False).encode() + b"\n"


async def _events(desk: _Desk, request: Request, incoming: _Incoming) -> AsyncIterator[Mapping[str, object]]:
    """Takes each file as soon as it is whole; the next one is received only then."""
    try:
        async for chunk in request.stream():
            incoming.feed(chunk)
            async for event in _take_finished(desk, incoming):
                yield event
            if incoming.seen > MAX_FILES:
                raise Invalid(reason={"zh": f"一次最多 {MAX_FILES} 个文件", "en": f"at most {MAX_FILES} files at once"})
    except MultipartParseError as broken:
        raise Invalid(reason={"zh": "上传内容已损坏", "en": "the upload is broken"}) from broken
    if not incoming.complete:
        raise Invalid(reason={"zh": "上传内容不完整", "en": "the upload is incomplete"})
    async for event in _take_finished(desk, incoming):
        yield event


async def _take_finished(desk: _Desk, incoming: _Incoming) -> AsyncIterator[Mapping[str, object]]:
    loop = asyncio.get_running_loop()
    while incoming.done:
        name, content = incoming.done.pop(0)
        told: asyncio.Queue[Mapping[str, object] | None] = asyncio.Queue()

        def tell(event: Mapping[str, object] | None, queue: asyncio.Queue[Mapping[str, object] | None] = told) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        work = asyncio.create_task(run_in_threadpool(desk.take, name, content, tell))
        work.add_done_callback(lambda _, queue=told: queue.put_nowait(None))
        while (event := await told.get()) is not None:
            yield event
        await work
