"""Cancel, pause and resume, two drivers, two runs on one device, and a terminal that goes away."""

import os
import pty
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.runtime import control
from engine.runtime.attempts import attempt_files
from engine.runtime.home import devices_dir
from engine.runtime.lock import LockInfo, RunLock, lock_held, read_info
from engine.runtime.processes import Identity, kill_group
from engine.runtime.requests import read_request
from engine.runtime.runs import list_runs, log_path, read_run
from engine.text import clean
from tests.faults.helpers import (
    assert_sound,
    finished,
    interrupted,
    kill_all,
    processes,
    toy_run,
    wait_for,
    wait_until_idle,
)
from tests.faults.toy import HOSTILE


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}


def test_cancel_inside_a_c_call_that_holds_the_interpreter() -> None:
    path = toy_run(["work", "stuck", "work"])
    control.start(path)
    wait_for(lambda: read_run(path, metrics=True).points[1].metrics, "the point that is stuck")
    found = processes(path)
    everyone = [Identity.of(pid) for pid in (*found["host"], *found["child"])]
    control.cancel(path)
    wait_for(lambda: not any(one and one.alive for one in everyone), "host and child dead")
    run = wait_until_idle(path)
    assert run.state == "cancelled"
    assert [point.state for point in run.points] == ["finished", "cancelled", "cancelled"]
    assert run.ended
    for action in (control.resume, control.pause, control.cancel):
        with pytest.raises(InputError, match="cancelled already"):
            action(path)


def test_pause_frees_the_device_and_resume_goes_on() -> None:
    path = toy_run(["work"] * 5, steps=20, pause=0.01)
    control.start(path)
    wait_for(lambda: finished(path), "a finished point")
    control.pause(path)
    run = wait_until_idle(path)
    assert run.state == "paused"
    assert 0 < len(run.finished) < 5
    assert not any(point.state == "running" for point in run.points), "the running task was not let to its end"
    wait_for(lambda: not any(processes(path).values()), "no process left")
    other = toy_run(["work"])
    control.start(other)
    assert wait_until_idle(other).state == "finished"
    control.resume(path)
    wait_until_idle(path)
    run = assert_sound(path)
    assert [point.attempt for point in run.points] == [1] * 5
    with pytest.raises(InputError, match="finished already"):
        control.resume(path)


def test_a_change_of_mind_is_never_lost() -> None:
    path = toy_run(["work"] * 8, steps=4, pause=0.01)
    control.start(path)
    while read_run(path).state != "finished":
        try:
            control.pause(path)
            control.resume(path)
        except InputError:
            assert read_run(path).state == "finished"
        reached = finished(path)
        wait_for(lambda before=reached: finished(path) > before or not lock_held(path), "progress")
        assert lock_held(path) or read_run(path).state == "finished", "resumed, but nobody is at work"
    assert_sound(path)


@pytest.mark.parametrize(("wish", "expected"), [(control.pause, "paused"), (control.cancel, "cancelled")])
def test_wishes_reach_an_interrupted_run(wish: Callable[[Path], None], expected: str) -> None:
    path = toy_run(["work"] * 4, steps=10, pause=0.01)
    interrupted(path, 1)
    wish(path)
    assert not lock_held(path)
    run = read_run(path)
    assert run.state == expected
    assert len(run.finished) >= 1
    if expected == "paused":
        control.resume(path)
        wait_until_idle(path)
        assert_sound(path)


@pytest.mark.parametrize("seed", range(int(os.environ.get("LABTUI_RACES", "3"))))
def test_a_cancel_that_was_reported_is_never_undone(seed: int) -> None:
    """`cancel` and `resume` at once, from processes of their own: whichever says that it was done, was done."""
    path = toy_run(["work"] * 4, steps=1000, pause=0.02)
    control.start(path)
    wait_for(lambda: processes(path)["child"], "a child")
    if seed % 2:
        kill_all(path)
    code = "import sys, pathlib, engine.runtime.control as c; print(getattr(c, sys.argv[2])(pathlib.Path(sys.argv[1])))"
    ways = ["cancel", "resume", "pause", "resume"]
    command = [sys.executable, "-c", code, str(path)]
    started = [
        subprocess.Popen([*command, way], env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for way in random.Random(seed).sample(ways, len(ways))
    ]
    ended = {process.args[-1]: (*process.communicate(timeout=60), process.returncode) for process in started}  # type: ignore[index]
    said, _, code_ = ended["cancel"]
    run = wait_until_idle(path)
    assert code_ == 0, ended
    assert said.strip() == run.state == "cancelled", ended
    wait_for(lambda: not any(processes(path).values()), "no process left")


def test_a_run_that_stopped_at_failures_goes_on_when_asked() -> None:
    """It was to run before and is to run now: only the number of the request tells a driver on its way out."""
    path = toy_run(["fail"] * 3 + ["work"] * 2)
    control.start(path)
    assert wait_until_idle(path).state == "failed"
    before = read_request(path)
    control.resume(path)
    assert read_request(path).number == before.number + 1
    wait_for(lambda: finished(path) == 2, "the points that were left")


def test_two_drivers_at_once() -> None:
    path = toy_run(["work"] * 5, pause=0.01)
    command = [sys.executable, "-m", "engine.experiments.driver", str(path)]
    drivers = [subprocess.Popen(command, env=_environment()) for _ in range(3)]
    starters = [threading.Thread(target=control.start, args=(path,)) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert [driver.wait(60) for driver in drivers] == [0, 0, 0]
    wait_until_idle(path)
    assert [point.attempt for point in assert_sound(path).points] == [1] * 5
    assert len(attempt_files(path)) == 5


def test_runs_queue_for_a_device_in_order() -> None:
    first, second, third = (toy_run(["work"] * 2, steps=20, pause=0.01, name=name) for name in "abc")
    control.start(first)
    wait_for(lambda: processes(first)["host"], "the first run's host")
    control.start(second)
    wait_for(lambda: "waiting for cpu, used by t-0001" in read_info(second).problem, "the second to queue")
    assert read_run(second).state == "queued"
    control.start(third)
    wait_for(lambda: "waiting for cpu" in read_info(third).problem, "the third to queue")
    runs = [wait_until_idle(path) for path in (first, second, third)]
    assert [run.state for run in runs] == ["finished"] * 3
    for before, after in pairwise(runs):
        assert (before.ended or 0.0) <= (after.started or 0.0)
    assert not list(devices_dir().glob("*ticket*"))


def test_a_queued_run_can_be_cancelled() -> None:
    first, second = toy_run(["stuck"]), toy_run(["work"])
    control.start(first)
    wait_for(lambda: processes(first)["child"], "the first run's child")
    control.start(second)
    wait_for(lambda: "waiting for cpu" in read_info(second).problem, "the second to queue")
    control.cancel(second)
    assert wait_until_idle(second).state == "cancelled"
    with pytest.raises(InputError, match="active"):
        control.remove(first)
    control.cancel(first)
    wait_until_idle(first)
    control.remove(first)
    assert list_runs() == [second]


def test_closed_terminal_leaves_the_run_running() -> None:
    path = toy_run(["work"] * 4, steps=20, pause=0.01)
    code = "import sys, time, pathlib, engine.runtime.control as c; c.start(pathlib.Path(sys.argv[1])); time.sleep(600)"
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it, and exec keeps that
        os.execve(sys.executable, [sys.executable, "-c", code, str(path)], _environment())
    wait_for(lambda: processes(path)["child"], "a child")
    os.close(terminal)  # the kernel sends SIGHUP to the session
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP
    os.kill(processes(path)["driver"][0], signal.SIGHUP)
    wait_until_idle(path)
    assert_sound(path)


def test_a_reused_pid_is_left_alone() -> None:
    path = toy_run(["work"])
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        real = Identity.of(innocent.pid)
        assert real is not None
        stale = Identity(real.pid, real.start - 1, real.boot)
        assert not stale.alive
        assert not kill_group(stale)
        lock = RunLock.take(path)
        assert lock is not None
        lock.write(LockInfo(stale.pid, stale.start, stale.boot, hosts=((stale.pid, stale.start),)))
        control.start(path)  # the lock is held, its driver is dead, its host's pid is somebody else's
        command = f"engine.experiments.driver\0{path}"
        wait_for(lambda: any(command in text for text in _command_lines()), "a driver that waits for the lock")
        lock.release()
        wait_until_idle(path)
        wait_for(lambda: read_run(path).state == "finished", "the end of the run")
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def _command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return found


def test_hostile_bytes_are_stripped() -> None:
    path = toy_run(["hostile", "work"], name=HOSTILE + "name")
    control.start(path)
    run = wait_until_idle(path)
    assert run.name == "[red]bold[/red] name"
    error = run.points[0].error
    assert error is not None
    assert error["message"].strip() == "[red]bold[/red]"
    assert not set("".join(error.values())) & set("\x1b\x07\x00\u202e\r")
    log = log_path(path, 0)
    assert log is not None
    assert "\x1b" in log.read_text()
    assert not set(clean(log.read_text())) & set("\x1b\x07\x00\u202e\r")
    assert run.points[1].state == "finished"
