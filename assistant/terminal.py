"""What `make demo` prints and writes: progress lines, time and memory per step, and var/demo/report.json."""

import json
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance.errors import Language

STATUS = Path("/proc/self/status")


@dataclass
class Report:
    """The report's content; written whole after every step, so that a killed run leaves what it had."""

    path: Path
    content: dict[str, Any] = field(default_factory=dict[str, Any])

    def put(self, **values: object) -> None:
        """Set top-level keys and write the file."""
        self.content |= values
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".partial")
        draft.write_text(json.dumps(self.content, ensure_ascii=False, indent=2, default=str), encoding="utf-8")
        draft.replace(self.path)


class Terminal:
    """Progress on one line of a terminal, or a line now and then when the output goes to a file."""

    def __init__(self, language: Language, report: Report) -> None:
        self.zh = language == "zh"
        self.language: Language = language
        self.report = report
        self._live = sys.stdout.isatty()
        self._last = 0.0

    @contextmanager
    def step(self, name: str, zh: str, en: str) -> Generator[None]:
        """A titled step whose seconds and peak memory go into the report, also when it ends in an error."""
        self.title(zh, en)
        _forget_peak()
        started = time.monotonic()
        try:
            yield
        finally:
            self.count(name, time.monotonic() - started)

    def count(self, name: str, seconds: float) -> None:
        """Add time to a step; its memory is the highest seen in it."""
        spent = self.report.content.setdefault("seconds", {})
        memory = self.report.content.setdefault("peak_rss_mib", {})
        spent[name] = round(spent.get(name, 0) + seconds, 1)
        memory[name] = round(max(memory.get(name, 0), _peak_rss_mib()), 1)
        self.report.put()

    def title(self, zh: str, en: str) -> None:
        """A step begins."""
        self.line(f"\n== {zh if self.zh else en}")

    def say(self, zh: str, en: str) -> None:
        """An indented line in the reader's language."""
        self.line(f"   {zh if self.zh else en}")

    def line(self, text: str) -> None:
        """A line, over an unfinished progress line if there is one."""
        print(("\r\033[K" if self._live else "") + text, flush=True)

    def progress(self, step: str, done: int, total: int, note: str = "") -> None:
        """Where a long step stands; five times a second on a terminal, every 10 s in a file, and at its end."""
        now = time.monotonic()
        if done < total and now - self._last < (0.2 if self._live else 10):
            return
        self._last = now
        text = f"   {step} {done}/{total} {note}".rstrip()
        if self._live and done < total:
            print(f"\r\033[K{text}", end="", flush=True)
        else:
            self.line(text)


def seconds_before(variable: str = "XINYAN_SETUP_STARTED") -> float:
    """Seconds since `make` began to set up, which it hands over in `variable`; 0 when it does not."""
    try:
        return max(0.0, time.time() - float(os.environ.get(variable, "")))
    except ValueError:
        return 0.0


def _forget_peak() -> None:
    """Linux: let VmHWM count anew, so that each step shows its own peak. Elsewhere the peak is the process's."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_rss_mib() -> float:
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource  # not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
