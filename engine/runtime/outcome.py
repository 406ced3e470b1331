"""What becomes of the points that a task left without an end."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.runtime.child import OUT_OF_MEMORY

CRASHES = 3
"""How often a point is tried again after a signal killed its process."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`events` (kind, point, data) to add to the attempt's log; groups of points to try `again`, and `why` in words."""

    events: tuple[tuple[str, int, dict[str, Any]], ...] = ()
    again: tuple[tuple[int, ...], ...] = ()
    why: str = ""


def judge(status: int | None, crashes: Mapping[int, int]) -> Outcome:
    """`status` is the child's exit status, negative for a signal, None if its host died with it.

    `crashes` holds the points that are neither finished nor failed, and how often a signal ended each before.
    """
    left = tuple(crashes)
    if not left:
        return Outcome()
    if status is None:  # the host's death is no fault of theirs
        return Outcome(again=(left,), why="the worker ended with it")
    if status == OUT_OF_MEMORY and len(left) > 1:
        return Outcome(again=_halves(left), why="out of memory; half as many points at once")
    if status >= 0:
        text = f"the process ended with status {status} and left no result"
        return Outcome(tuple(_failed(point, "ProcessEnded", text) for point in left))
    lost = tuple(point for point in left if crashes[point] >= CRASHES)
    again = tuple(point for point in left if point not in lost)
    events = [("crashed", point, {"signal": -status}) for point in left]
    events += [_failed(point, "ProcessKilled", _death(-status)) for point in lost]
    perhaps_memory = status == -signal.SIGKILL and len(again) > 1
    return Outcome(tuple(events), _halves(again) if perhaps_memory else (again,) if again else (), _death(-status))


def _halves(points: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    middle = len(points) // 2
    return points[:middle], points[middle:]


def _failed(point: int, kind: str, message: str) -> tuple[str, int, dict[str, Any]]:
    return "failed", point, {"type": kind, "message": message, "traceback": ""}


def _death(number: int) -> str:
    if number == signal.SIGKILL:
        return "killed by signal 9: out of memory?"
    known = number in set(signal.Signals)
    return f"killed by signal {number}" + (f" ({signal.Signals(number).name})" if known else "")
