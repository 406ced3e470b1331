"""How long calls take beside each other: in turns, because a shared machine changes from minute to minute.

On a CPU, calls during which another process was given one of our cores are left out, so that a busy machine can be
measured. On a GPU its own events are read, with or without what the host does before the first kernel starts.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, repeat
from resource import RUSAGE_SELF, getrusage
from typing import Any

import torch

Call = Callable[..., object]

WARM_UP = 3  # calls of each that are not counted
PATIENCE = 5  # seconds per call to get its undisturbed repeats
HEAD_START = 2_000_000  # cycles, about a millisecond, in which the host gets ahead of a GPU
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
    device: str,
    calls: Mapping[str, Call],
    repeats: int,
    arguments: Mapping[str, Iterator[Iterable[Any]]] | None = None,
    *,
    kernels_alone: bool = False,
) -> dict[str, Timing]:
    """Times each call `repeats` times, 2 or more. The first is what the others are compared with.

    With `kernels_alone` a GPU is kept busy until the host has queued the call: only what the GPU does counts.

    `arguments` gives each call what it takes, time after time. Where the first call was disturbed too often to leave
    those times out, no call's are: it would be compared with a slower machine.
    """
    timed = time_on_cpu
    if torch.device(device).type == "cuda":
        timed = partial(time_on_gpu, device=device, head_start=HEAD_START if kernels_alone else 0)
    undisturbed, every = _measured(timed, calls, repeats, arguments or dict.fromkeys(calls, _NOTHING))
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
    timed: Callable[[Call, Iterable[Any]], tuple[float, bool]],
    calls: Mapping[str, Call],
    repeats: int,
    arguments: Mapping[str, Iterator[Iterable[Any]]],
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of the undisturbed calls, and of all."""
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


def time_on_gpu(call: Call, arguments: Iterable[Any], device: str, head_start: int) -> tuple[float, bool]:
    """Seconds between two events around one call on the device's current stream, after so many cycles of waiting."""
    event: Any = torch.cuda.Event
    with torch.cuda.device(device):
        first, last = event(enable_timing=True), event(enable_timing=True)
        if head_start:
            torch.cuda._sleep(head_start)  # type: ignore[no-untyped-call]
        first.record()
        call(*arguments)
        last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1e3, True
