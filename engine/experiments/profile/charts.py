"""Bars, which most studies of `profile` draw."""

from collections.abc import Mapping, Sequence
from typing import Literal

from engine.figures.figure import Figure, Series
from engine.tasks.metric import Bounded


def bars(
    key: str,
    title: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[Bounded | float | None]],
    *,
    y_label: str,
    y_unit: Literal["number", "percent", "bytes", "seconds"] = "seconds",
    caption: str = "",
) -> Figure:
    """Bars side by side over named places: for each series a value per place, with its interval; None has no bar."""
    drawn = []
    for slot, (name, values) in enumerate(series.items()):
        there = [
            (float(x), value if isinstance(value, Bounded) else Bounded(value, value, value))
            for x, value in enumerate(values)
            if value is not None
        ]
        spread = any(bar.low < bar.high for _, bar in there)
        y, low, high = (tuple(bar[part] for _, bar in there) for part in range(3))
        drawn.append(
            Series(name, tuple(x for x, _ in there), y, low if spread else None, high if spread else None, "bar", slot)
        )
    return Figure(
        key=key,
        title=title,
        x_label="",
        y_label=y_label,
        series=tuple(one for one in drawn if one.x),
        y_unit=y_unit,
        caption=caption,
        categories=tuple(names),
    )
