"""Private files: made for their owner alone, never through a link, replaced whole, patient when the disk is full."""

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import InputError
from engine.text import clean_line

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_BYTES = 1 << 20
"""A disk with less than this free counts as full."""
PROBE = 1 << 16
"""Bytes that are written to see whether a quota leaves room for them."""
FULL_INODES = 16
"""A disk with fewer than this free has no room for the files of a task."""
_CUT_SHORT = re.compile(r"[0-9]+ requested and [0-9]+ written")
_NETWORK = {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs"}
_NETWORK |= {"gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
Result = TypeVar("Result")


def in_words(error: Exception) -> str:
    """What the system refused, in a sentence that says what to do; any other error's own message."""
    if not isinstance(error, OSError):
        return str(error)
    where = clean_line(str(error.filename)) if error.filename else ""
    if error.errno in FULL:
        return "the disk is full, or has no inode left; make room and try again."
    if error.errno == errno.EROFS:
        return f"{where or 'the disk'} is on a read-only file system; set LABTUI_HOME to a folder that can be written."
    return f"{where or 'a file'} cannot be used: {error.strerror or error}."


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


def open_regular(path: Path) -> int:
    """A descriptor to read a regular file. OSError for anything else: a link, or a pipe that never answers."""
    descriptor = open_private(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_private(path: Path, limit: int = 1 << 28) -> bytes:
    """The whole of a regular file of at most `limit` bytes; OSError for anything else."""
    with os.fdopen(open_regular(path), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return data


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
            if not is_disk_full(error):
                raise
        time.sleep(pause)


def is_disk_full(error: Exception) -> bool:
    """By number, or by text: libraries in Rust raise exceptions of their own that carry the system's words, and NumPy
    says how much it could write.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    text = str(error)
    return any(os.strerror(code) in text for code in FULL) or bool(_CUT_SHORT.fullmatch(text))


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """The file or folder that `write(partial)` makes takes the place of `path`, whole and on disk.

    What a killed process left behind is cleared away; while the disk is full it is all tried again.
    """
    partial, former = (path.with_name(f".{path.name}.{word}") for word in ("partial", "former"))

    def attempt() -> None:
        discard(partial)
        discard(former)
        write(partial)
        sync_tree(partial)
        if path.is_dir():  # a rename replaces files, but no folder that holds anything
            path.rename(former)
        partial.replace(path)
        sync_folder(path.parent)
        discard(former)

    patiently(attempt)


def discard(path: Path) -> None:
    """Removes whatever has this name; nothing where nothing has."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_patiently(descriptor: int, data: bytes) -> None:
    """Writes all of `data`, going on where a full disk cut it short."""
    rest = memoryview(data)
    while rest:
        rest = rest[patiently(lambda: os.write(descriptor, rest)) :]  # noqa: B023 - called before `rest` moves


def wait_for_room(path: Path, needed: int, pause: float = 0.2) -> None:
    """Until `needed` bytes and a few inodes are free on the disk of `path`."""
    while free_bytes(path) < needed or not has_inodes(path):
        time.sleep(pause)


def tree_bytes(path: Path) -> int:
    """What the files in a folder take."""
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())


def has_inodes(path: Path) -> bool:
    """Whether more files can be made on the disk of `path`; some file systems know no such limit."""
    disk = os.statvfs(path)
    return disk.f_files == 0 or disk.f_favail >= FULL_INODES


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write on the disk of `path`."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def over_quota(folder: Path) -> bool:
    """Whether nothing more can be written into `folder`: a user's quota is not in what the file system says is free."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in FULL
    return False


def on_network(path: Path, mounts: str | None = None) -> bool:
    """Whether `path` lies on a network file system, by the mount table (`/proc/self/mountinfo`)."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False
    target = f"{path.resolve()}/"
    best, kind = -1, ""
    for line in mounts.splitlines():  # as text: this is asked for every run that is read
        before, _, after = line.partition(" - ")
        point = before.split()[4].replace("\\040", " ").rstrip("/") + "/"
        if target.startswith(point) and len(point) >= best:  # of mounts stacked on one point the last is seen
            best, kind = len(point), after.split()[0]
    return kind in _NETWORK
