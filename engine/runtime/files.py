"""Private files: made for their owner alone, never through a link, replaced whole, patient when the disk is full."""

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_BYTES = 1 << 20
"""A disk with less than this free counts as full."""
_NETWORK = {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs"}
_NETWORK |= {"gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
Result = TypeVar("Result")


def private_folder(path: Path) -> Path:
    """`path`, made with mode 0700 where missing. Raises InputError if others could have a hand in it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise InputError(f"{path} cannot be used as a folder ({error.strerror}); set LABTUI_HOME elsewhere.") from None
    if stat.S_ISLNK(found.st_mode):
        raise InputError(f"{path} is a link; set LABTUI_HOME to the folder itself.")
    if found.st_uid != os.geteuid():
        raise InputError(f"{path} belongs to another user; set LABTUI_HOME to a folder of your own.")
    if found.st_mode & 0o022:
        raise InputError(f"{path} can be written by others; run `chmod 700 {path}` or set LABTUI_HOME elsewhere.")
    return path


def open_private(path: Path, flags: int) -> int:
    """A file descriptor for `path`, closed on exec, mode 0600 if created. A link raises OSError."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def read_private(path: Path) -> bytes:
    """The whole of a regular file; a link raises OSError."""
    with os.fdopen(open_private(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        return file.read()


def sync_folder(path: Path) -> None:
    """Makes names created or renamed in `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Makes a file, or all that is in a folder, survive a power cut: bytes first, names after."""
    inside = [*path.rglob("*")]
    for file in (one for one in (*inside, path) if one.is_file()):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    for folder in (one for one in (*inside, path) if one.is_dir()):
        sync_folder(folder)


def replace(path: Path, data: bytes) -> None:
    """Write, fsync, rename: a reader sees the old bytes or the new ones, whatever happens."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def patiently(operation: Callable[[], Result], pause: float = 0.2) -> Result:
    """The operation's result; while the disk is full it is tried again."""
    while True:
        try:
            return operation()
        except Exception as error:
            if not _disk_full(error):
                raise
        time.sleep(pause)


def _disk_full(error: Exception) -> bool:
    """By number, or by text: libraries in Rust raise exceptions of their own that carry the system's words."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any(os.strerror(code) in str(error) for code in FULL)


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """The file or folder that `write(partial)` makes takes the place of `path`, whole and on disk.

    What a killed process left behind is cleared away; while the disk is full it is all tried again.
    """
    partial, former = (path.with_name(f".{path.name}.{word}") for word in ("partial", "former"))

    def attempt() -> None:
        _discard(partial)
        _discard(former)
        write(partial)
        sync_tree(partial)
        if path.is_dir():  # a rename replaces files, but no folder that holds anything
            path.rename(former)
        partial.replace(path)
        sync_folder(path.parent)
        _discard(former)

    patiently(attempt)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_patiently(descriptor: int, data: bytes) -> None:
    """Writes all of `data`, going on where a full disk cut it short."""
    rest = memoryview(data)
    while rest:
        rest = rest[patiently(lambda: os.write(descriptor, rest)) :]  # noqa: B023 - called before `rest` moves


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write on the disk of `path`."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def on_network(path: Path, mounts: str | None = None) -> bool:
    """Whether `path` lies on a network file system, by the mount table (`/proc/self/mountinfo`)."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False
    target = path.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if target.is_relative_to(point) and len(point.parts) >= best:  # of mounts stacked on one point the last is seen
            best, kind = len(point.parts), after.split()[0]
    return kind in _NETWORK
