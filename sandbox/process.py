"""Processes that may die at any moment: telling one from a later one with the same number, and its settings."""

import os
import signal
import time
from pathlib import Path

from governance.settings import Settings


def birth(pid: int) -> str | None:
    """When the process began, None when it is gone or a zombie; on systems without /proc only that it exists."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return "unknown"
    return None if fields[0] == "Z" else fields[19]


def alive(pid: int | None, born: str | None) -> bool:
    """Whether this very process still runs, whoever started it."""
    began = birth(pid) if pid else None
    return began is not None and (born is None or began == born)


def end_process(pid: int, born: str | None, *, patience_s: float) -> None:
    """Wait for this very process to end by itself, then kill it."""
    waited = time.monotonic() + patience_s
    while alive(pid, born):
        if time.monotonic() > waited:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the variables that another process reads them from."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    shown = {k: str(v.resolve()) if isinstance(v, Path) else str(v) for k, v in values.items()}
    return {f"XINYAN_{name.upper()}": value for name, value in shown.items()}
