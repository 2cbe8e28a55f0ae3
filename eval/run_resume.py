"""Suite `resume`: our loop and transformers' Trainer, each killed with SIGKILL at random moments and begun again."""

import hashlib
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from eval.jsonl import BadData
from eval.resume import Attempt, Start, measure, watch
from eval.small_model import save_small_model
from governance.settings import Settings
from sandbox.base import Base
from sandbox.recipe import Recipe

KILLS, PEER_KILLS = 20, 10
RECIPE = Recipe(rank=8, alpha=16, steps=150, rows_per_step=4, checkpoint_every=5, heldout_rows=4, learning_rate=5e-3)
PAIRS = [
    (f"话术：第{n}句\n客户：{{customer}}", f"您好，{{customer}}。第{n}项保修{n}个月。" * (1 + n % 3)) for n in range(60)
]


def run(data: Path | None, settings: Settings) -> dict[str, Any]:
    """The model and the rows are the suite's own; nothing of the company is read or written."""
    if data is not None:
        raise BadData("这项评测不需要 --data", "this suite takes no --data")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        metrics: dict[str, Any] = {"checkpoint_every": RECIPE.checkpoint_every, "steps": RECIPE.steps}
        arms = {"": (start_ours(folder / "base"), KILLS), "_peer": (start_peer(folder / "peer"), PEER_KILLS)}
        for suffix, (start, kills) in arms.items():
            unbroken = watch(start(folder / f"unbroken{suffix}"), None)
            if unbroken.digest is None:
                raise RuntimeError("the unbroken training did not end")
            sys.stderr.write(f"resume{suffix}: unbroken {unbroken.seconds:.1f} s, {kills} kills\n")
            trial = measure(start, unbroken, folder / f"killed{suffix}", kills=kills)
            metrics |= {name + suffix: value for name, value in trial.metrics.items()}
    return metrics


def start_ours(folder: Path) -> Start:
    """How to begin our loop, or go on with it, on a small model in `folder`."""
    return partial(_start, _ours, _small(folder))


def start_peer(folder: Path) -> Start:
    """The same for the peer."""
    return partial(_start, _peer, _small(folder))


def _small(folder: Path) -> Base:
    # one warm server that has torch imported forks each attempt: a start costs a second instead of ten
    multiprocessing.set_forkserver_preload(["sandbox.train", "eval.peer_trainer"])
    return Base(save_small_model(folder, [text for pair in PAIRS for text in pair]), "0" * 64, "small")


def _start(target: Callable[[Base, Path, Connection], None], base: Base, work: Path) -> Attempt:
    warm = multiprocessing.get_context("forkserver")
    mine, theirs = warm.Pipe(duplex=False)
    process = warm.Process(target=target, args=(base, work, theirs), daemon=True)
    process.start()
    theirs.close()
    return Attempt(process, mine)


def _ours(base: Base, work: Path, wire: Connection) -> None:
    """In float32, as the promise of equal bits is given for."""
    import torch

    from sandbox import train

    train.fast_dtype = lambda: torch.float32
    draft, _ = train.fit(
        base, PAIRS[:50], PAIRS[50:], RECIPE, work, threads=1, on_point=lambda point: wire.send(point.step)
    )
    wire.send(hashlib.sha256((draft / "adapter_model.safetensors").read_bytes()).hexdigest())


def _peer(base: Base, work: Path, wire: Connection) -> None:
    from transformers import AutoTokenizer

    from eval.peer_trainer import train_or_resume
    from sandbox.chat import open_chat
    from sandbox.preflight import encode

    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    chat = open_chat(tokenizer, tokenizer.eos_token_id)
    rows = [(list(row.ids), list(row.labels)) for row in (encode(chat, *pair) for pair in PAIRS[:50])]
    steps, every = RECIPE.steps, RECIPE.checkpoint_every
    wire.send(train_or_resume(base.folder, rows, work, wire.send, steps=steps, every=every))
