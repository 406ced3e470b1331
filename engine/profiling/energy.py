"""Joules that calls take, where the machine counts them: a GPU by NVML, a processor's packages by RAPL."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.profiling.specimen import synchronize
from engine.runtime.devices import watching

POWERCAP = Path("/sys/class/powercap")
SECONDS = 2.0
"""Calls are repeated for so long at least: some GPUs bring their counter up to date ten times a second."""
_PACKAGES = "intel-rapl:[0-9]*"  # AMD's processors have theirs under this name too


@dataclass(frozen=True, slots=True)
class Counter:
    """What counts the energy of a device, or of all of a machine's processors. `joules` since any moment; None
    where nothing counts, and `why` says so.
    """

    joules: Callable[[], float] | None
    why: str = ""

    def of_call(self, call: Callable[[], object], device: str) -> float | None:
        """Joules of one call, on average over calls in a row; None where they are not counted.

        The device's idle power and whatever else it does meanwhile are part of them.
        """
        if self.joules is None:
            return None
        synchronize(device)
        calls, began, before = 0, time.monotonic(), self.joules()
        while calls == 0 or time.monotonic() < began + SECONDS:
            call()
            synchronize(device)
            calls += 1
        return (self.joules() - before) / calls


@contextmanager
def counter(device: str) -> Iterator[Counter]:
    """The counter of `cpu` or `cuda:0`, while the block lasts."""
    if torch.device(device).type != "cuda":
        yield _of_processors()
        return
    name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    with watching([name]) as look:

        def joules() -> float | None:
            reading = look().get(name)
            return None if reading is None else reading.energy

        if joules() is None:
            yield Counter(None, "this GPU counts none (NVML)")
        else:
            yield Counter(lambda: joules() or 0.0)


def _of_processors() -> Counter:
    """RAPL's counters of whole packages; those of cores and memory inside them are parts."""
    packages = []
    for zone in sorted(POWERCAP.glob(_PACKAGES)):
        with suppress(OSError):
            if ":" not in zone.name.partition(":")[2] and _read(zone, "name").startswith("package"):
                packages.append(zone)
    if not packages:
        return Counter(None, "this machine has no counter of its processors' energy (RAPL)")
    try:
        counted = [_Package(zone) for zone in packages]
    except OSError:
        return Counter(None, f"the processors' counters in {POWERCAP} can be read by root alone")
    return Counter(lambda: sum(one.joules() for one in counted))


class _Package:
    """One package's counter of microjoules, which begins again at 0 once it is full (after minutes, or more)."""

    def __init__(self, zone: Path) -> None:
        self._zone, self._range = zone, int(_read(zone, "max_energy_range_uj"))
        self._last, self._sum = int(_read(zone, "energy_uj")), 0

    def joules(self) -> float:
        now = int(_read(self._zone, "energy_uj"))
        self._sum += now - self._last if now >= self._last else now + self._range - self._last
        self._last = now
        return self._sum / 1e6


def _read(zone: Path, name: str) -> str:
    return (zone / name).read_text(encoding="ascii").strip()
