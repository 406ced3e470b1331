"""What the driver of a run on a cluster costs: `python -m benchmarks.scale`, 10,000 points on 256 workers that sleep.

Driver, executor and index are the real ones, the cluster is simulated in the same process: what Ray itself takes (its
threads, sockets, `ray.wait`) is not in the numbers, and the simulation's own time is.
"""

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.simulated_cluster import SimulatedCluster
from engine.runtime.attempts import attempt_files
from engine.runtime.cluster import executor
from engine.runtime.driver import drive
from engine.runtime.index import index_path
from engine.runtime.runs import create_run, read_run

SECONDS = (20.0, 5.0)
"""How long a point takes."""
SETTLE, WINDOW = 8.0, 20.0
"""Seconds before the driver is watched, and for which it is; as long as a point takes at least."""
FORK = multiprocessing.get_context("fork")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=256)
    parser.add_argument("--seconds", type=float, nargs="*", default=SECONDS)
    options = parser.parse_args()
    print("| a point takes | asked for | done | lines | driver | memory |\n|---|---|---|---|---|---|")
    for seconds in options.seconds:
        with state():
            print(f"| {seconds:g} s | {' | '.join(steady(options.points, options.workers, seconds))} |", flush=True)
    with state():
        print("\n" + whole(options.points, options.workers), flush=True)


def state() -> "tempfile.TemporaryDirectory[str]":
    """An empty state folder."""
    folder = tempfile.TemporaryDirectory(prefix="labtui-bench-", ignore_cleanup_errors=True)
    os.environ["LABTUI_HOME"] = folder.name
    return folder


def written(points: int, workers: int) -> Path:
    """A run that nobody works on yet."""
    where = {"devices": ("ray",), "seats": workers, "threads": 1, "cluster": {"address": "simulated"}}
    return create_run(experiment="soak", config={}, points=[{"n": n} for n in range(points)], versions={}, **where)


class Driver:
    """A driver in a process of its own."""

    def __init__(self, path: Path, workers: int, seconds: float):
        self._begun = FORK.Value("d", 0.0)
        self._started = time.monotonic()
        self._process = FORK.Process(target=self._drive, args=(path, workers, seconds))
        self._process.start()
        self.seen = psutil.Process(self._process.pid)

    def _drive(self, path: Path, workers: int, seconds: float) -> None:
        def begun() -> None:
            self._begun.value = time.monotonic()

        executor.Connection = lambda _plan, _directory: SimulatedCluster(workers, seconds, begun)  # type: ignore[assignment,misc]
        drive(path, "benchmarks.simulated_cluster")

    @property
    def resumed(self) -> float:
        """Seconds from the start to the first task."""
        return self._begun.value - self._started

    @property
    def cpu(self) -> float:
        """Core seconds so far."""
        return sum(self.seen.cpu_times()[:2])

    def end(self, how: signal.Signals) -> None:
        """Sends it a signal and waits for its end."""
        os.kill(self.seen.pid, how)
        self._process.join()

    def join(self) -> None:
        """Waits for its end."""
        self._process.join()


def counted(path: Path) -> tuple[int, int]:
    """Points that are done, and lines of all logs."""
    done = read_run(path).done
    return done, sum(file.path.read_bytes().count(b"\n") for file in attempt_files(path))


def steady(points: int, workers: int, seconds: float) -> list[str]:
    """The driver at work: points asked for and done, lines, its share of a core, its memory."""
    path = written(points, workers)
    driver = Driver(path, workers, seconds)
    time.sleep(max(SETTLE, seconds))
    (done, lines), cpu, began = counted(path), driver.cpu, time.monotonic()
    time.sleep(max(WINDOW, seconds))
    (done_after, lines_after), used, took = counted(path), driver.cpu - cpu, time.monotonic() - began
    memory = driver.seen.memory_info().rss
    driver.end(signal.SIGTERM)
    return [
        f"{workers / seconds:.1f}/s",
        f"{(done_after - done) / took:.1f}/s",
        f"{(lines_after - lines) / took:,.0f}/s",
        f"{100 * used / took:.0f} %",
        f"{memory / 1e6:.0f} MB",
    ]


def whole(points: int, workers: int) -> str:
    """All points of a run as fast as the driver goes, with a `kill -9` near the end."""
    path, began = written(points, workers), time.monotonic()
    driver = Driver(path, workers, 1.0)
    while read_run(path).done < 0.9 * points:
        time.sleep(points / 5000)  # to look takes longer, the more there are
    cpu, memory = driver.cpu, driver.seen.memory_info().rss
    driver.end(signal.SIGKILL)
    driver = Driver(path, workers, 1.0)
    driver.join()
    run = read_run(path)
    assert (run.state, run.done) == ("finished", points)
    logs = sum(file.path.stat().st_size for file in attempt_files(path))
    index = index_path(path).stat().st_size
    return (
        f"{points:,} points of a second each: {time.monotonic() - began:.0f} s with a kill -9 at nine tenths, "
        f"{cpu / (0.9 * points) * 1e3:.1f} ms of processor a point, {memory / 1e6:.0f} MB; "
        f"resumed in {driver.resumed:.1f} s; logs {logs / 1e6:.1f} MB, index {index / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
