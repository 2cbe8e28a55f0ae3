"""Suite `training-speed`: our loop against TRL's, same model and rows, in turn, each run a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.race_rows import heldout_loss, pairs_of, questions, untrained_model
from eval.training_speed import (
    IGNORED,
    Encoded,
    Job,
    Run,
    figures,
    in_turn,
    read_job,
    read_rows,
    read_run,
    resident_mib,
    summary,
    timed,
    write_run,
)
from governance.errors import Unavailable
from governance.settings import Settings
from sandbox.base import Base, prepare_base
from sandbox.recipe import Recipe

ROUNDS, ROUNDS_GEMMA = 5, 2
SETTINGS = ("default", "no_checkpointing", "by_length", "padding_free", "packing")  # of eval/peer_trl.py
MAX_TOKENS, HELDOUT = 320, 24
SURROUNDINGS = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
}
SAME_STEPS = "same_steps"  # the peer on the very rows of each of our steps: whether the two loops learn the same
OURS, SHIPPED = "ours", "as_shipped"  # the same adapter as the peer's; none in the lower third of the layers


@dataclass(frozen=True, slots=True)
class Race:
    """A model and its rows on disk."""

    job: Job
    heldout: Sequence[Encoded]
    work: Path


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    pairs = pairs_of(data) if data else questions(settings.company / "documents", 72 + HELDOUT)
    with TemporaryDirectory() as scratch:
        work = Path(scratch)
        folder = untrained_model(work / "tiny", [prompt + answer for prompt, answer in pairs])
        tiny = prepare(work / "rows", folder, pairs, Job(rows_per_step=8, passes=2))
        tried = {setting: [ran(tiny, setting)] for setting in (*SETTINGS, SAME_STEPS)}
        strongest = max(tried, key=lambda setting: tried[setting][0].speed)
        metrics = race(tiny, strongest, ROUNDS, tried)
        base = prepare_base("", settings.home, lambda step, done, total: None)
        gemma = prepare(work / "gemma", base.folder, pairs[: 36 + HELDOUT], Job(rows_per_step=6, passes=1))
        once = {name: [ran(gemma, name)] for name in ("packing", SAME_STEPS) if name != strongest}
        metrics |= {f"{name}_gemma": value for name, value in race(gemma, strongest, ROUNDS_GEMMA, once).items()}
    return metrics


def race(prepared: Race, setting: str, rounds: int, once: Mapping[str, list[Run]]) -> dict[str, Any]:
    """
    Our loop and the peer at its strongest setting, in turn, with the same adapter; `once`: the peer in other ways.

    Which rows stand together in a step decides much when there are few steps, so the losses are compared with the peer
    on the very rows of each of our steps. Ours once more with the adapter that we ship shows what a user gets.
    """
    runs: dict[str, list[Run]] = {OURS: [], setting: []}
    for name in in_turn(tuple(runs), rounds):
        runs[name].append(ran(prepared, name))
    peers = {**once, setting: runs[setting]}
    return figures(runs[OURS], peers, SAME_STEPS) | {SHIPPED: summary([ran(prepared, SHIPPED)])}


def prepare(work: Path, base: Path, pairs: Sequence[tuple[str, str]], job: Job) -> Race:
    """Encode the rows as both loops will see them; the last are held out, and the steps come out even."""
    from transformers import AutoTokenizer, GenerationConfig

    from sandbox.chat import open_chat
    from sandbox.packing import plan_batches
    from sandbox.preflight import encode

    chat = open_chat(AutoTokenizer.from_pretrained(base), GenerationConfig.from_pretrained(base).eos_token_id)
    encoded = [encode(chat, prompt, answer) for prompt, answer in pairs]
    rows = [(row.ids, row.labels) for row in encoded if len(row.ids) <= MAX_TOKENS]
    train, heldout = rows[:-HELDOUT], rows[-HELDOUT:]
    train = train[: len(train) // job.rows_per_step * job.rows_per_step]
    work.mkdir(parents=True)
    (work / "rows.json").write_text(json.dumps(train), encoding="utf-8")
    lengths = [len(ids) for ids, _ in train]
    order = [row for rows in plan_batches(lengths, recipe_of(job, len(train))) for row in rows]
    job = replace(job, base=str(base), rows=str(work / "rows.json"), adapter=str(work / "adapter"), order=tuple(order))
    return Race(job, heldout, work)


def recipe_of(job: Job, rows: int) -> Recipe:
    """The job for our loop."""
    return Recipe(
        rank=job.rank,
        alpha=job.alpha,
        learning_rate=job.learning_rate,
        warmup=job.warmup,
        steps=rows // job.rows_per_step * job.passes,
        rows_per_step=job.rows_per_step,
        seed=job.seed,
        checkpoint_every=1 << 30,
        packing=True,
    )


def ran(prepared: Race, name: str) -> Run:
    """One run in a process of its own, its adapter then measured by a third party's code."""
    job, result = prepared.work / "job.json", prepared.work / "run.json"
    job.write_text(json.dumps(asdict(prepared.job)), encoding="utf-8")
    ours = name in (OURS, SHIPPED)
    module = "eval.run_training_speed" if ours else "eval.peer_trl"
    command = [sys.executable, "-m", module, str(job), str(result), name]
    done = subprocess.run(command, env=os.environ | SURROUNDINGS, capture_output=True, text=True, check=False)
    if done.returncode:
        remedy = {"zh": "请安装测试依赖：", "en": "install the test dependencies: "}
        said = done.stderr.strip().splitlines()[-1:]
        what = {"zh": f"训练进程 {name}", "en": f"The training process {name}"}
        raise Unavailable(what=what, remedy={tongue: text + "".join(said) for tongue, text in remedy.items()})
    heldout = heldout_loss(Path(prepared.job.base), Path(prepared.job.adapter), prepared.heldout)
    finished = replace(read_run(result), name=name, heldout=heldout)
    sys.stderr.write(f"{name}: {json.dumps(summary([finished]))}\n")
    return finished


def train_ours(job: Job, name: str) -> Run:
    """The loop of the product. The test of packing on the model is timed with it."""
    import torch

    from sandbox.loop import Loop, Point
    from sandbox.preflight import Checked, Row
    from sandbox.train import open_model

    torch.set_num_threads(1)
    rows = tuple(Row(tuple(ids), tuple(labels)) for ids, labels in read_rows(job.rows))
    recipe = recipe_of(job, len(rows))
    model, chat = open_model(Base(Path(job.base), "", ""), recipe, every_layer=name == OURS)
    data = Checked(rows, rows[:2], (), 0.0, "", chat.template)
    points = list[Point]()

    def work() -> None:
        with TemporaryDirectory() as scratch:
            loop = Loop(model, recipe, data, pad=chat.pad, work=Path(scratch), fingerprint="")
            loop.steps(points.append, lambda: False)

    before = resident_mib()
    cpu, wall = timed(work)
    peak = resident_mib("VmHWM")
    model.save_pretrained(job.adapter)
    return Run(
        name=name,
        cpu_s=cpu,
        wall_s=wall,
        peak_mib=peak,
        before_mib=before,
        tokens=job.passes * sum(len(row.ids) for row in rows),
        supervised=job.passes * sum(label != IGNORED for row in rows for label in row.labels),
        losses=tuple(point.loss for point in points),
        gradients=tuple(point.gradient for point in points),
    )


if __name__ == "__main__":  # a racer's process
    write_run(Path(sys.argv[2]), train_ours(read_job(Path(sys.argv[1])), sys.argv[3]))
