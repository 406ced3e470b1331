"""Things that are made once: a folder in the cache is there as a whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.runtime.files import open_private, private_folder, sync_folder, sync_tree
from engine.runtime.home import cache_dir

Progress = Callable[[float, float, str], None]


def cached(name: str, make: Callable[[Path], None], progress: Progress | None = None) -> Path:
    """The folder `name` (relative) of the cache, filled by `make(folder)` if it is not there yet.

    Of several processes one makes it and the others wait. What a killed process left behind is cleared away.
    """
    folder = cache_dir() / name
    if folder.is_dir():
        return folder
    for parent in reversed(folder.relative_to(cache_dir()).parents[:-1]):
        private_folder(cache_dir() / parent)
    descriptor = open_private(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        _acquire(descriptor, progress)
        if not folder.is_dir():
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            private_folder(partial)
            make(partial)
            sync_tree(partial)  # a rename must not outlive the contents in a power cut
            partial.rename(folder)
            sync_folder(folder.parent)
    finally:
        os.close(descriptor)
    return folder


def _acquire(descriptor: int, progress: Progress | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if progress is not None:
            progress(0, 1, "waiting for another process to make it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
