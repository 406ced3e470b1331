"""What a file of curves offers to choose from, and which columns are steps, times and values by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (
    "step",
    "global step",
    "train/global step",
    "iteration",
    "iterations",
    "iter",
    "trial",
    "epoch",
    "",
    "unnamed: 0",
)
"""Columns that count, the likeliest first; the last two are the index that pandas writes."""
TIMES = frozenset(("wall time", "time", "timestamp", "date", "datetime", "relative time"))
ROWS = "row number"
"""The steps of a table that has no column for them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Curves by name and columns that may be their steps; `value` and `step` are those meant, None where it is unclear.

    A file that records steps with each value has no `steps` to choose.
    """

    values: tuple[str, ...]
    value: str | None
    steps: tuple[str, ...] = ()
    step: str | None = None


def offer(columns: Sequence[str], x_label: str, y_label: str, step: str | None = None) -> Offer:
    """Which of a table's columns of numbers are meant beside a figure with these axes; `step` is known already."""
    if step is None:
        step = _step(columns, x_label)
    others = [name for name in columns if name != step]
    measured = [name for name in others if _plain(name) not in (*STEPS, *TIMES)] or others
    bounds = {f"{name}__{end}" for name in measured for end in ("MIN", "MAX")}  # as Weights & Biases writes them
    values = [name for name in measured if name not in bounds]
    return Offer(tuple(values), meant(values, y_label), (*columns, ROWS), step)


def meant(values: Sequence[str], y_label: str) -> str | None:
    """The only one, or the only one called as the axis or as its last word: `Test accuracy`, `accuracy`."""
    label = _plain(y_label)
    called = [name for name in values if _plain(name) in (label, label.rpartition(" ")[2])]
    only = values if len(values) == 1 else called
    return only[0] if len(only) == 1 else None


def counts(step: str) -> bool:
    """Whether a column of this name counts steps."""
    return step == ROWS or _plain(step) in STEPS


def _step(columns: Sequence[str], x_label: str) -> str | None:
    if len(columns) == 1:
        return ROWS
    plain = {_plain(name): name for name in reversed(columns)}
    return next((plain[name] for name in (_plain(x_label), *STEPS) if name in plain), None)


def _plain(name: str) -> str:
    """`Global_Step` as `global step`, `Width (bits)` as `width`."""
    return re.sub(r"[_\s-]+|\(.*\)", " ", name).strip().casefold()
