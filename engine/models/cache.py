"""Things that are made once: a folder in the cache is there as a whole or not at all."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.runtime.files import (
    FULL_BYTES,
    discard,
    is_disk_full,
    open_private,
    private_folder,
    sync_folder,
    sync_tree,
    tree_bytes,
    wait_for_room,
)
from engine.runtime.home import cache_dir, home

Progress = Callable[[float, float, str], None]
Result = TypeVar("Result")


def cached(name: str, make: Callable[[Path], None], progress: Progress | None = None) -> Path:
    """The folder `name` (relative) of the cache, filled by `make(folder)` if it is not there yet.

    Of several processes one makes it and the others wait. What a killed process left behind is cleared away. Who can be
    told (by `progress`) waits while the disk is full; for others that is an OSError.
    """
    folder = _with_room(home() / "cache" / name, cache_dir, progress) / name
    if folder.is_dir():
        return folder
    descriptor = _with_room(folder, lambda: _lock_of(folder), progress)
    try:
        _acquire(descriptor, progress)
        if not folder.is_dir():
            _with_room(folder, lambda: _made(folder, make), progress)
    finally:
        os.close(descriptor)
    return folder


def _lock_of(folder: Path) -> int:
    for parent in reversed(folder.relative_to(cache_dir()).parents[:-1]):
        private_folder(cache_dir() / parent)
    return open_private(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT)


def _made(folder: Path, make: Callable[[Path], None]) -> None:
    partial = _partial(folder)
    discard(partial)
    private_folder(partial)
    make(partial)
    sync_tree(partial)  # a rename must not outlive the contents in a power cut
    partial.rename(folder)
    sync_folder(folder.parent)


def _partial(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _with_room(folder: Path, act: Callable[[], Result], progress: Progress | None) -> Result:
    """The result; on a full disk it is tried again once there is more room than it had."""
    while True:
        try:
            return act()
        except Exception as error:
            if progress is None or not is_disk_full(error):
                raise
        had = tree_bytes(_partial(folder))
        discard(_partial(folder))
        progress(0, 1, "waiting: the disk is full")
        wait_for_room(home(), had + FULL_BYTES)


def _acquire(descriptor: int, progress: Progress | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if progress is not None:
            progress(0, 1, "waiting for another process to make it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
