"""How many cores a run may keep busy: those this process may run on, within the quota of its control group."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def usable_cores(groups: Path = _GROUPS, root: Path = _ROOT) -> int:
    """At least 1. `groups` says which control groups this process is in, `root` is where these are described."""
    return max(1, min([len(os.sched_getaffinity(0)), *map(int, _quotas(groups, root))]))


def working_cores() -> int:
    """The cores for runs: all of two at most, else one is left to the screen."""
    cores = usable_cores()
    return cores if cores <= 2 else cores - 1


def _quotas(groups: Path, root: Path) -> Iterator[float]:
    """The cores' worth of time that each control group grants, from the process's own to the outermost."""
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):  # version 1 lists them by what they bound
            continue
        base, inside = root / (controllers and "cpu"), Path(path.lstrip("/"))
        for folder in (inside, *inside.parents):
            with suppress(OSError, ValueError, IndexError):
                yield _quota(base / folder, two=not controllers)


def _quota(folder: Path, two: bool) -> float:
    """ValueError where there is none: version 2 writes `max`, version 1 a negative number."""
    if two:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
    else:
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
    cores = int(quota) / int(period)
    if cores <= 0:
        raise ValueError(quota)
    return cores
