"""Who stands by on this machine, for people who wonder what takes their memory."""

import os
from dataclasses import dataclass

from engine.figures.units import in_bytes

NAME = "labtui-standby"
"""What `top` and `ps` call a driver that stands by (`engine.runtime.standby`)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A driver that stands by for runs of an experiment, with its host; `memory` is what both hold, in bytes."""

    pid: int
    experiment: str
    memory: int

    @property
    def said(self) -> str:
        """In words."""
        return f"{self.experiment}, {in_bytes(self.memory)}, pid {self.pid}"


def standing(pid: int) -> Standing | None:
    """None where this process is something else, or has no host yet and takes next to nothing."""
    import psutil

    try:
        driver = psutil.Process(pid)
        if driver.name() != NAME or driver.uids().real != os.getuid() or not (hosts := driver.children()):
            return None
        held = sum(process.memory_info().rss for process in (driver, *hosts))
        words = driver.cmdline()
        return Standing(pid, words[words.index("engine.experiments.standby") + 1], held)
    except (psutil.Error, ValueError, IndexError):  # it ends, or only has the name
        return None


def all_standing() -> list[Standing]:
    """Those of this user."""
    import psutil

    return [found for pid in psutil.pids() if (found := standing(pid)) is not None]
