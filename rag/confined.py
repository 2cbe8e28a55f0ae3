"""Reading in a process of its own: hostile files meet the parsers there, with nothing to steal or to send."""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from governance.errors import UnreadableFile
from rag.archives import MOST_UNPACKED, refuse_size
from rag.intake import Attachment, OnPage, Reading
from rag.reading_process import HEADER, Answer, Ask, Refusal

_ROOT = Path(__file__).resolve().parent.parent
MOST_ANSWER = 64 * 2**20  # bytes of JSON; a document of 500 full pages has 2


@dataclass(frozen=True, slots=True)
class Limits:
    """`stall_s`: without a page more; `whole_s`: for one file. A child serves `files` files, then a fresh one does."""

    stall_s: float = 120.0
    whole_s: float = 1_200.0
    memory_mib: int = 3_072  # of addresses; OCR takes 1.5 GiB of them, half of it resident
    files: int = 300


class _Lost(Exception):
    """The child is gone or silent; `reason` is for the user, None when it had only retired."""

    def __init__(self, reason: dict[str, str] | None) -> None:
        super().__init__("the child is lost")
        self.reason = reason


class Reader:
    """
    One warm child; `read` may be called from any thread, one file at a time.

    Covered: a crash, a hang, a kill or too much memory costs that one file; the child gets no environment of ours,
    cannot open a socket, start a program or write a file; what comes back is JSON, checked. Not covered: a file that
    takes over the child can still read what this account may read, though it cannot send it anywhere.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0

    def read(self, name: str, content: bytes, labels: Collection[str] = (), on_page: OnPage | None = None) -> Reading:
        """Raises UnreadableFile: whatever rag.reading says, and when the child does not survive the file."""
        refuse_size(name, len(content))
        ask = Ask(name, sorted(labels), len(content), self._limits.memory_mib, int(self._limits.whole_s) + 1)
        with self._lock:
            for fresh in (False, True):
                try:
                    return self._read(ask, content, on_page or (lambda done, total: None))
                except _Lost as lost:
                    self._stop()
                    if lost.reason is not None or fresh:
                        reason = lost.reason or _reason("crash")
                        raise UnreadableFile(name=name, reason=reason) from lost
        raise AssertionError

    @property
    def pid(self) -> int | None:
        """The process that reads, if one is warm."""
        return self._child.pid if self._child is not None else None

    def close(self) -> None:
        """End the child; the next file gets a new one."""
        with self._lock:
            self._stop()

    def _read(self, ask: Ask, content: bytes, on_page: OnPage) -> Reading:
        child = self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        end = time.monotonic() + self._limits.whole_s
        header = json.dumps(ask.as_json(), ensure_ascii=False).encode()
        _Pipe(child, end, self._limits.stall_s).write(HEADER.pack(len(header)) + header + content)
        while True:
            pipe = _Pipe(child, end, self._limits.stall_s)
            (size,) = HEADER.unpack(pipe.read(HEADER.size))
            if size > MOST_ANSWER:
                raise _Lost(_reason("crash"))
            answer = _parsed(pipe.read(size))
            if answer.of:
                on_page(answer.page, answer.of)
                continue
            return self._taken(ask, answer, pipe)

    def _taken(self, ask: Ask, answer: Answer, pipe: "_Pipe") -> Reading:
        if sum(size for _, size in answer.attachments) > MOST_UNPACKED + 2**20:
            raise _Lost(_reason("crash"))
        attachments = tuple(Attachment(name[:300], pipe.read(size)) for name, size in answer.attachments)
        self._served += 1
        if self._served >= self._limits.files or answer.spent:
            self._stop()
        if answer.refusal is not None:
            raise _error(answer.refusal, ask.name)
        return Reading(answer.document, attachments, tuple(_error(each, each.name) for each in answer.refused))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-P", "-B", "-s", "-m", "rag.reading_process"]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                bufsize=0,
            )
            for stream in (self._child.stdin, self._child.stdout):
                os.set_blocking(_descriptor(stream), False)
        return self._child

    def _stop(self) -> None:
        child, self._child, self._served = self._child, None, 0
        if child is not None:
            child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()


class _Pipe:
    """The two pipes of a child, with a time for each piece and one for all."""

    def __init__(self, child: subprocess.Popen[bytes], end: float, stall_s: float) -> None:
        self.child, self.end = child, min(end, time.monotonic() + stall_s)

    def write(self, data: bytes) -> None:
        descriptor, left = _descriptor(self.child.stdin), memoryview(data)
        while left:
            self._wait([], [descriptor])
            try:
                left = left[os.write(descriptor, left[: 2**16]) :]
            except BrokenPipeError as gone:
                raise _Lost(self._why()) from gone

    def read(self, size: int) -> bytes:
        descriptor, found = _descriptor(self.child.stdout), bytearray()
        while len(found) < size:
            self._wait([descriptor], [])
            piece = os.read(descriptor, min(size - len(found), 2**20))
            if not piece:
                raise _Lost(self._why())
            found += piece
        return bytes(found)

    def _wait(self, readable: list[int], writable: list[int]) -> None:
        left, ready = self.end - time.monotonic(), select.poll()
        for descriptor in readable:
            ready.register(descriptor, select.POLLIN)
        for descriptor in writable:
            ready.register(descriptor, select.POLLOUT)
        if left <= 0 or not ready.poll(left * 1000):
            raise _Lost(_reason("slow"))

    def _why(self) -> dict[str, str] | None:
        """None for exit code 0: it had only retired, or says so, and the file is tried once more."""
        code = self.child.wait()
        return None if code == 0 else _reason("slow" if code == -signal.SIGXCPU else "crash")


def _descriptor(stream: IO[bytes] | None) -> int:
    assert stream is not None
    return stream.fileno()


_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def _parsed(data: bytes) -> Answer:
    try:
        return _ANSWER.validate_json(data)
    except ValidationError as wrong:
        raise _Lost(_reason("crash")) from wrong


def _error(refusal: Refusal, name: str) -> UnreadableFile:
    return UnreadableFile(name=name[:300], reason={"zh": refusal.zh[:500], "en": refusal.en[:500]})


def _reason(kind: str) -> dict[str, str]:
    if kind == "slow":
        return {"zh": "读取时间过长，已中止", "en": "reading took too long and was stopped"}
    return {
        "zh": "读取程序意外终止，文件可能有害，已隔离",
        "en": "the reader ended unexpectedly; the file may be harmful and was set aside",
    }


_readers: list[Reader] = []  # the one warm child of this process, shared by every upload
_first = threading.Lock()


def shared_reader() -> Reader:
    """The warm child of this process; ended with it."""
    with _first:
        if not _readers:
            _readers.append(Reader())
            atexit.register(_readers[0].close)
        return _readers[0]
