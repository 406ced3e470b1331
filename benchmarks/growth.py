"""What costs more as a run or a list of runs grows: `python -m benchmarks.growth`.

Runs of 10 to 5,000 trivial points, written through the runtime's own logs; then lists of 5 to 5,000 runs. Times are of
the processor unless they say otherwise; sizes are bytes on disk.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from benchmarks.soak import result
from benchmarks.terminal import Terminal
from engine.errors import InputError
from engine.experiments import registry
from engine.runtime import control, finalise
from engine.runtime.attempts import AttemptFile, AttemptLog, task_name
from engine.runtime.context import Context
from engine.runtime.home import runs_dir
from engine.runtime.index import Index
from engine.runtime.lock import read_info
from engine.runtime.runs import RunReader, create_run, read_run
from engine.runtime.spec import RunSpec

POINTS = (10, 100, 1000, 5000)
RUNS = (5, 500, 5000)
MORE = 600
"""Points that a run has left while its driver and the app are looked at."""
SECONDS = 15.0
WATCHED = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command from a small process: at its start a child counts what its parent holds as its own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="*", default=POINTS)
    parser.add_argument("--runs", type=int, nargs="*", default=RUNS)
    options = parser.parse_args()
    print("| points | logs | index | index made | poll, one point new | `show` | driver | app | app's memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count in options.points:
        with state():
            print(f"| {count:,} | {' | '.join(of_points(count))} |", flush=True)
    print("\n| runs | first paint | all read | idle CPU | memory |")
    print("|---|---|---|---|---|")
    for count in options.runs:
        with state():
            print(f"| {count:,} | {' | '.join(of_runs(count))} |", flush=True)


def state() -> "tempfile.TemporaryDirectory[str]":
    """An empty state folder."""
    folder = tempfile.TemporaryDirectory(prefix="labtui-bench-", ignore_cleanup_errors=True)
    os.environ["LABTUI_HOME"] = folder.name
    return folder


def written(done: int, more: int = 0) -> Path:
    """A run of which so many points are done, and `more` are not."""
    experiment = registry.get("benchmarks.soak")
    config = experiment.Config(count=done + more, device="cpu")  # type: ignore[call-arg]
    settings, points = config.model_dump(), experiment.points(config)
    path = create_run(experiment="benchmarks.soak", config=settings, points=points, name="soak", versions={})
    for index in range(done):
        log = AttemptLog.create(AttemptFile.of(path, task_name([index]), 1).path)
        log.emit("start", index, {"points": [index], "device": "cpu"})
        context = Context(log.emit, device="cpu", directory=path)
        for step in range(3):
            context.metric(index, "loss", 1 / (1 + step + index), step)
        log.emit("finished", index, result(index))
        os.close(log._descriptor)
    return path


def of_points(count: int) -> Sequence[str]:
    """A row of the first table."""
    path = written(count, MORE)
    logs = sum(file.stat().st_size for file in (path / "attempts").iterdir())
    began = time.process_time()
    Index.in_memory(path, RunSpec.read(path)).close()
    made = time.process_time() - began
    cpu = working(path)
    index = (path / "run.db").stat().st_size
    return [
        f"{logs / 1e6:.2f} MB",
        f"{index / 1e6:.2f} MB",
        f"{made:.2f} s",
        f"{1000 * polled(count):.1f} ms",
        show(path),
        *cpu,
    ]


def polled(count: int) -> float:
    """Seconds for a reader to take in one more point."""
    path = written(count, 1)
    index = Index.rebuild(path, RunSpec.read(path))
    reader = RunReader(path)
    reader.poll()
    log = AttemptLog.create(AttemptFile.of(path, task_name([count]), 1).path)
    log.emit("start", count, {"points": [count], "device": "cpu"})
    log.emit("finished", count, result(count))
    began = time.process_time()
    reader.poll()
    taken = time.process_time() - began
    reader.close()
    index.close()
    return taken


def show(path: Path) -> str:
    """`labtui show`: seconds on the clock and memory at most."""
    words = [sys.executable, "-c", WATCHED, sys.executable, "-m", "tui_app", "show", path.name]
    seconds, memory = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return f"{float(seconds):.1f} s, {int(memory) / 1000:.0f} MB"


def working(path: Path) -> Sequence[str]:
    """Shares of a core of the driver and of the app on the run's page while points end; memory of the app."""
    control.resume(path)
    app = opened()
    try:
        app.until(lambda lines: "soak" in "".join(lines), 120)
        while not read_run(path).running:
            app.idle(0.2)
        app.press("g\r")
        app.idle(4)
        processes = psutil.Process(read_info(path).driver.pid), psutil.Process(app.pid)
        done, before, began = read_run(path).done, [used(one) for one in processes], time.monotonic()
        memory = processes[1].memory_info().rss
        app.idle(SECONDS)
        seconds = time.monotonic() - began
        shares = [(used(one) - then) / seconds for one, then in zip(processes, before, strict=True)]
        rate = (read_run(path).done - done) / seconds
        after = processes[1].memory_info().rss
        told = [f"{100 * share:.1f} % at {rate:.1f}/s" for share in shares]
        return [*told, f"{memory / 1e6:.0f} → {after / 1e6:.0f} MB"]
    finally:
        app.close()
        with suppress(InputError):  # all of it has ended meanwhile
            control.cancel(path)


def used(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    return float(sum(process.cpu_times()[:2]))


def opened() -> Terminal:
    """The app on a comfortable terminal."""
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    return Terminal((sys.executable, "-m", "tui_app"), environ, 140, 40)


def first_paint(app: Terminal) -> float:
    """Seconds from the start of the app to Home's first lines."""
    return app.until(lambda lines: "Home" in lines[0]) - app.started


def of_runs(count: int) -> Sequence[str]:
    """A row of the second table: copies of one finished run."""
    first = written(8)
    spec = RunSpec.read(first)
    finalise.finalise(first, spec, "run")
    for number in range(2, count + 1):
        path = runs_dir() / f"s-{number:04d}"
        shutil.copytree(first, path)
        (path / "spec.json").unlink()
        replace(spec, id=path.name, name=f"soak {number}", created=spec.created - 7200 - 60 * number).write(path)
    app = opened()
    try:
        painted = first_paint(app)
        app.until(lambda lines: f"{count:,} runs" in lines[1] or f"of {count:,}" in lines[1], 120)
        process = psutil.Process(app.pid)
        last = time.monotonic()
        while time.monotonic() - last < 3 and time.perf_counter() - app.started < 300:  # until it rests
            before = used(process)
            app.idle(0.5)
            if used(process) - before > 0.05:
                last = time.monotonic()
        read = time.perf_counter() - app.started - 3
        before, began = used(process), time.monotonic()
        app.idle(SECONDS)
        share = (used(process) - before) / (time.monotonic() - began)
        memory = process.memory_info().rss
        return [f"{1000 * painted:.0f} ms", f"{read:.1f} s", f"{100 * share:.1f} %", f"{memory / 1e6:.0f} MB"]
    finally:
        app.close()


if __name__ == "__main__":
    main()
