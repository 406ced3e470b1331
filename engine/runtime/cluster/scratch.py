"""Where a node computes a task: a run's folder with what the task needs, gone once it has ended."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.runtime.files import discard, open_private, private_folder
from engine.runtime.home import home
from engine.runtime.lock import RunLock, is_locked


@contextmanager
def scratch(run: str) -> Iterator[tuple[Path, RunLock]]:
    """An empty folder for a task of `run`, and its lock, which the task's processes hold as long as any of them lives.

    What processes left behind that were killed is cleared away first.
    """
    root = private_folder(home() / "cluster")
    with _alone(root):
        for other in root.glob("[!.]*"):
            if not is_locked(next(other.glob("*/lock"), other / "lock")):
                discard(other)
        base = Path(tempfile.mkdtemp(dir=root, prefix="task-"))
        folder = private_folder(base / run)
        lock = RunLock.take(folder)
    assert lock is not None  # nobody else knows of it
    try:
        for name in ("attempts", "logs", "artifacts"):
            private_folder(folder / name)
        yield folder, lock
    finally:
        with _alone(root):  # a folder whose lock is free is cleared away by any other task
            lock.release()
            discard(base)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """While no other task of this node makes or removes folders."""
    guard = open_private(root / ".lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)
