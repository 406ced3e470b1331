"""A figure as data: what the terminal, PNG, SVG, CSV and JSON are all made from."""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["linear", "log"]
Unit = Literal["number", "percent", "bytes", "seconds"]
BAR_SHARE = 0.8  # of the distance between two categories that their bars fill


Kind = Literal["line", "scatter", "steps", "level", "bar", "cells"]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve. `x`, `y` and the interval bounds have the same length.

    `kind` is "line" (points joined), "scatter" (points alone), "steps" (each value holds until the next: best so far,
    a Pareto front), "level" (one value drawn across the whole axis, as a baseline is), "bar" (an upright from zero,
    in a figure with categories) or "cells" (a row of a heat map: a colour for each category). The interval of steps and
    of a level is shaded. `slot` picks hue and glyph from the palette; it stays with the series in every rendering.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    y_low: tuple[float, ...] | None = None
    y_high: tuple[float, ...] | None = None
    kind: Kind = "line"
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """One labelled place in a figure, such as the chosen point."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Curves with their axes. `key` names the figure in file names and on the command line.

    `x_range` pins the axis to the plan, so that a live curve does not rescale with each point. Where there are
    `categories`, x = 0, 1, 2… stand for them; the bars of several series stand side by side at each. In a heat map all
    series are rows of cells; `signed` values are differences.
    """

    key: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_unit: Unit = "number"
    y_unit: Unit = "number"
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    marks: tuple[Mark, ...] = ()
    caption: str = ""
    categories: tuple[str, ...] = ()
    signed: bool = False

    @property
    def bars(self) -> tuple[Series, ...]:
        """The series drawn as bars, from left to right within a category."""
        return tuple(series for series in self.series if series.kind == "bar")

    @property
    def rows(self) -> tuple[Series, ...]:
        """The rows of a heat map, from the top; none in other figures."""
        return tuple(series for series in self.series if series.kind == "cells")


def bar_span(place: float, i: int, count: int) -> tuple[float, float]:
    """Left and right edge of the bar of series `i` of `count` at the category `place`."""
    width = BAR_SHARE / count
    left = place - BAR_SHARE / 2 + i * width
    return left, left + width
