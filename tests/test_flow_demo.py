"""The demo on the embedded model, killed in every step and started again: minutes, for `make test-all`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parent.parent
STEPS = {"setup", "ingest", "train", "evaluate", "write", "review"}
FIGURES = {"heldout_loss", "value_copy", "unsupported_values", "must_say", "stop_rate"}


def start(home: Path, language: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-u", "-m", "assistant", "demo", "--language", language]
    environment = {**os.environ, "XINYAN_HOME": str(home)}
    environment.pop("OMP_NUM_THREADS", None)
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def kill_at(home: Path, marker: str) -> None:
    process = start(home, "zh")
    assert process.stdout is not None
    for line in process.stdout:
        if marker in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()


def finished(home: Path, language: str) -> dict[str, Any]:
    process = start(home, language)
    output, _ = process.communicate(timeout=7200)
    assert process.returncode == 0, output[-3000:]
    return json.loads((home / "demo" / "report.json").read_text(encoding="utf-8"))


def test_a_demo_killed_in_every_step_goes_on_and_ends_with_an_approved_script(tmp_path: Path) -> None:
    for marker in ("== 1", "records/purchases.csv", "loss", "shadow", "candidate", "== 5"):
        kill_at(tmp_path, marker)
    report = finished(tmp_path, "zh")
    assert report["seconds"].keys() >= STEPS
    assert report["peak_rss_mib"].keys() >= STEPS
    assert max(report["peak_rss_mib"].values()) < 6 * 1024
    assert report["adapter"]["released"] is True
    before, after = report["evaluation"]["before"], report["evaluation"]["after"]
    assert before.keys() >= FIGURES
    assert after.keys() >= FIGURES
    assert after["heldout_loss"] < before["heldout_loss"]
    assert after["value_copy"] >= 0.95
    check_script(report["script"], "zh")

    again = finished(tmp_path, "zh")
    assert again["adapter"] == report["adapter"]
    assert again["dataset"] == report["dataset"]
    assert again["script"] == report["script"]
    check_script(finished(tmp_path, "en")["script"], "en")


def check_script(script: dict[str, Any], language: str) -> None:
    assert script["language"] == language
    assert script["decision"]["decision"] == "approve"
    sentences = [sentence for section in script["sections"] for sentence in section["sentences"]]
    assert len(sentences) > 10
    for sentence in sentences:
        assert sentence["structured_check"] in ("supported", "no_claim")
        assert sentence["source_check"] in ("supported", "no_claim")
        assert (sentence["structured_check"] == "supported") <= bool(sentence["evidence"])
        assert "{" not in sentence["text"]
        assert "[[" not in sentence["text"]
    assert sum(sentence["origin"] == "adapter" for sentence in sentences) > len(sentences) / 2
