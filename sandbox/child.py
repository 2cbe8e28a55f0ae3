"""The process that does the heavy work of a run: told a step on its input, it answers one line of JSON."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from governance.db import ROOT
from governance.settings import Settings
from sandbox.process import birth, environment


class Child:
    """Held by the worker. When the worker dies the input closes, and the process ends by itself, on every system."""

    def __init__(self, settings: Settings, run: str, turn: int, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "sandbox", "run", run, "--turn", str(turn)]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment(settings)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C at the worker's terminal is for the worker
            )
        self.pid, self.born = self._process.pid, birth(self._process.pid)

    def ask(self, step: str) -> dict[str, Any] | None:
        """Waits for the answer; None when the process is gone."""
        asks, answers = self._process.stdin, self._process.stdout
        assert asks is not None
        assert answers is not None
        try:
            asks.write(f"{step}\n".encode())
            asks.flush()
            line = answers.readline()
        except (OSError, ValueError):  # broken, or closed by `end`
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def interrupt(self) -> None:
        """Stop after the present step."""
        self._process.terminate()

    def kill(self) -> None:
        """At once."""
        self._process.kill()

    def end(self, *, patience_s: float = 10) -> str:
        """Close its input, wait for it; how it ended, in a word."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self._process.stdin.close()
        try:
            code = self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return signal.Signals(-code).name if code < 0 else f"exit {code}"


def own_answers() -> IO[str]:
    """In the process itself: what answers go to. Whatever libraries print goes to the log from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def own_steps() -> "SimpleQueue[str]":
    """In the process itself: the steps asked for. A closed input means that the worker is gone: ends the process."""
    steps: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            steps.put(line.strip())
        os._exit(0)  # checkpoints and rows are written whole or not at all; nobody waits for anything else

    Thread(target=listen, daemon=True).start()
    return steps
