"""The flags of a training over several processes or machines, and the loop that they choose."""

import argparse

from governance.errors import Invalid
from sandbox.cluster import over_cluster
from sandbox.launch import Fit, over_processes

MOST = 64  # processes; a step has fewer than 32 rows


def add_parallel(parser: argparse.ArgumentParser) -> None:
    """--processes, --shard, --ray, --workers."""
    parser.add_argument("--processes", type=int, default=1, help="本机进程数 / processes here, one per GPU")
    parser.add_argument("--ray", metavar="ADDRESS", help="经 Ray 在多台机器上训练，local 为本机 / over a Ray cluster")
    parser.add_argument("--workers", type=int, default=2, help="Ray 的进程数 / processes of Ray")
    parser.add_argument(
        "--shard", action="store_true", help="基础模型分散到各显卡（FSDP2）/ spread the base over the GPUs"
    )


def chosen_loop(asked: argparse.Namespace) -> Fit:
    """One process unless more are asked for. Raises Invalid for flags that contradict each other."""
    count = asked.workers if asked.ray else asked.processes
    if not 1 <= count <= MOST:
        raise Invalid(reason={"zh": f"进程数应在 1 到 {MOST} 之间", "en": f"between 1 and {MOST} processes, please"})
    if asked.ray and asked.processes > 1:
        zh, en = "--ray 与 --processes 只能用一个", "use either --ray or --processes"
        raise Invalid(reason={"zh": zh, "en": en})
    if asked.shard and count == 1:
        zh, en = "--shard 需要多个进程", "--shard needs several processes"
        raise Invalid(reason={"zh": zh, "en": en})
    return over_cluster(asked.ray, count, shard=asked.shard) if asked.ray else over_processes(count, shard=asked.shard)
