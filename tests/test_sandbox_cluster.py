"""Ray Train on this machine: two workers end where one process does; nobody outside is asked for anything."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from governance.errors import Invalid, Unavailable
from sandbox.base import Base, prepare_base
from sandbox.cluster import over_cluster, same_base
from sandbox.launch import Job
from sandbox.machines import add_parallel, chosen_loop
from sandbox.recipe import Recipe
from sandbox.train import fit
from tests.tiny_model import save_tiny_model

ROOT = Path(__file__).resolve().parent.parent

CODE = """
import ipaddress, json, sys
from pathlib import Path

OUTSIDE = []

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in (None, "", "localhost", "0.0.0.0", "::", "127.0.0.1", "::1"):
        OUTSIDE.append(f"{event} {name}")

sys.addaudithook(watch)

import torch
torch.set_num_threads(1)
from safetensors.torch import load_file
from sandbox.base import Base, prepare_base
from sandbox.cluster import over_cluster
from sandbox.train import fit
from tests.test_sandbox_parallel import PAIRS, RECIPE
from tests.tiny_model import save_tiny_model

folder = Path(sys.argv[1])
base = prepare_base(str(save_tiny_model(folder / "tiny")), folder / "home", lambda *_: None)
points, said = {"one": [], "two": []}, {}
for name, start in (("one", fit), ("two", over_cluster("local", 2))):
    start(base, PAIRS[:31], PAIRS[31:], RECIPE, folder / name, threads=1,
          on_point=lambda p, name=name: points[name].append([p.step, p.loss, p.gradient]))
one, two = (load_file(folder / name / "draft" / "adapter_model.safetensors") for name in points)
said["apart"] = max(float((two[key] - one[key]).norm() / one[key].norm()) for key in one)
said["points"] = points
said["outside"] = OUTSIDE
print(json.dumps(said))
"""


@pytest.mark.long
def test_two_workers_of_ray_end_where_one_process_does_and_ask_nobody_outside(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    said = json.loads(found.stdout.splitlines()[-1])
    assert said["outside"] == []
    assert [step for step, *_ in said["points"]["two"]] == [1, 2, 3, 4, 5, 6, 7]
    for mine, theirs in zip(said["points"]["two"], said["points"]["one"], strict=True):
        assert mine[1] == pytest.approx(theirs[1], rel=1e-3)
        assert mine[2] == pytest.approx(theirs[2], rel=1e-2)
    assert said["apart"] < 0.02


def test_a_machine_whose_base_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    base = prepare_base(str(save_tiny_model(tmp_path / "tiny")), tmp_path / "home", lambda *_: None)
    job = Job(base, [], [], Recipe(), tmp_path / "work", 1)
    same_base(job)
    with pytest.raises(Invalid, match="another one"):
        same_base(replace(job, base=replace(base, hash="e" * 64)))
    with pytest.raises(Invalid, match="has no folder none"):
        same_base(replace(job, base=replace(base, folder=tmp_path / "none")))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:port", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path, address: str) -> None:
    base = Base(tmp_path, "b" * 64, "x")
    with pytest.raises(Unavailable) as refused:
        over_cluster(address, 2)(base, [], [], Recipe(), tmp_path, threads=1, on_point=print)
    assert "--ray local" in refused.value.say("zh")


@pytest.mark.parametrize(
    "flags",
    [["--processes", "0"], ["--ray", "local", "--workers", "99"], ["--ray", "local", "--processes", "2"], ["--shard"]],
)
def test_flags_that_contradict_each_other_are_refused(flags: list[str]) -> None:
    with pytest.raises(Invalid):
        chosen_loop(parsed(flags))


def test_one_process_is_the_loop_itself() -> None:
    assert chosen_loop(parsed([])) is fit


def parsed(flags: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parallel(parser)
    return parser.parse_args(flags)
