"""How much memory this machine has left for a process: what is free, within the limits of its control group."""

from contextlib import suppress
from pathlib import Path

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
UNKNOWN = 1 << 34


def available_memory() -> int:
    """Bytes that can be used without swapping; 16 GiB where the system does not say."""
    found = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    for limit, used, facts in _CGROUPS:
        with suppress(OSError, ValueError):
            left = int(Path(limit).read_text(encoding="ascii")) - int(Path(used).read_text(encoding="ascii"))
            found.append(left + _file_cache(facts))
    return max(0, min(found, default=UNKNOWN))


def _file_cache(path: str) -> int:
    """Bytes that a control group is charged for and gives back at once."""
    lines = Path(path).read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
