"""Several points in flight on one device: none is lost, none is computed twice, whatever dies."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from engine.runtime import control, cores, local
from engine.runtime.attempts import attempt_files, read_events
from engine.runtime.lock import RunLock, lock_held
from engine.runtime.processes import Identity
from engine.runtime.runs import create_run, read_run
from engine.runtime.spec import RunSpec
from tests.faults.helpers import (
    assert_sound,
    finished,
    kill,
    kill_all,
    processes,
    toy_run,
    wait_for,
    wait_until_idle,
)
from tests.faults.toy_search import SearchConfig

SEATS = 2

pytestmark = pytest.mark.skipif(cores.working_cores() < SEATS, reason="seats need a core each")


def seated(actions: Iterable[str], *, steps: int = 25, pause: float = 0.01, group: int = 1) -> Path:
    return toy_run(list(actions), steps=steps, pause=pause, group=group, seats=SEATS, threads=1)


def two_children(path: Path) -> dict[str, list[int]]:
    return wait_for(lambda: len((found := processes(path))["child"]) == SEATS and found, "two children at once")


def overlap(path: Path) -> bool:
    """Whether two points were at work at the same time."""
    spans = sorted((point.started or 0.0, point.ended or 0.0) for point in read_run(path).points)
    return any(begin < end for (_, end), (begin, _) in pairwise(spans))


def test_points_run_side_by_side_with_the_numbers_of_one_after_the_other() -> None:
    path = seated(["work"] * 6)
    control.start(path)
    wait_until_idle(path)
    run = assert_sound(path)
    assert (run.state, run.seats, run.threads) == ("finished", SEATS, 1)
    assert overlap(path)
    devices = {event.data["device"] for file in attempt_files(path) for event in read_events(file.path)[0][:1]}
    assert devices == {"cpu"}


def test_a_task_on_several_gpus_keeps_others_off_each_of_them() -> None:
    path = toy_run(["stuck"], devices=("GPU-b,GPU-a",))
    control.start(path)
    wait_for(lambda: [point.device for point in read_run(path).running] == ["GPU-b,GPU-a"], "a child")
    alone = toy_run(["work"], devices=("GPU-a",))
    control.start(alone)
    wait_for(lambda: "GPU-a, used by" in read_run(alone).problem, "the other in line")
    control.cancel(path)
    wait_until_idle(alone)
    assert_sound(alone)


def test_a_killed_child_takes_no_other_with_it() -> None:
    path = seated(["work"] * 4, steps=60)
    control.start(path)
    victim = two_children(path)["child"][0]
    wait_for(lambda: all(b'"metric"' in file.path.read_bytes() for file in attempt_files(path)), "both at work")
    kill([victim])
    wait_until_idle(path)
    attempts = [point.attempt for point in assert_sound(path).points]
    assert sorted(attempts) == [1, 1, 1, 2]


@pytest.mark.parametrize("victim", ["host", "driver", "all"])
def test_what_was_in_flight_is_computed_again(victim: str) -> None:
    path = seated(["work"] * 5, steps=40)
    control.start(path)
    wait_for(lambda: finished(path) >= 1, "a finished point")
    found = two_children(path)
    if victim == "all":
        kill_all(path)
    else:
        kill(found[victim])
    if victim != "host":
        wait_for(lambda: not lock_held(path), "the run's lock free: all its processes dead")
        assert read_run(path).state == "interrupted"
        control.resume(path)
    wait_until_idle(path)
    assert assert_sound(path).state == "finished"


def test_a_point_that_dies_again_and_again_fails_alone() -> None:
    path = seated(["killed", "work", "work", "work", "killed_once"])
    control.start(path)
    wait_until_idle(path)
    run = assert_sound(path)
    assert [point.state for point in run.points] == ["failed", *["finished"] * 4]
    assert (run.points[0].error or {})["message"].startswith("killed by signal 9")


def test_tasks_that_run_out_of_memory_side_by_side_are_split() -> None:
    path = seated(["memory"] * 6, group=2)
    control.start(path)
    wait_until_idle(path)
    assert assert_sound(path).state == "finished"


def test_cancel_ends_all_that_run() -> None:
    path = seated(["stuck"] * 3)
    control.start(path)
    everyone = [Identity.of(pid) for pid in two_children(path)["child"]]
    assert control.cancel(path) == "cancelled"
    assert not any(one and one.alive for one in everyone)


def test_pause_lets_all_that_run_come_to_their_end() -> None:
    path = seated(["work"] * 6, steps=50)
    control.start(path)
    two_children(path)
    control.pause(path)
    run = wait_until_idle(path)
    assert (run.state, len(run.finished)) == ("paused", SEATS)
    control.resume(path)
    wait_until_idle(path)
    assert all(point.attempt == 1 for point in assert_sound(path).points)


def test_a_search_proposes_the_same_whoever_ends_first() -> None:
    """With two seats a trial follows from all before it but one; the toy study tells any other order."""

    def searched(pause: float, kills: bool) -> list[object]:
        config = SearchConfig(trials=8, pause=pause, seed=3, beside=SEATS)
        points = [{"series": 0, "trial": number} for number in range(8)]
        path = create_run(
            experiment="tests.faults.toy_search",
            config=config.model_dump(),
            points=points,
            seats=SEATS,
            threads=1,
            versions={},
        )
        control.start(path)
        if kills:
            wait_for(lambda: finished(path) >= 3, "some trials")
            kill_all(path)
            control.resume(path)
        wait_until_idle(path)
        run = read_run(path)
        assert run.state == "finished"
        return [(dict(point.params), dict(point.result or {})) for point in run.points]

    assert searched(0.0, kills=False) == searched(0.1, kills=True)


def test_fewer_cores_mean_fewer_seats_and_the_same_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "working_cores", lambda: 3)
    path = toy_run(["work"], seats=4, threads=2)
    lock = RunLock.take(path)
    assert lock is not None
    executor = local.LocalExecutor(path, RunSpec.read(path), "tests.faults.ended", lock)
    lock.release()
    assert (executor.seats, executor.threads) == (1, 2)
