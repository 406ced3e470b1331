"""The driver process: takes a run's lock and works on the run until it is over, paused or cancelled."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from engine.runtime.hosts import Host
from engine.runtime.lock import LOCK_VARIABLE, RunLock, read_info
from engine.runtime.processes import Identity, kill_group
from engine.runtime.requests import read_request
from engine.runtime.resources import recorded
from engine.runtime.spec import RunSpec
from engine.runtime.trials import Study, pending
from engine.runtime.work import AfterPoint, Work

_ORPHAN_SECONDS = 60.0


def drive(
    directory: Path,
    worker: str,
    after_point: AfterPoint | None = None,
    study: Study | None = None,
    after_end: Callable[[], None] | None = None,
    host: Host | None = None,
) -> int:
    """Works on the run in `directory`. Returns at once where another driver owns it.

    `worker` is the module whose process is a host, given the experiment's name; `after_point` is called with the run
    whenever points have finished; `study` is where the points of a search get their parameters from; `after_end` is
    called when this driver has brought the run to rest and the lock is free; `host` has been started ahead.
    Returns 0, or 1 if the run failed or could not go on.
    """
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    directory = directory.absolute()
    spec = RunSpec.read(directory)
    while (lock := _own(directory)) is not None:
        work = Work(directory, spec, lock, worker, after_point, study, host)
        host = None
        signal.signal(signal.SIGTERM, lambda *_: work.stop())  # noqa: B023 - the newest is meant
        try:
            with nullcontext() if spec.cluster else recorded(directory, spec.devices):  # what it takes is elsewhere
                state = work.run()
        finally:
            lock.release()
        if state == "finished" and study is not None and pending(directory):
            continue
        if work.stopped or read_request(directory) == work.request:
            if after_end and not work.stopped:
                after_end()
            return int(state in ("failed", "interrupted"))
        # somebody has asked for something while this driver, on its way out, still held the lock
    return 0


def _own(directory: Path) -> RunLock | None:
    """The run's lock. None if its driver lives; the hosts of a dead one are ended and waited for."""
    if inherited := os.environ.pop(LOCK_VARIABLE, None):
        return RunLock.inherited(directory, int(inherited))
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while time.monotonic() < deadline:
        if lock := RunLock.take(directory):
            return lock
        info = read_info(directory)
        if info.driver.alive:
            return None
        for pid, start in info.hosts:
            kill_group(Identity(pid, start, info.boot))
        time.sleep(0.02)
    return None
