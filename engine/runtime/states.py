"""`want`, and what state a run is in. Both are level-triggered: they survive crashes and repeats."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Literal, get_args

from engine.runtime.files import read_private, replace
from engine.runtime.records import PointRecord, RunState

Want = Literal["run", "pause", "cancel"]
SAME_ERRORS = 3


def write_want(directory: Path, want: Want) -> None:
    """Whoever may write here may wish; the driver follows."""
    replace(directory / "want", f"{want}\n".encode())


def read_want(directory: Path) -> Want:
    """`run` where nobody has said otherwise."""
    try:
        text = read_private(directory / "want").decode(errors="replace").strip()
    except OSError:
        return "run"
    return next((want for want in get_args(Want) if want == text), "run")


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
