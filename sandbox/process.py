"""Processes that may die at any moment: telling one from a later one with the same number, and its settings."""

import os
import signal
import time
from pathlib import Path

from pydantic import SecretStr

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
    values = {f"XINYAN_{name.upper()}": getattr(settings, name) for name in Settings.model_fields}
    return {name: _shown(value) for name, value in values.items() if value is not None}


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.resolve() if isinstance(value, Path) else value)
