"""What a point costs on a Ray cluster beside the local executor: `python -m benchmarks.cluster`.

The cluster is two nodes of a core each on this machine, the local executor has two seats: both compute two points at
once, a thread each, and take turns. Points compute nothing, so that what they take is overhead: of an experiment that
imports nothing, and of one that imports what `quantize` does. Bytes are those that cross the loopback interface, Ray's
own included, less what the idle cluster sends in that time; within a node Ray passes them through shared memory.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from engine.runtime import control
from engine.runtime.lock import lock_held
from engine.runtime.runs import create_run, read_run
from tests.ray.cluster import two_nodes

SEATS = 2
KINDS = {"nothing imported": "benchmarks.live", "torch and transformers imported": "benchmarks.idle"}
IDLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds from the start to the end of the first point, and of a seat for each point after it; bytes a point."""

    first: float
    point: float
    sent: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| | to the first point | a point | bytes a point |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="labtui-bench-", ignore_cleanup_errors=True) as folder:
        os.environ["LABTUI_HOME"] = folder
        with two_nodes() as cluster:
            ray = {"devices": ("ray",), "cluster": {"address": cluster.address}}
            idle = rate()
            for kind, experiment in KINDS.items():
                where: dict[str, Mapping[str, Any]] = {"local": {}, "Ray": ray}
                taken: dict[str, list[Taken]] = {name: [] for name in where}
                for _ in range(options.rounds):
                    for name, settings in where.items():
                        taken[name].append(run(experiment, options.points, idle, settings))
                show(kind, taken)


def rate() -> float:
    """Bytes a second of the cluster at rest."""
    before = loopback()
    time.sleep(IDLE_SECONDS)
    return (loopback() - before) / IDLE_SECONDS


def loopback() -> int:
    """Bytes that have crossed it."""
    return psutil.net_io_counters(pernic=True)["lo"].bytes_sent


def run(experiment: str, points: int, idle: float, settings: Mapping[str, Any]) -> Taken:
    """One run, from the start of its driver to its end."""
    params = [{"number": number} for number in range(points)]
    config = {"seconds": 0.0, "count": points}
    path = create_run(
        experiment=experiment, config=config, points=params, versions={}, seats=SEATS, threads=1, **settings
    )
    before, began = loopback(), time.time()
    control.start(path)
    while lock_held(path):
        time.sleep(0.05)
    sent, took = loopback() - before, time.time() - began
    done = read_run(path)
    assert done.state == "finished", done.problem
    ends = sorted(point.ended or 0.0 for point in done.points)
    each = SEATS * (ends[-1] - ends[0]) / (points - 1)
    return Taken(ends[0] - began, each, max(0.0, sent - idle * took) / points)


def show(kind: str, taken: Mapping[str, list[Taken]]) -> None:
    """Medians with their ranges, and the ratio."""
    middle = {}
    for name, found in taken.items():
        columns = list(zip(*((one.first, one.point, one.sent / 1e3) for one in found), strict=True))
        middle[name] = [statistics.median(column) for column in columns]
        cells = [f"{statistics.median(one):.3g} ({min(one):.3g} to {max(one):.3g})" for one in columns]
        print(f"| {kind}, {name} | {cells[0]} s | {cells[1]} s | {cells[2]} kB |", flush=True)
    first, point = (middle["Ray"][place] / middle["local"][place] for place in (0, 1))
    print(f"| {kind}, Ray / local | {first:.2f}× | {point:.1f}× | |", flush=True)


if __name__ == "__main__":
    main()
