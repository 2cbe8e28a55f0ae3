"""`fit` over several machines through Ray Train: the same arguments and the same result as on one."""

import os
import secrets
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from governance.errors import Invalid, Unavailable, XinyanError
from sandbox.base import Base, prepare_base
from sandbox.launch import Failure, Fit, Job, job_of
from sandbox.parallel import Together, lost_process
from sandbox.preflight import Checked, Pair
from sandbox.recipe import Recipe
from sandbox.train import Point

LOOKS_S = 0.5
LOCAL = "local"  # a Ray of our own on this machine, gone afterwards


class Board:
    """An actor of Ray between the workers and the command: points and failures up, the wish to stop down."""

    def __init__(self) -> None:
        self._said: list[Any] = []
        self._stop = False

    def say(self, said: Any) -> None:
        self._said.append(said)

    def heard(self) -> list[Any]:
        """What was said since the last time."""
        said, self._said = self._said, []
        return said

    def stop(self) -> None:
        self._stop = True

    def stopped(self) -> bool:
        return self._stop


def over_cluster(address: str, workers: int, *, shard: bool = False) -> Fit:
    """
    `fit` with `workers` processes of a Ray cluster; `address` "local" begins one here for the time of the training.

    Base and work folder must be the same folders on every machine: checkpoints and the adapter are written there.
    """

    def together(
        base: Base,
        train: Sequence[Pair],
        heldout: Sequence[Pair],
        recipe: Recipe,
        work: Path,
        *,
        threads: int,
        on_point: Callable[[Point], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[Path, Checked]:
        alone = address == LOCAL
        share = threads // workers if alone else threads
        job = job_of(base, train, heldout, recipe, work.resolve(), threads=max(1, share), shard=shard)
        with _connected(address, workers) as ray:
            board = ray.remote(Board).options(num_cpus=0).remote()
            failed: list[Exception] = []
            thread = Thread(target=_train, args=(job, board, workers, shard, failed), daemon=True)
            thread.start()
            return work / "draft", _watch(ray, board, thread, failed, on_point, should_stop)

    return together


def _train(job: Job, board: Any, workers: int, shard: bool, failed: list[Exception]) -> None:
    import torch
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    gpu = torch.cuda.is_available()
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"job": job, "board": board, "shard": shard},
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),
        run_config=RunConfig(storage_path=str(job.work / "ray"), failure_config=FailureConfig(max_failures=0)),
    )
    try:
        trainer.fit()
    except Exception as ended:  # the edge of Ray: what the workers said before it is the cause
        failed.append(ended)


def _worker(given: dict[str, Any]) -> None:
    """One process of the training, on whatever machine Ray put it."""
    import ray

    job, board = given["job"], given["board"]

    def say(point: Point) -> None:
        ray.get(board.say.remote(point))

    def stopped() -> bool:
        return bool(ray.get(board.stopped.remote()))

    try:
        same_base(job)
        parallel = Together(shard=given["shard"])
        checked = job.run(say, stopped, parallel)
        if parallel.main:
            ray.get(board.say.remote(checked))
    except XinyanError as error:
        ray.get(board.say.remote(Failure.of(error)))
        raise


def same_base(job: Job) -> None:
    """On this machine too, the folder must hold the very same model."""
    if not job.base.folder.is_dir():
        zh = f"这台机器上没有基础模型的文件夹 {job.base.folder.name}，请放在各机器共享的位置"
        en = f"this machine has no folder {job.base.folder.name} of the base model; put it where all machines see it"
        raise Invalid(reason={"zh": zh, "en": en})
    found = prepare_base(str(job.base.folder), job.work, lambda step, done, total: None)
    if found.hash != job.base.hash:
        zh, en = "这台机器上的基础模型与主机上的不同", "the base model on this machine is another one"
        raise Invalid(reason={"zh": zh, "en": en})


def _watch(
    ray: Any,
    board: Any,
    thread: Thread,
    failed: Sequence[Exception],
    on_point: Callable[[Point], None],
    should_stop: Callable[[], bool],
) -> Checked:
    """Until Ray's trainer has ended; the first cause that is not a lost connection is raised."""
    done: Checked | None = None
    failures: list[Failure] = []
    stopped, alive = False, True
    while alive:
        thread.join(LOOKS_S)
        alive = thread.is_alive()
        for said in ray.get(board.heard.remote()):
            if isinstance(said, Point):
                on_point(said)
            elif isinstance(said, Failure):
                failures.append(said)
            else:
                done = said
        if not stopped and should_stop():
            stopped = True
            ray.get(board.stop.remote())
    causes = [each for each in failures if each.kind != "Unavailable"] or failures
    if causes:
        raise causes[0].error()
    if done is None or failed:
        raise lost_process() from (failed[0] if failed else None)
    return done


@contextmanager
def _connected(address: str, workers: int) -> Generator[Any]:
    """Ray without dashboard and without its usage statistics; our own one asks for a token."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_TRAIN_ENABLE_STATE_TRACKING="0", RAY_DEDUP_LOGS="0")
    if address == LOCAL:  # its ports listen on every interface; nobody without this token gets an answer
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # Ray reads it once in a process
    elif not _answers(address):
        raise _unreachable(address)
    try:
        import ray
    except ImportError as missing:
        what = {"zh": "多机训练组件 Ray", "en": "Ray, for training on several machines"}
        raise Unavailable(what=what, remedy="pip install 'xinyan[cluster]'") from missing
    options: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "configure_logging": False}
    if address == LOCAL:
        options |= {"address": "local", "num_cpus": workers + 1, "_node_ip_address": "127.0.0.1"}
    else:
        options = {"address": address, "log_to_driver": False}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError) as unreachable:
        raise _unreachable(address) from unreachable
    try:
        yield ray
    finally:
        ray.shutdown()


def _answers(address: str) -> bool:
    """Asked first, for Ray ends the whole process when nobody is there."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return address == "auto"
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def _unreachable(address: str) -> Unavailable:
    what = {"zh": f"Ray 集群 {address}", "en": f"The Ray cluster {address}"}
    remedy = {"zh": "请先启动集群，或使用 --ray local", "en": "start it first, or use --ray local"}
    return Unavailable(what=what, remedy=remedy)
