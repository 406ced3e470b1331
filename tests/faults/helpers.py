"""What the fault tests share: toy runs, the processes of a run, and what must hold whatever happened."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.runtime import control
from engine.runtime.attempts import attempt_files, read_events
from engine.runtime.index import Index
from engine.runtime.lock import lock_held, read_info
from engine.runtime.reading import Reading
from engine.runtime.records import RunRecord
from engine.runtime.runs import create_run, read_run
from engine.runtime.spec import RunSpec
from tests.faults.toy import ToyConfig, draw, expected_total

SEED = 7
WORK = ("work", "killed_once", "memory")


def toy_run(actions: Sequence[str], *, steps: int = 10, pause: float = 0.0, group: int = 1, **settings: Any) -> Path:
    config = ToyConfig(actions=list(actions), steps=steps, pause=pause, seed=SEED)
    points = [{"number": number, "action": action} for number, action in enumerate(actions)]
    settings = {"experiment": "tests.faults.toy", "versions": {}, "seed": SEED} | settings
    return create_run(config=config.model_dump(), points=points, group=group, **settings)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 120.0) -> Any:
    """The first true value of `condition`; a generous limit, for loaded machines."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)
    return value


def wait_until_idle(path: Path) -> RunRecord:
    wait_for(lambda: not lock_held(path), f"end of {path.name}: {read_run(path)}")
    return read_run(path, metrics=True)


def finished(path: Path) -> int:
    return len(read_run(path).finished)


def processes(path: Path) -> dict[str, list[int]]:
    """Pids of the run's driver, hosts and children that are alive."""
    info = read_info(path)
    hosts = [pid for pid, _ in info.hosts if _alive(pid)]
    children = [child for host in hosts for child in _children(host)]
    return {"driver": [info.pid] if info.driver.alive else [], "host": hosts, "child": children}


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pids: Sequence[int]) -> int:
    """SIGKILL to each that is still there; returns how many were, once they are dead."""
    count = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            count += 1
        except ProcessLookupError:
            continue
    wait_for(lambda: not any(map(_alive, pids)), "the dead to be gone")
    return count


def kill_all(path: Path) -> None:
    """Driver, hosts and children at once; returns when the lock is free."""
    found = processes(path)
    kill([*found["driver"], *found["host"], *found["child"]])
    wait_for(lambda: not lock_held(path), "lock free after killing everything")


def interrupted(path: Path, done: int) -> RunRecord:
    """Starts the run, kills everything once `done` points are finished."""
    control.start(path)
    wait_for(lambda: finished(path) >= done, f"{done} finished points")
    kill_all(path)
    return read_run(path, metrics=True)


def assert_sound(path: Path) -> RunRecord:
    """Every working point was recorded once, with the numbers of an undisturbed run; index and logs agree."""
    run = read_run(path, metrics=True)
    steps = run.config["steps"]
    ends: Counter[int] = Counter()
    starts: dict[int, list[int]] = {}
    ended_in: dict[int, int] = {}
    for file in attempt_files(path):
        for event in read_events(file.path)[0]:
            if event.kind == "start":
                for point in event.data["points"]:
                    starts.setdefault(point, []).append(file.attempt)
            elif event.kind in ("finished", "failed"):
                ends[event.point] += 1
                ended_in[event.point] = file.attempt
    for point in run.points:
        if point.params["action"] not in WORK:
            continue
        assert point.state == "finished", point
        assert ends[point.index] == 1
        assert max(starts[point.index]) == ended_in[point.index] == point.attempt, "computed again after its end"
        assert len(set(starts[point.index])) == len(starts[point.index])
        assert point.result == {"total": expected_total(SEED, steps, point.index)}
        curve = tuple((float(step), draw(SEED, point.index, step)) for step in range(steps))
        assert point.metrics["value"] == curve
    memory = Index.in_memory(path, RunSpec.read(path))
    reading = Reading(memory.spec, path, metrics=True)
    reading.read_on(memory.connection)
    assert reading.record(driven=False, want="run").points == run.points
    return run
