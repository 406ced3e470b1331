"""How long calls take beside each other: in turns, because a shared machine changes from minute to minute.

On a CPU, calls during which another process was given one of our cores are left out, so that a busy machine can be
measured. On a GPU its own events are read: what the host does meanwhile does not count.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice, repeat
from resource import RUSAGE_SELF, getrusage
from typing import Any

import torch

Call = Callable[..., object]

WARM_UP = 3  # calls of each that are not counted
PATIENCE = 5  # seconds per call to get its undisturbed repeats
_PAUSE = 0.003  # seconds in which the threads of the call before stop spinning
_NOTHING: Iterator[Iterable[Any]] = repeat(())


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median and the quartiles. `disturbed`: other processes took part in them."""

    median: float
    low: float
    high: float
    disturbed: bool = False


def take_turns(
    device: str, calls: Mapping[str, Call], repeats: int, arguments: Mapping[str, Iterator[Iterable[Any]]] | None = None
) -> dict[str, Timing]:
    """Times each call `repeats` times, 2 or more. The first is what the others are compared with.

    `arguments` gives each call what it takes, time after time. Where the first call was disturbed too often to leave
    those times out, no call's are: it would be compared with a slower machine.
    """
    undisturbed, every = _measured(device, calls, repeats, arguments or dict.fromkeys(calls, _NOTHING))
    enough = {name: len(times) > max(1, repeats // 4) for name, times in undisturbed.items()}
    comparable = next(iter(enough.values()))
    return {
        name: _timing(undisturbed[name], False) if comparable and enough[name] else _timing(every[name], True)
        for name in calls
    }


def _timing(seconds: list[float], disturbed: bool) -> Timing:
    low, median, high = statistics.quantiles(seconds, n=4)
    return Timing(median, low, high, disturbed)


def _measured(
    device: str, calls: Mapping[str, Call], repeats: int, arguments: Mapping[str, Iterator[Iterable[Any]]]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of the undisturbed calls, and of all."""
    timed = time_on_cpu if torch.device(device).type == "cpu" else time_on_gpu
    for name, call in calls.items():
        for given in islice(arguments[name], WARM_UP):
            timed(call, given)
    undisturbed: dict[str, list[float]] = {name: [] for name in calls}
    every: dict[str, list[float]] = {name: [] for name in calls}
    deadline = time.monotonic() + PATIENCE * len(calls)
    for turn in count():
        waiting = [name for name in calls if len(undisturbed[name]) < repeats]
        if not waiting or (turn >= repeats and time.monotonic() > deadline):
            break
        for name in waiting:
            seconds, clean = timed(calls[name], next(arguments[name]))
            every[name].append(seconds)
            if clean:
                undisturbed[name].append(seconds)
    return undisturbed, every


def time_on_cpu(call: Call, arguments: Iterable[Any] = ()) -> tuple[float, bool]:
    """Seconds of one call, and whether all our threads had their cores meanwhile."""
    time.sleep(_PAUSE)
    switches = getrusage(RUSAGE_SELF).ru_nivcsw
    start = time.perf_counter()
    call(*arguments)
    seconds = time.perf_counter() - start
    return seconds, getrusage(RUSAGE_SELF).ru_nivcsw == switches


def time_on_gpu(call: Call, arguments: Iterable[Any] = ()) -> tuple[float, bool]:
    """Seconds between two events around one call on the current stream."""
    event: Any = torch.cuda.Event
    first, last = event(enable_timing=True), event(enable_timing=True)
    first.record()
    call(*arguments)
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1e3, True
