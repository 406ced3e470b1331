"""What anyone may ask of a run: start, pause, resume, cancel, remove. Wishes go through `want`; drivers are started."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from engine.errors import InputError
from engine.runtime.chain import users
from engine.runtime.files import open_private
from engine.runtime.home import runs_dir
from engine.runtime.lock import LOCK_VARIABLE, LockInfo, RunLock, read_info
from engine.runtime.processes import Identity, import_environment
from engine.runtime.records import RunState
from engine.runtime.runs import read_run
from engine.runtime.settle import settle
from engine.runtime.spec import RunSpec
from engine.runtime.states import Want, write_want

_STARTING = "starting; what the driver says is in logs/driver.log"


def start(path: Path) -> None:
    """Sees to it that a driver works on the run. Does nothing more where one does."""
    write_want(path, "run")
    lock = RunLock.take(path)
    if lock is not None:
        try:
            lock.write(LockInfo(problem=_STARTING))
            _spawn_driver(path, lock)
        finally:
            lock.release()
    elif not read_info(path).driver.alive:  # its hosts outlive it for a moment: the new driver waits for that
        _spawn_driver(path)


def pause(path: Path) -> None:
    """Lets the running task end, then frees the device. InputError where the run is over."""
    _refuse(path, "paused", "finished", "failed", "cancelled")
    _wish(path, "pause")


def resume(path: Path) -> None:
    """Goes on where the run stopped: points that are queued. InputError where nothing is left to do."""
    state = _refuse(path, "resumed", "finished", "cancelled")
    if state == "failed" and not any(point.state == "queued" for point in read_run(path).points):
        raise InputError(f"{path.name} has failed on all its points; mend what its log says and start it anew.")
    start(path)


def cancel(path: Path) -> None:
    """Ends the run now, killing what it computes. InputError where the run is over."""
    _refuse(path, "cancelled", "finished", "failed", "cancelled")
    _wish(path, "cancel")


def remove(path: Path) -> None:
    """Deletes the run with its results. InputError while it is active, or a run in work builds on a model of it."""
    if path.is_symlink() or path.parent.resolve() != runs_dir().resolve():
        raise InputError(f"{path} is not a run's folder.")
    if needed_by := users(path):
        raise InputError(f"{path.name} keeps a model that {', '.join(needed_by)} needs; cancel or finish that first.")
    lock = RunLock.take(path)
    if lock is None:
        raise InputError(f"{path.name} is active; cancel it first.")
    try:
        grave = path.with_name(f".{path.name}.removed.{os.getpid()}")
        path.rename(grave)  # at once, so that nobody sees half a run
        shutil.rmtree(grave)
    finally:
        lock.release()


def _refuse(path: Path, action: str, *states: RunState) -> RunState:
    state = read_run(path).state
    if state in states:
        raise InputError(f"{path.name} cannot be {action}: it is {state} already.")
    return state


def _wish(path: Path, want: Want) -> None:
    """Leaves it to the driver, or records it where there is none."""
    write_want(path, want)
    lock = RunLock.take(path)
    if lock is not None:
        try:
            settle(path, RunSpec.read(path), want)
        finally:
            lock.release()
    elif not read_info(path).driver.alive:
        _spawn_driver(path)


def _spawn_driver(path: Path, lock: RunLock | None = None) -> None:
    """A process of its own session that outlives this one, sees no GPU, and imports what this one can import.

    `lock` goes over to it without ever being free.
    """
    environment = import_environment() | {"CUDA_VISIBLE_DEVICES": ""}
    if lock is not None:
        environment[LOCK_VARIABLE] = str(lock.descriptor)
    log = open_private(path / "logs" / "driver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.experiments.driver", str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            pass_fds=() if lock is None else (lock.descriptor,),
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(log)
    if lock is not None and (driver := Identity.of(process.pid)):
        lock.write(LockInfo(driver.pid, driver.start, driver.boot, problem=_STARTING))
    threading.Thread(target=process.wait, name=f"reap {path.name}", daemon=True).start()
