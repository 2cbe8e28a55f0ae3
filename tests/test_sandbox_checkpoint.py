"""Checkpoints: a kill at any moment, a full disk or a broken file costs at most one interval."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from sandbox.checkpoint import KEPT, load_newest, save_checkpoint

ROOT = Path(__file__).resolve().parent.parent
PRINT = "f" * 64

State = tuple[dict[str, torch.Tensor], torch.optim.Optimizer]


def state(step: int) -> State:
    """Weights and moments that only belong to this step."""
    weights = {name: torch.nn.Parameter(torch.full((4, 3), float(step))) for name in ("a.lora_A", "b.lora_B")}
    optimizer = torch.optim.AdamW(weights.values(), lr=0.0)
    for _ in range(step):
        for weight in weights.values():
            weight.grad = torch.full_like(weight, float(step))
        optimizer.step()
    return {**weights, "best:a": torch.full((2,), step / 7)}, optimizer


def save(work: Path, step: int) -> None:
    save_checkpoint(work, step, PRINT, *state(step))


def load(work: Path, fingerprint: str = PRINT) -> int:
    """The newest step; what was put back must be that step's, to the bit."""
    weights, optimizer = state(0)
    step = load_newest(work, fingerprint, weights, optimizer)
    if step:
        wanted, wanted_optimizer = state(step)
        for name, weight in weights.items():
            assert torch.equal(weight, wanted[name])
            for key, value in wanted_optimizer.state.get(wanted[name], {}).items():
                assert torch.equal(optimizer.state[weight][key], value)
    return step


def test_the_newest_is_put_back_and_two_are_kept(tmp_path: Path) -> None:
    assert load(tmp_path) == 0
    for step in (2, 4, 6):
        save(tmp_path, step)
        assert load(tmp_path) == step
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000004", "step-000006"]
    assert KEPT == 2
    assert load(tmp_path, "other") == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_newest_one_with_any_byte_changed_cut_or_a_file_gone_falls_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    work = tmp_path_factory.mktemp("work")
    save(work, 1)
    save(work, 2)
    file = data.draw(st.sampled_from(sorted((work / "step-000002").iterdir())))
    content = bytearray(file.read_bytes())
    how = data.draw(st.sampled_from(["flip", "cut", "gone", "empty"]))
    if how == "flip" and file.name != "manifest.json":
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes(content)
    elif how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: 0 if how == "empty" else data.draw(st.integers(0, len(content) - 1))])
    assert load(work) == 1
    save(work, 2)
    assert load(work) == 2


@pytest.mark.parametrize(
    "manifest", ["[]", "null", "{}", '{"files": 3}', '{"step": 2, "files": {}}', '{"step": "2", "fingerprint": "f"}']
)
def test_a_manifest_that_says_nonsense_is_passed_over(tmp_path: Path, manifest: str) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    (tmp_path / "step-000002" / "manifest.json").write_text(manifest)
    assert load(tmp_path) == 1


def test_a_checkpoint_that_is_a_pickle_is_not_opened(tmp_path: Path) -> None:
    save(tmp_path, 1)
    folder = tmp_path / "step-000009"
    folder.mkdir()
    torch.save({"a": 1}, folder / "weights.safetensors")
    save_file({}, folder / "moments.safetensors")
    (folder / "manifest.json").write_text(json.dumps({"step": 9, "fingerprint": PRINT, "files": {}}))
    assert load(tmp_path) == 1


KILLED = """
import json, os, signal, sys
from pathlib import Path
import tests.test_sandbox_checkpoint as t

TOUCHES = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.scandir", "shutil.rmtree", "os.listdir")
outcomes, moment = [], 0
while True:
    moment += 1
    work = Path(sys.argv[1]) / str(moment)
    t.save(work, 1), t.save(work, 2)
    child = os.fork()
    if child == 0:
        seen = 0
        def kill(event, arguments):
            global seen
            if event not in TOUCHES:
                return
            seen += 1
            if seen >= moment:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        t.save(work, 3)
        os._exit(0)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    loaded = t.load(work)
    t.save(work, 4)
    left = sorted(path.name for path in work.iterdir())
    outcomes.append((killed, loaded, t.load(work), left))
    if not killed:
        break
print(json.dumps(outcomes))
"""

FULL = """
import resource, sys
from pathlib import Path
import tests.test_sandbox_checkpoint as t
from governance.errors import Unavailable

work = Path(sys.argv[1])
t.save(work, 1), t.save(work, 2)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    t.save(work, 3)
except Unavailable as failed:
    print(failed.say("zh"))
    print(failed.say("en"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(t.load(work), sorted(path.name for path in work.iterdir()))
t.save(work, 3)
print(t.load(work))
"""


def python(code: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.slow
def test_kill_9_at_every_touch_of_the_disk_loses_at_most_the_checkpoint_being_written(tmp_path: Path) -> None:
    outcomes = json.loads(python(KILLED, str(tmp_path)))
    assert len(outcomes) > 10
    assert [killed for killed, *_ in outcomes] == [True] * (len(outcomes) - 1) + [False]
    loaded = [step for _, step, _, _ in outcomes]
    assert set(loaded) == {2, 3}
    assert loaded == sorted(loaded)  # once it is there, it stays
    assert all(later == 4 for _, _, later, _ in outcomes)
    assert all(len(left) == KEPT for *_, left in outcomes), "nothing half-written stays"


@pytest.mark.slow
@pytest.mark.parametrize("bytes_left", ["0", "300"])
def test_a_full_disk_leaves_the_older_checkpoint_and_says_what_to_do(tmp_path: Path, bytes_left: str) -> None:
    said = python(FULL, str(tmp_path), bytes_left).splitlines()
    assert "磁盘空间" in said[0]
    assert "free some and resume" in said[1]
    assert said[2] == "2 ['step-000001', 'step-000002']"
    assert said[3] == "3"
