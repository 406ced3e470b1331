"""How many points of a run are computed side by side on a CPU, with how many threads each, and why. No torch.

Points side by side, a thread each, do more than one point with all threads: layers of a small model are too small to be
shared, and nobody waits for anybody. So there are as many seats as cores, as far as there are points and memory; cores
that are left over go to the seats as threads. A point's result depends on its threads (how sums are rounded), never on
the number of seats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.experiments.api import ExperimentConfig
from engine.experiments.memory import point_memory
from engine.figures.units import in_bytes
from engine.runtime.cores import working_cores
from engine.runtime.devices import CPU, gpus_of
from engine.runtime.free_memory import available_memory

SHARE = 0.6
"""Of the free memory that seats may take: the estimate of what a point takes is one."""


@dataclass(frozen=True, slots=True)
class Seating:
    """`seats` points at once on each device, with `threads` each; 0 threads: as many as the cores allow.

    `said` is that in words, with what keeps it from being more; empty where there is nothing to choose.
    """

    seats: int = 1
    threads: int = 0
    said: str = ""


def seating(config: ExperimentConfig, points: int, devices: Sequence[str]) -> Seating:
    """Where a run of so many points sits. Looks at files of the model, never at a hub."""
    if CPU not in devices:
        each = len(gpus_of(devices[0]))
        return Seating(said=f"{_count(min(points, len(devices)), 'point')} at once, on {each} GPUs each" * (each > 1))
    cores = working_cores()
    limits = {
        "": min(cores, points),
        "; workers says so": getattr(config, "workers", None) or cores,
        "; more would change what is measured or proposed": config.side_by_side,
    }
    needed = point_memory(config)
    if min(limits.values()) > 1 and needed is not None:
        limits["; more might not fit into memory"] = int(SHARE * available_memory() / needed)
    reason = min(limits, key=lambda name: limits[name])  # of equals the first
    seats = max(1, limits[reason])
    threads = max(1, cores // seats)
    together = "1 point at a time" if seats == 1 else f"{seats} points side by side"
    memory = "" if needed is None else f", about {in_bytes(needed)} of memory each"
    said = f"{together}, {_count(threads, 'thread')} each, on {_count(cores, 'core')}{memory}{reason}"
    return Seating(seats, threads, said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
