"""A figure as PNG or SVG, drawn by matplotlib: the same curves, labels, hues and glyphs as on screen."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import (
    FixedLocator,
    Formatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from engine.errors import InputError
from engine.figures.figure import Figure, Scale, Series, Unit, bar_span
from engine.figures.files import whole
from engine.figures.palette import style
from engine.figures.units import in_bytes, in_seconds, ticks_in_bytes

KINDS = (".png", ".svg")
CHARACTERS_ALONG = 75  # what there is room for below the x axis
WRITERS: dict[Unit, Callable[[float], str]] = {
    "number": lambda value: f"{value:g}",
    "percent": lambda value: f"{100 * value:g} %",
    "bytes": in_bytes,
    "seconds": in_seconds,
}
FEW = 8  # places on a logarithmic axis that are all named
LABEL_BOX = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}


def render(figure: Figure, path: Path) -> None:
    """Writes the figure to `path`, whose ending (.png or .svg) says how; complete or not at all.

    Raises InputError where the ending is another or the place cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(f"A figure is written as .png or .svg; {path.name!r} ends in neither.")
    with whole(path) as partial:
        canvas(figure).savefig(partial, format=kind[1:], dpi=160, metadata={"Date": None} if kind == ".svg" else None)


def canvas(figure: Figure) -> Canvas:
    """The matplotlib figure, 7 by 4.4 inches, not tied to any window or global state."""
    page = Canvas(figsize=(7, 4.4), layout="constrained")
    axes = page.add_subplot()
    for series in figure.series:
        if series.kind != "bar":
            _draw(axes, series)
    for i, series in enumerate(figure.bars):
        _draw_bars(axes, series, i, len(figure.bars))
    for mark in figure.marks:
        axes.plot(
            [mark.x], [mark.y], marker="o", markersize=13, fillstyle="none", color="black", linestyle="none", zorder=5
        )
        axes.annotate(
            mark.label, (mark.x, mark.y), xytext=(12, -22), textcoords="offset points", fontsize=9, bbox=LABEL_BOX
        )
    axes.set(
        title=figure.title, xlabel=figure.x_label, ylabel=figure.y_label, xscale=figure.x_scale, yscale=figure.y_scale
    )
    if figure.categories:
        _name_categories(axes, figure.categories)
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
    _format(axes, "y", figure.y_unit, figure.y_scale)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if figure.series:
        axes.legend(frameon=False, fontsize=9)
    if figure.caption:
        page.supxlabel(figure.caption, fontsize=8, color="0.4")
    return page


def _draw(axes: Axes, series: Series) -> None:
    look = style(series.slot)
    if series.kind == "level":
        axes.axhline(series.y[0], color=look.hex, linestyle="--", linewidth=1.2, label=series.name)
        if series.y_low and series.y_high:
            axes.axhspan(series.y_low[0], series.y_high[0], color=look.hex, alpha=0.12, linewidth=0)
        return
    line = "none" if series.kind == "scatter" else "--" if look.hollow else "-"
    crowded = len(series.x) > 60
    axes.plot(
        series.x,
        series.y,
        color=look.hex,
        linestyle=line,
        marker=look.marker,
        markerfacecolor="white" if look.hollow else look.hex,
        markevery=max(1, len(series.x) // 12) if crowded else 1,
        markersize=6,
        linewidth=1.2 if crowded else 1.8,
        drawstyle="steps-post" if series.kind == "steps" else "default",
        label=series.name,
        zorder=1 if series.kind == "steps" else 3,
    )
    _draw_intervals(axes, series, series.x)


def _draw_bars(axes: Axes, series: Series, i: int, count: int) -> None:
    """Bars with the series' marker at their ends, by which they are told apart without hue."""
    look = style(series.slot)
    edges = [bar_span(x, i, count) for x in series.x]
    middles = [(left + right) / 2 for left, right in edges]
    axes.bar(middles, series.y, [right - left for left, right in edges], color=look.hex, alpha=0.75, zorder=2)
    axes.plot(
        middles,
        series.y,
        color=look.hex,
        linestyle="none",
        marker=look.marker,
        markerfacecolor="white" if look.hollow else look.hex,
        markersize=6,
        label=series.name,
        zorder=3,
    )
    _draw_intervals(axes, series, middles)


def _draw_intervals(axes: Axes, series: Series, xs: Sequence[float]) -> None:
    look = style(series.slot)
    if series.y_low and series.y_high:
        below = [max(0.0, y - low) for y, low in zip(series.y, series.y_low, strict=True)]
        above = [max(0.0, high - y) for y, high in zip(series.y, series.y_high, strict=True)]
        axes.errorbar(xs, series.y, yerr=(below, above), fmt="none", ecolor=look.hex, capsize=2.5, linewidth=1)


def _name_categories(axes: Axes, names: Sequence[str]) -> None:
    """The names below their places, slanted where they would touch."""
    axes.set_xlim(-0.5, len(names) - 0.5)
    touching = len(names) * max(map(len, names)) > CHARACTERS_ALONG
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
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: WRITERS[unit](value)))
    elif unit == "percent":
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    elif unit in ("bytes", "seconds"):
        axis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axis.set_major_formatter(_InBytes() if unit == "bytes" else FuncFormatter(lambda value, _: in_seconds(value)))


class _InBytes(Formatter):
    """Sizes with the digits that tell one tick from the next."""

    def __call__(self, value: float, position: int | None = None) -> str:
        """One size, as the cursor's."""
        return in_bytes(value)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All of an axis."""
        return ticks_in_bytes(values)
