"""What anyone may ask of a run: start, pause, resume, cancel, remove."""

import os
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from engine.errors import InputError
from engine.own import command
from engine.runtime.files import FULL, discard, open_private, private_folder
from engine.runtime.finalise import finalise
from engine.runtime.home import runs_dir
from engine.runtime.lock import LOCK_VARIABLE, LockInfo, RunLock, lock_held, read_info
from engine.runtime.processes import Identity, driver_environment
from engine.runtime.records import RunState
from engine.runtime.references import users
from engine.runtime.requests import Desk, Want, asking
from engine.runtime.runs import read_run
from engine.runtime.spec import RunSpec
from engine.runtime.standby import Standby
from engine.runtime.states import STARTING

_CANCEL_SECONDS = 5.0


def start(path: Path, standby: Standby | None = None) -> None:
    """Sees to it that a driver works on the run. Does nothing more where one does. InputError where it is cancelled.

    The driver is the one that `standby` has, where it has one.
    """
    with asking(path) as desk:
        if desk.request.want == "cancel":
            _refuse(path, desk, "started", "cancelled")
        _start(path, desk, standby)


def pause(path: Path) -> None:
    """Lets the running task end, then frees the device. InputError where the run is over."""
    with asking(path) as desk:
        _refuse(path, desk, "paused", "finished", "failed", "cancelled")
        _ask(path, desk, "pause")


def resume(path: Path) -> None:
    """Goes on where the run stopped: points that are queued. InputError where nothing is left to do."""
    with asking(path) as desk:
        state = _refuse(path, desk, "resumed", "finished", "cancelled")
        if state == "failed" and not any(point.state == "queued" for point in read_run(path).points):
            raise InputError(f"{path.name} has failed on all its points; fix what its log says and start it anew.")
        _start(path, desk)


def cancel(path: Path) -> RunState:
    """Ends the run now, killing what it computes. InputError where the run is over.

    Returns where it stands then: a run may end by itself just before.
    """
    with asking(path) as desk:
        _refuse(path, desk, "cancelled", "finished", "failed", "cancelled")
        _ask(path, desk, "cancel")
    deadline = time.monotonic() + _CANCEL_SECONDS
    while lock_held(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    return read_run(path).state


def remove(path: Path) -> None:
    """Deletes the run with its results. InputError while it is active, or a run in work builds on a model of it."""
    if path.is_symlink() or path.parent.resolve() != runs_dir().resolve():
        raise InputError(f"{path} is not a run's folder.")
    if needed_by := users(path):
        raise InputError(f"{path.name} keeps a model that {', '.join(needed_by)} needs; cancel or finish that first.")
    lockable = (path / "lock").is_file() and not (path / "lock").is_symlink()  # nobody holds what is no file
    lock = RunLock.take(path) if lockable else None
    if lockable and lock is None:
        raise InputError(f"{path.name} is active; cancel it first.")
    try:
        discard(_moved_away(path))
    finally:
        if lock is not None:
            lock.release()


def remove_all(paths: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Deletes runs one after another: the ids of those that are gone, and a sentence for each that had to stay."""
    gone, stayed = [], []
    for path in paths:
        try:
            remove(path)
            gone.append(path.name)
        except InputError as error:
            stayed.append(str(error))
    return gone, stayed


def _moved_away(path: Path) -> Path:
    """The run under a name that nobody lists, so that nobody sees half of it; on a full disk it may have to stay."""
    grave = path.with_name(f".{path.name}.removed.{os.getpid()}")
    try:
        return path.rename(grave)
    except OSError as error:
        if error.errno not in FULL:
            raise
    return path


def _refuse(path: Path, desk: Desk, action: str, *states: RunState) -> RunState:
    """The run's state. InputError where it is one of these; a run that has been asked to cancel is cancelled."""
    state = read_run(path).state
    if desk.request.want == "cancel" and state not in ("finished", "failed"):
        state = "cancelled"
    if state in states:
        raise InputError(f"{path.name} cannot be {action}: it is {state} already.")
    return state


def _start(path: Path, desk: Desk, standby: Standby | None = None) -> None:
    desk.write("run")
    lock = RunLock.take(path)
    if lock is not None:
        try:
            lock.write(LockInfo(problem=STARTING))
            if standby is None or not _hand_over(path, lock, standby):
                _spawn_driver(path, lock)
        finally:
            lock.release()
    elif not read_info(path).driver.alive:  # its hosts outlive it for a moment: the new driver waits for that
        _spawn_driver(path)


def _ask(path: Path, desk: Desk, want: Want) -> None:
    """Leaves it to the driver, or records it where there is none."""
    desk.write(want)
    lock = RunLock.take(path)
    if lock is not None:
        try:
            finalise(path, RunSpec.read(path), want)
        finally:
            lock.release()
    elif not read_info(path).driver.alive:
        _spawn_driver(path)


def _hand_over(path: Path, lock: RunLock, standby: Standby) -> bool:
    """Whether a driver that was started ahead has taken the run with its lock, which never was free."""
    if (driver := standby.driver) is None:
        return False
    lock.write(LockInfo(driver.pid, driver.start, driver.boot, problem=STARTING))
    log = _driver_log(path)
    try:
        return standby.hand_over(path.absolute(), lock.descriptor, log)
    finally:
        os.close(log)


def _spawn_driver(path: Path, lock: RunLock | None = None) -> None:
    """A process of its own session that outlives this one, sees no GPU, and imports what this one can import.

    `lock` goes over to it without ever being free.
    """
    environment = driver_environment()
    if lock is not None:
        environment[LOCK_VARIABLE] = str(lock.descriptor)
    log = _driver_log(path)
    try:
        process = subprocess.Popen(
            command("engine.experiments.driver", str(path.absolute())),
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
        lock.write(LockInfo(driver.pid, driver.start, driver.boot, problem=STARTING))
    threading.Thread(target=process.wait, name=f"reap {path.name}", daemon=True).start()


def _driver_log(path: Path) -> int:
    """Where a driver's words go: nowhere while the disk is full, so that it can do what it is asked all the same."""
    for folder in ("attempts", "logs", "artifacts"):
        private_folder(path / folder)
    try:
        return open_private(path / "logs" / "driver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return os.open(os.devnull, os.O_WRONLY)
