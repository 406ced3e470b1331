"""Who a process is. A pid alone proves nothing (it is reused): start time and boot id go with it."""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


@dataclass(frozen=True, slots=True)
class Identity:
    """`start` is the kernel's start time in clock ticks since boot."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """None where no such process runs (a zombie does not)."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else cls(pid, int(fields[19]), boot_id())

    @property
    def alive(self) -> bool:
        """Whether this very process still runs, and not another that was given its pid."""
        return self.pid > 0 and Identity.of(self.pid) == self


def boot_id() -> str:
    """Differs after each start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def kill_group(leader: Identity) -> bool:
    """SIGKILL to the process group that `leader` leads; nothing, and False, if its pid is now somebody else's."""
    if not leader.alive:
        return False
    try:
        os.killpg(leader.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def import_environment() -> dict[str, str]:
    """The environment for a Python process that imports what this one can.

    Never more than that: a file beside which it happens to be started must not shadow a package.
    """
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def driver_environment() -> dict[str, str]:
    """The same for a driver, which sees no GPU."""
    return import_environment() | {"CUDA_VISIBLE_DEVICES": ""}


def call_this_process(name: str) -> None:
    """What `top` and `ps` call it, in 15 bytes at most, and its forked children as long as they have no other name."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def die_with(parent: int) -> None:
    """From now on the death of `parent`, which must be this process's parent, kills it. If it is dead already: now."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
