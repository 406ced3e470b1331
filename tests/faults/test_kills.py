"""Random `kill -9`: nothing recorded is lost, nothing recorded is done twice."""

import os
import random
import signal
import time

import pytest

from engine.runtime import control
from engine.runtime.attempts import attempt_files
from engine.runtime.lock import lock_held
from engine.runtime.processes import Identity
from engine.runtime.runs import read_run
from tests.faults.helpers import (
    assert_sound,
    finished,
    interrupted,
    kill,
    kill_all,
    processes,
    toy_run,
    wait_for,
    wait_until_idle,
)

KILLS = int(os.environ.get("LABTUI_KILLS", "8"))
"""For each seed."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_kills(seed: int) -> None:
    dice = random.Random(seed)
    path = toy_run(["work"] * max(30, 4 * KILLS), steps=20, pause=0.01, group=1 + seed % 2, seats=seed, threads=1)
    control.start(path)
    kills = children = 0
    while kills < KILLS:
        time.sleep(dice.uniform(0.0, 0.6))
        victim = dice.choice(["driver", "host", "child", "all"])
        if victim == "all":
            kill_all(path)
            kills += 1
        elif victim != "child" or children < 3:  # a fourth would fail the point, rightly
            hit = kill(processes(path)[victim][:1])
            kills += hit
            children += hit * (victim == "child")
        if not processes(path)["driver"]:
            assert read_run(path).state != "finished", "the run is too short for this test"
            control.start(path)
            wait_for(lambda: processes(path)["driver"], "a driver")
    wait_until_idle(path)
    assert assert_sound(path).state == "finished"


def test_killed_between_the_last_line_and_its_commit() -> None:
    path = toy_run(["work"] * 3, steps=30, pause=0.01)
    control.start(path)
    wait_for(lambda: attempt_files(path), "an attempt")
    os.kill(processes(path)["driver"][0], signal.SIGSTOP)
    first = attempt_files(path)[0].path
    wait_for(lambda: b'"finished"' in first.read_bytes(), "the child to record its point")
    kill_all(path)
    run = read_run(path)
    assert run.state == "interrupted"
    assert run.points[0].state == "finished"
    control.resume(path)
    wait_until_idle(path)
    assert [point.attempt for point in assert_sound(path).points] == [1, 1, 1]


def test_hosts_and_children_die_with_their_driver() -> None:
    path = toy_run(["stuck"])
    control.start(path)
    found = wait_for(lambda: (p := processes(path))["child"] and p, "a child")
    everyone = [Identity.of(pid) for pid in (*found["host"], *found["child"])]
    kill(found["driver"])
    wait_for(lambda: not any(one and one.alive for one in everyone), "host and child dead")
    wait_for(lambda: not lock_held(path), "lock free")


def test_torn_tails_are_ignored() -> None:
    path = toy_run(["work"] * 6, steps=10, pause=0.02)
    interrupted(path, 1)
    for file in attempt_files(path):
        with file.path.open("ab") as log:
            log.write(b'{"ts":1.0,"n":99,"kind":"finished","point":5,"data":{"tot')
    assert read_run(path).points[5].state != "finished"
    control.resume(path)
    wait_until_idle(path)
    assert_sound(path)


def test_a_log_cut_before_its_first_line_does_not_block_its_point() -> None:
    path = toy_run(["work"] * 2)
    (path / "attempts" / "0000.1.jsonl").write_bytes(b'{"ts":1.0,"n":0,"ki')
    control.start(path)
    wait_until_idle(path)
    assert [point.attempt for point in assert_sound(path).points] == [2, 1]


def test_terminated_driver_leaves_an_interrupted_run() -> None:
    path = toy_run(["work"] * 6, steps=20, pause=0.01)
    control.start(path)
    wait_for(lambda: finished(path), "a finished point")
    os.kill(processes(path)["driver"][0], signal.SIGTERM)
    assert wait_until_idle(path).state == "interrupted"
    control.resume(path)
    wait_until_idle(path)
    assert_sound(path)
