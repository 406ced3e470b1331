"""`lock`: who holds its `flock` owns the run. The file's 4 KiB say who that is and what it waits for.

They are written once in full and then in place, so that this works on a full disk. Hosts inherit the lock: it is free
only when the driver and all its hosts are dead.
"""

import fcntl
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.runtime.checks import is_name, is_number, is_point, is_text
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import open_private, open_regular, patiently
from engine.runtime.processes import Identity
from engine.text import clean_line

LOCK_VARIABLE = "LABTUI_LOCK_FD"
"""Names the descriptor of a lock that the starter has taken for its driver."""
_BYTES = 4096
_PROBLEM_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class LockInfo:
    """`beat` is when the driver last wrote (Unix seconds), `hosts` are pairs of pid and start time."""

    pid: int = 0
    start: int = 0
    boot: str = ""
    beat: float = 0.0
    problem: str = ""
    hosts: tuple[tuple[int, int], ...] = ()

    @property
    def driver(self) -> Identity:
        """Guards signals and waits; never proof of ownership."""
        return Identity(self.pid, self.start, self.boot)


class RunLock:
    """The lock, held. `descriptor` is for processes that shall inherit it."""

    def __init__(self, path: Path, descriptor: int):
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> "RunLock | None":
        """None where another process holds it. A reader's probe holds it for microseconds: hence a few tries."""
        path = directory / "lock"
        for _ in range(10):
            descriptor = patiently(lambda: _prepared(path))
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), path.lstat()):
                    return cls(path, descriptor)
            except (BlockingIOError, FileNotFoundError):
                time.sleep(0.002)
            os.close(descriptor)
        return None

    @classmethod
    def inherited(cls, directory: Path, descriptor: int) -> "RunLock":
        """The lock that the process which started this one has taken for it."""
        os.set_inheritable(descriptor, False)
        return cls(directory / "lock", descriptor)

    def write(self, info: LockInfo) -> None:
        """Rewrites the 4 KiB in place."""
        problem = clean_line(info.problem)[:_PROBLEM_LENGTH]
        text = dumps(asdict(info) | {"problem": problem})
        os.pwrite(self.descriptor, text.encode().ljust(_BYTES - 1) + b"\n", 0)

    def release(self) -> None:
        """Lets go, as far as this process is concerned."""
        os.close(self.descriptor)


def _prepared(path: Path) -> int:
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        if os.fstat(descriptor).st_size < _BYTES:
            os.pwrite(descriptor, b" " * (_BYTES - 1) + b"\n", 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def create_lock(directory: Path) -> None:
    """The file with its 4 KiB, held by nobody."""
    os.close(_prepared(directory / "lock"))


def lock_held(directory: Path) -> bool:
    """Whether a driver, or a host that outlives it for a moment, owns the run."""
    return is_locked(directory / "lock")


def is_locked(path: Path) -> bool:
    """Whether a process holds `path` exclusively. The probe is shared: two of them do not take each other for one.

    OSError where it is no regular file, which nobody can hold.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _whole(value: object) -> int:
    if isinstance(value, int) and abs(value) < 1 << 63:
        return value
    raise ValueError(f"{value!r} is no process")


def read_info(directory: Path) -> LockInfo:
    """What the last holder wrote; blank where that cannot be read."""
    try:
        descriptor = open_regular(directory / "lock")
    except OSError:
        return LockInfo()
    try:
        found = loads(os.pread(descriptor, _BYTES, 0))
        hosts = tuple((_whole(pid), _whole(start)) for pid, start in found.pop("hosts"))
        info = LockInfo(**found, hosts=hosts)
        sound = is_point(info.pid) and is_number(info.start) and is_name(info.boot) and is_text(info.problem)
        return info if sound and is_number(info.beat) else LockInfo()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return LockInfo()
    finally:
        os.close(descriptor)
