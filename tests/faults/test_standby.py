"""A driver that was started before its run: it takes it over like any other, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine import interactive
from engine.errors import InputError
from engine.experiments import ahead, launch, registry
from engine.experiments.standing import NAME, all_standing, standing
from engine.runtime import control
from engine.runtime.device_lock import DeviceClaim
from engine.runtime.home import devices_dir, runs_dir
from engine.runtime.lock import RunLock, lock_held, read_info
from engine.runtime.runs import list_runs, read_run
from engine.runtime.standby import LOOK_SECONDS, Needs, Standby, await_order
from tests.faults.helpers import (
    assert_sound,
    finished,
    kill,
    processes,
    toy_run,
    wait_for,
    wait_until_idle,
)

NEEDS = Needs("tests.faults.toy", "cpu")


@pytest.fixture
def standby() -> Iterator[Standby]:
    """Nobody stands by after a test."""
    made = Standby()
    yield made
    made.close()


def waiting(standby: Standby, needs: Needs = NEEDS) -> tuple[int, int]:
    """Pids of a driver that stands by and of its host."""
    standby.prepare(needs)
    driver = standby.driver
    assert driver is not None
    host = wait_for(lambda: psutil.Process(driver.pid).children(), "a host that imports")[0]
    return driver.pid, host.pid


def gone(*pids: int) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def working(steps: int = 10, pause: float = 0.0, threads: int = 1) -> Path:
    return toy_run(["work"] * 3, steps=steps, pause=pause, threads=threads)


def test_it_works_on_the_run_with_its_host(standby: Standby) -> None:
    driver, host = waiting(standby)
    path = working(steps=30, pause=0.02)
    control.start(path, standby)
    assert standby.driver is None
    wait_for(lambda: processes(path)["child"], "a child")
    assert (processes(path)["driver"], processes(path)["host"]) == ([driver], [host])
    assert wait_until_idle(path).state == "finished"
    assert_sound(path)
    wait_for(lambda: gone(driver, host), "both to be gone")


def test_the_lock_is_never_free_between_the_two(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(standby)
    path = working(steps=30, pause=0.02)
    hand_over, held = standby.hand_over, []

    def watched(directory: Path, lock: int, log: int) -> bool:
        taken = hand_over(directory, lock, log)
        held.append((taken, lock_held(path), read_info(path).driver.alive))
        return taken

    monkeypatch.setattr(standby, "hand_over", watched)
    control.start(path, standby)
    assert held == [(True, True, True)]
    assert lock_held(path)
    wait_until_idle(path)


def test_killed_after_it_has_taken_over_it_is_resumed_like_any_other(standby: Standby) -> None:
    waiting(standby)
    path = working(steps=30, pause=0.01)
    control.start(path, standby)
    for victims in ("child", "host", "driver"):
        found = wait_for(lambda: (seen := processes(path))["child"] and seen, "a child")
        kill(found[victims])
    wait_for(lambda: not lock_held(path), "the host to be gone too")
    assert read_run(path).state == "interrupted"
    control.resume(path)
    assert wait_until_idle(path).state == "finished"
    assert_sound(path)


def test_a_host_for_another_device_is_not_used(standby: Standby) -> None:
    driver, host = waiting(standby, Needs("tests.faults.toy", "GPU-a"))
    path = working()
    control.start(path, standby)
    wait_until_idle(path)
    assert_sound(path)
    wait_for(lambda: gone(driver, host), "both to be gone")


def test_it_ends_when_its_owner_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from engine.runtime.standby import Needs, Standby\n"
        "standby = Standby()\n"
        "standby.prepare(Needs('tests.faults.toy', 'cpu'))\n"
        "print(standby.driver.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    driver = int(owner.stdout.readline())
    host = wait_for(lambda: psutil.Process(driver).children(), "a host that imports")[0].pid
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_for(lambda: gone(driver, host), "driver and host to be gone")


def test_its_host_dies_with_it_and_the_run_is_started_without_it(standby: Standby) -> None:
    driver, host = waiting(standby)
    os.kill(driver, signal.SIGKILL)
    wait_for(lambda: gone(driver, host), "driver and host to be gone")
    path = working()
    control.start(path, standby)
    assert wait_until_idle(path).state == "finished"
    assert_sound(path)


def test_one_that_does_not_answer_is_ended_and_the_run_started_without_it(
    standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runtime.standby._ANSWER_SECONDS", 0.2)
    driver, host = waiting(standby)
    os.kill(driver, signal.SIGSTOP)
    path = working()
    control.start(path, standby)
    wait_for(lambda: gone(driver, host), "driver and host to be gone")
    assert wait_until_idle(path).state == "finished"
    assert_sound(path)


def test_a_host_that_died_meanwhile_is_replaced(standby: Standby) -> None:
    driver, host = waiting(standby)
    kill([host])
    path = working()
    control.start(path, standby)
    wait_until_idle(path)
    assert_sound(path)
    wait_for(lambda: gone(driver), "the driver to be gone")


def test_a_run_that_waits_for_its_device_keeps_no_host(standby: Standby) -> None:
    driver, host = waiting(standby)
    claim = DeviceClaim(devices_dir(), "cpu", "another")
    assert claim.take()
    path = working()
    control.start(path, standby)
    wait_for(lambda: gone(host), "the host to be gone")
    assert read_run(path).state == "queued"
    assert processes(path)["driver"] == [driver]
    claim.release()
    wait_until_idle(path)
    assert_sound(path)


def test_it_does_not_wait_for_ever() -> None:
    owner, driver = socket.socketpair()
    with owner, driver:
        began = time.monotonic()
        assert await_order(driver, seconds=0.05) is None
        assert time.monotonic() - began < 5


def test_the_same_need_keeps_it_and_another_replaces_it(standby: Standby) -> None:
    first, host = waiting(standby)
    assert waiting(standby) == (first, host)
    second, _ = waiting(standby, Needs("tests.faults.toy", "GPU-a"))
    assert second != first
    wait_for(lambda: gone(first, host), "the first to be gone")
    standby.prepare(None)
    assert standby.driver is None


def test_a_refused_start_leaves_nothing_behind(standby: Standby) -> None:
    experiment, config = launch.configure("quantize", {"model": "/nowhere/at/all"})
    driver, host = waiting(standby)
    with pytest.raises(InputError):
        launch.launch(experiment, config, standby=standby)
    assert standby.driver is None
    wait_for(lambda: gone(driver, host), "driver and host to be gone")
    assert not list_runs()


def test_its_host_waits_until_nothing_computes_on_the_device(standby: Standby) -> None:
    claim = DeviceClaim(devices_dir(), "cpu", "another")
    assert claim.take()
    standby.prepare(NEEDS)
    assert standby.driver is not None
    process = psutil.Process(standby.driver.pid)
    time.sleep(3 * LOOK_SECONDS)
    assert not process.children()
    claim.release()
    wait_for(process.children, "a host that imports")


def test_its_host_waits_for_the_run_before_it_which_may_not_have_its_device_yet(standby: Standby) -> None:
    standby.after = path = working()
    lock = RunLock.take(path)
    assert lock is not None
    standby.prepare(NEEDS)
    assert standby.driver is not None
    process = psutil.Process(standby.driver.pid)
    time.sleep(3 * LOOK_SECONDS)
    assert not process.children()
    lock.release()
    wait_for(process.children, "a host that imports")


def test_without_room_for_a_host_it_takes_the_run_all_the_same() -> None:
    standby = Standby(room=1 << 60)
    standby.prepare(NEEDS)
    driver = standby.driver
    assert driver is not None
    time.sleep(3 * LOOK_SECONDS)
    assert not psutil.Process(driver.pid).children()
    path = working(steps=30, pause=0.02)
    control.start(path, standby)
    wait_for(lambda: processes(path)["child"], "a child")
    assert processes(path)["driver"] == [driver.pid]
    wait_until_idle(path)
    assert_sound(path)


def test_after_a_start_another_has_the_next_run(standby: Standby, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactive, "_standby", standby)
    monkeypatch.setattr(interactive, "_prepare", lambda *run: standby.prepare(ahead.needs(*run)))  # not one of ours
    settings = {"actions": ["work"], "steps": 20, "pause": 0.02}
    first = runs_dir() / interactive.launch("tests.faults.toy", settings)
    assert standby.driver is not None
    driver = standby.driver.pid
    while lock_held(first):
        assert not psutil.Process(driver).children(), "it took a core from the run's points"
    wait_for(lambda: psutil.Process(driver).children(), "a host that imports")
    second = runs_dir() / interactive.launch("tests.faults.toy", settings)
    assert read_info(second).driver.pid == driver
    for path in (first, second):
        assert wait_until_idle(path).state == "finished"


def test_who_stands_by_is_told_from_when_it_has_a_host_until_it_has_a_run(standby: Standby) -> None:
    claim = DeviceClaim(devices_dir(), "cpu", "another")
    assert claim.take()
    standby.prepare(NEEDS)
    assert standby.driver is not None
    pid = standby.driver.pid
    wait_for(lambda: psutil.Process(pid).name() == NAME, "its name")
    assert standing(pid) is None, "it takes next to nothing"
    claim.release()
    found = wait_for(lambda: standing(pid), "a host")
    assert (found.pid, found.experiment) == (pid, "tests.faults.toy")
    assert found.memory > psutil.Process(pid).memory_info().rss > 0
    assert pid in [one.pid for one in all_standing()]
    path = working(steps=50, pause=0.02)
    control.start(path, standby)

    def names() -> dict[str, str]:
        return {kind: psutil.Process(pids[0]).name() for kind, pids in processes(path).items() if pids}

    expected = {"driver": "labtui-driver", "host": "labtui-host", "child": "labtui-task"}
    wait_for(lambda: names() == expected, "a child that has its name")
    assert standing(pid) is None
    wait_until_idle(path)


def test_needs_follow_from_the_plan() -> None:
    experiment, config = launch.configure("tests.faults.toy", {"actions": ["work"]})
    found = ahead.needs(experiment, config)
    assert found is not None
    assert (found.experiment, found.device) == (registry.key_of(experiment), "cpu")
    several = launch.configure("tests.faults.toy", {"actions": ["work"] * 3})
    assert ahead.needs(*several) == found, "other points and threads, the same host"
    assert ahead.needs(*launch.configure("tests.faults.toy", {"actions": ["work"], "executor": "ray"})) is None


def test_what_it_prints_while_it_imports_is_in_the_runs_log(standby: Standby) -> None:
    waiting(standby, Needs("tests.faults.talking", "cpu"))
    path = toy_run(["work"], experiment="tests.faults.talking", threads=1)
    control.start(path, standby)
    wait_until_idle(path)
    assert finished(path) == 1
    assert (path / "logs" / "host-0.log").read_text(encoding="utf-8") == "imported\n"
