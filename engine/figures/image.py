"""A figure as PNG or SVG, drawn by matplotlib: the same curves, labels, hues and glyphs as on screen."""

import math
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import (
    FixedLocator,
    Formatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)
from matplotlib.transforms import offset_copy

from engine.errors import InputError
from engine.figures.escape import drawn
from engine.figures.figure import Figure, Scale, Series, Unit, bar_span
from engine.figures.files import whole
from engine.figures.image_cells import draw_cells
from engine.figures.lanes import lanes, side_by_side
from engine.figures.look import Look
from engine.figures.palette import HATCHES, style
from engine.figures.units import in_bytes, in_seconds, ticks_in_bytes

KINDS = (".png", ".svg")
ALONG, SMALL_ALONG = 10.7, 15.5  # characters in an inch, of labels and of the caption
LONGEST_NAME = 40  # characters of a line of the legend
LONGEST_CATEGORY = 24
ROWS_ABOVE = 3  # a legend that takes more lies beside the plot
BESIDE = 1.2  # line widths between curves that share a stretch
WRITERS: dict[Unit, Callable[[float], str]] = {
    "number": lambda value: f"{value:g}",
    "percent": lambda value: f"{100 * value:g} %",
    "bytes": in_bytes,
    "seconds": in_seconds,
}
DECADES = 3  # of a logarithmic axis that are divided
FEW = 8  # places on a logarithmic axis that are all named
LABEL_BOX = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}


def render(figure: Figure, path: Path, shown: Look | None = None, kind: str = "") -> None:
    """Writes the figure to `path`, whose ending (.png or .svg) says how unless `kind` does; complete or not at all.

    Raises InputError where the ending is another or the place cannot be written.
    """
    kind = kind or path.suffix.lower()
    if kind not in KINDS:
        raise InputError(f"A figure is written as .png or .svg; {path.name!r} ends in neither.")
    shown = shown or Look()
    metadata = {"Date": None} if kind == ".svg" else None
    with whole(path) as partial, _plain():
        canvas(figure, shown).savefig(partial, format=kind[1:], dpi=shown.dpi, metadata=metadata)


def _plain() -> Any:
    """A context in which dollars in a name are dollars."""
    return rc_context({"text.parse_math": False})


def canvas(figure: Figure, shown: Look | None = None) -> Canvas:
    """The matplotlib figure, not tied to any window or global state."""
    with _plain():
        return _canvas(figure, shown or Look())


def _canvas(figure: Figure, shown: Look) -> Canvas:
    page = Canvas(figsize=(shown.width, shown.height), layout="constrained")
    axes = page.add_subplot()
    handles: list[Any] = []
    for series, lane in zip(figure.series, lanes(figure), strict=True):
        if series.kind == "cells":
            continue
        if series.kind == "bar":
            handles.append(_draw_bars(axes, series, figure.bars.index(series), len(figure.bars)))
        else:
            handles.append(_draw(page, axes, series, lane))
    for i, mark in enumerate(figure.marks):
        axes.plot(
            [mark.x], [mark.y], marker="o", markersize=13, fillstyle="none", color="black", linestyle="none", zorder=5
        )
        axes.annotate(
            drawn(mark.label),
            (mark.x, mark.y),
            xytext=(12, -22 - 14 * i),
            textcoords="offset points",
            fontsize=9,
            bbox=LABEL_BOX,
        )
    title = figure.title if shown.title is None else shown.title
    axes.set(xlabel=drawn(figure.x_label), ylabel=drawn(figure.y_label), xscale=figure.x_scale, yscale=figure.y_scale)
    axes.set_title(_folded(drawn(title), int(ALONG * shown.width)))
    if figure.categories:
        _name_categories(axes, _short([drawn(name) for name in figure.categories]), shown.width)
    elif figure.x_range:
        axes.set_xlim(*_with_margin(figure.x_range, figure.x_scale))
    if figure.y_range:
        axes.set_ylim(*figure.y_range)
    if not figure.categories:
        _format(axes, "x", figure.x_unit, figure.x_scale)
        measured = sorted({x for one in figure.series if one.kind != "level" for x in one.x})
        if figure.x_scale == "log" and 1 < len(measured) <= FEW:
            axes.xaxis.set_major_locator(FixedLocator(measured))
        counted = figure.x_unit == "number" and all(float(x).is_integer() for one in figure.series for x in one.x)
        if counted and figure.x_scale == "linear":  # there is no trial 2.5
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if figure.rows:
        draw_cells(axes, figure)
    else:
        _format(axes, "y", figure.y_unit, figure.y_scale)
        axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(handles) > 1 or (handles and not figure.bars):
        _explain(page, handles, [drawn(one.name) for one in figure.series], shown.width)
    if figure.caption:
        page.supxlabel(_folded(drawn(figure.caption), int(SMALL_ALONG * shown.width)), fontsize=8, color="0.4")
    return page


def _explain(page: Canvas, handles: Sequence[Any], names: Sequence[str], width: float) -> None:
    """The legend beside or above the plot, never over a curve."""
    folded = [_folded(name, LONGEST_NAME) for name in names]
    longest = max(max(map(len, name.split("\n"))) for name in folded)
    columns = max(1, min(len(names), int(SMALL_ALONG * width * 0.8) // (longest + 6)))
    above = math.ceil(len(names) / columns) <= ROWS_ABOVE
    placed = {"loc": "outside upper center", "ncols": columns} if above else {"loc": "outside right upper"}
    legend = page.legend(handles, ["-"] * len(handles), frameon=False, fontsize=8.5, **placed)
    for text, name in zip(legend.get_texts(), folded, strict=True):
        text.set_text(name)  # given as labels, those that begin with an underscore would be left out


def _short(names: Sequence[str]) -> list[str]:
    """Names cut in the middle to what leaves room for the plot, unless that would make two the same."""
    half = LONGEST_CATEGORY // 2
    cut = [name if len(name) <= LONGEST_CATEGORY else f"{name[:half]}…{name[1 - half :]}" for name in names]
    return cut if len(set(cut)) == len(set(names)) else list(names)


def _folded(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, max(8, width))) if text else ""


def _draw(page: Canvas, axes: Axes, series: Series, lane: int) -> Any:
    """One curve; returns what stands for it in the legend. Curves that share a stretch lie side by side."""
    look = style(series.slot)
    if series.kind == "level":
        line = axes.axhline(series.y[0] if series.y else math.nan, color=look.hex, linestyle="--", linewidth=1.2)
        if series.y_low and series.y_high:
            axes.axhspan(series.y_low[0], series.y_high[0], color=look.hex, alpha=0.12, linewidth=0)
        return line
    crowded = len(series.x) > 60
    front = series.kind == "steps" and series.slot < 0
    width = 1.2 if crowded or front else 1.8
    (line,) = axes.plot(
        series.x,
        series.y,
        color=look.hex,
        linestyle="none" if series.kind == "scatter" else "--" if look.hollow else "-",
        marker=look.marker,
        markerfacecolor="white" if look.hollow else look.hex,
        markevery=max(1, len(series.x) // 12) if crowded else 1,
        markersize=6,
        linewidth=width,
        drawstyle="steps-post" if series.kind == "steps" else "default",
        zorder=1 if front else 3,
    )
    if lane:
        line.set_transform(
            offset_copy(line.get_transform(), page, y=side_by_side(lane) * width * BESIDE, units="points")
        )
    if series.kind == "steps" and series.y_low and series.y_high:
        axes.fill_between(series.x, series.y_low, series.y_high, step="post", color=look.hex, alpha=0.12, linewidth=0)
    else:
        _draw_intervals(axes, series, series.x)
    return line


def _draw_bars(axes: Axes, series: Series, i: int, count: int) -> Any:
    """Bars, told apart by their hatching without hue; returns what stands for them in the legend."""
    look = style(series.slot)
    edges = [bar_span(x, i, count) for x in series.x]
    middles = [(left + right) / 2 for left, right in edges]
    widths = [right - left for left, right in edges]
    drawn_bars = axes.bar(
        middles, series.y, widths, color=look.hex, hatch=HATCHES[i % len(HATCHES)], edgecolor="white", linewidth=0.5
    )
    _draw_intervals(axes, series, middles, "0.15")
    return drawn_bars


def _draw_intervals(axes: Axes, series: Series, xs: Sequence[float], color: str = "") -> None:
    if series.y_low and series.y_high:
        below = [max(0.0, y - low) for y, low in zip(series.y, series.y_low, strict=True)]
        above = [max(0.0, high - y) for y, high in zip(series.y, series.y_high, strict=True)]
        ink = color or style(series.slot).hex
        axes.errorbar(xs, series.y, yerr=(below, above), fmt="none", ecolor=ink, capsize=2.5, linewidth=1)


def _name_categories(axes: Axes, names: Sequence[str], width: float) -> None:
    """The names below their places, slanted where they would touch."""
    axes.set_xlim(-0.5, len(names) - 0.5)
    touching = len(names) * max(map(len, names)) > ALONG * width
    axes.set_xticks(
        range(len(names)),
        names,
        rotation=35 if touching else 0,
        horizontalalignment="right" if touching else "center",
        rotation_mode="anchor",
    )


def _with_margin(ends: tuple[float, float], scale: Scale) -> tuple[float, float]:
    low, high = ends
    if scale == "log":
        margin = (high / low) ** 0.04
        return low / margin, high * margin
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _format(axes: Axes, which: str, unit: Unit, scale: Scale) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    if scale == "log":
        low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
        decades = math.log10(high / low) if low > 0 else 1.0
        axis.set_major_locator(LogLocator(subs=(1,) if decades > DECADES else (1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: WRITERS[unit](value)))
    elif unit == "percent":
        axis.set_major_formatter(_InPercent())
    elif unit in ("bytes", "seconds"):
        axis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axis.set_major_formatter(_InBytes() if unit == "bytes" else FuncFormatter(lambda value, _: in_seconds(value)))


class _InPercent(Formatter):
    """Shares with just the digits that tell one tick from the next: `90 %`, `87.5 %`."""

    def __call__(self, value: float, position: int | None = None) -> str:
        """One share, as the cursor's."""
        return f"{100 * value:g} %"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All of an axis."""
        shares = [100 * value for value in values]
        digits = next((d for d in range(6) if all(abs(one - round(one, d)) < 1e-6 for one in shares)), 6)
        return [f"{one:.{digits}f} %" for one in shares]


class _InBytes(Formatter):
    """Sizes with the digits that tell one tick from the next."""

    def __call__(self, value: float, position: int | None = None) -> str:
        """One size, as the cursor's."""
        return in_bytes(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All of an axis."""
        return ticks_in_bytes(values)
