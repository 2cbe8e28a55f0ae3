"""POST /admin/documents: the only way in for files; limited while they stream, answered one by one."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from assistant.i18n import lang_of
from assistant.parts import Parts
from governance.accounts import User, require
from governance.errors import Invalid, Language, UnreadableFile, XinyanError
from rag.pipeline import ingest_document

PATH = "/admin/documents"
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file."""

    name: str
    ok: bool
    document: str
    message: str


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
        self._name = name.replace("\\", "/").rsplit("/", 1)[-1][:200]
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


def _take(parts: Parts, user: User, language: Language, name: str, content: bytes | None) -> Result:
    """Ingest one file; a bad one is a result, not an end of the batch."""
    try:
        if content is None:
            limit = MAX_FILE_BYTES // 1024 // 1024
            raise UnreadableFile(name=name, reason={"zh": f"超过 {limit} MB", "en": f"larger than {limit} MB"})
        now = datetime.now(UTC)
        document = ingest_document(
            parts.db,
            parts.vault,
            parts.company,
            parts.redactor,
            name,
            content,
            channel="upload",
            actor=user.name,
            now=now,
        )
    except XinyanError as error:
        return Result(name, False, "", error.say(language))
    return Result(name, True, document, "")


async def receive(parts: Parts, request: Request) -> Response:
    """Many files in one multipart form; answers {"results": [{name, ok, document, message}]}."""
    user = require(getattr(request.state, "user", None), "admin", "upload documents")
    language: Language = "zh" if lang_of(request) == "zh-CN" else "en"
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Invalid(reason={"zh": "请以 multipart/form-data 上传文件", "en": "send the files as multipart/form-data"})
    incoming, results = _Incoming(options[b"boundary"]), list[Result]()

    async def take_finished() -> None:
        while incoming.done:
            name, content = incoming.done.pop(0)
            results.append(await run_in_threadpool(_take, parts, user, language, name, content))

    try:
        async for chunk in request.stream():
            incoming.feed(chunk)
            await take_finished()
            if incoming.seen > MAX_FILES:
                raise Invalid(reason={"zh": f"一次最多 {MAX_FILES} 个文件", "en": f"at most {MAX_FILES} files at once"})
    except MultipartParseError as broken:
        raise Invalid(reason={"zh": "上传内容已损坏", "en": "the upload is broken"}) from broken
    if not incoming.complete:
        raise Invalid(reason={"zh": "上传内容不完整", "en": "the upload is incomplete"})
    await take_finished()
    answer: dict[str, Any] = {"results": [asdict(result) for result in results]}
    return JSONResponse(answer)
