"""What state a run is in, from what is recorded and asked for alone."""

from collections.abc import Sequence
from itertools import takewhile

from engine.runtime.records import PointRecord, RunState
from engine.runtime.requests import Want

SAME_ERRORS = 3
STARTING = "starting; what the driver says is in logs/driver.log"
"""The problem of a run until its driver has one of its own, or none."""


def keeps_failing(points: Sequence[PointRecord]) -> bool:
    """Whether the last three points to end failed with one and the same error."""
    ended = sorted((point for point in points if point.ended is not None), key=lambda point: point.ended or 0.0)
    last = ended[-1].error if ended else None
    streak = takewhile(lambda point: point.state == "failed" and _same(point.error, last), reversed(ended))
    return sum(1 for _ in streak) >= SAME_ERRORS


def _same(one: object, other: object) -> bool:
    def key(error: object) -> object:
        return (error.get("type"), error.get("message")) if isinstance(error, dict) else None

    return key(one) is not None and key(one) == key(other)


def settled_state(points: Sequence[PointRecord], want: Want) -> RunState:
    """The state of a run that no driver works on, from what is recorded alone."""
    if all(point.state in ("finished", "failed", "pruned") for point in points):
        anything = not points or any(point.state == "finished" for point in points)
        return "finished" if anything else "failed"
    if want == "cancel":
        return "cancelled"
    if keeps_failing(points):
        return "failed"
    return "paused" if want == "pause" else "interrupted"
