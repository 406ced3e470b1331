"""The line above the plot: which glyph is which curve, or what every curve is worth at the cursor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.figures.figure import Figure, Series
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.text import clean
from tui_app.widgets.curve.frame import RGB
from tui_app.widgets.units import interval, shortened, show

SHORTEST_NAME = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A glyph in its hue, and the text after it."""

    glyph: str
    hue: RGB
    text: str

    @property
    def width(self) -> int:
        """Cells, with the two that keep it from its neighbour."""
        return cell_len(self.glyph) + 1 + cell_len(self.text) + 2


def legend(figure: Figure, width: int) -> list[Entry]:
    """Every curve's glyph and name; the longest names give way first, then the last curves (as `+3`)."""
    entries = [_entry(series, clean(series.name)) for series in figure.series]
    room = max((cell_len(entry.text) for entry in entries), default=0)
    whole = entries
    while room > SHORTEST_NAME and sum(entry.width for entry in entries) - 2 > width:
        room -= 1
        entries = [Entry(e.glyph, e.hue, shortened(e.text, room)) for e in whole]
    return _cut(entries, width)


def readout(figure: Figure, x: float, reach: float, width: int) -> list[Entry]:
    """Every curve's value at `x`, with name and interval where they fit.

    `reach` is how far from x, in x's unit, a point may lie and still be the one meant.
    """
    where = clean(figure.categories[round(x)]) if figure.categories else show(x, figure.x_unit)
    place = Entry(glyphs.sign("cursor"), style(-1).rgb, where)
    entries: list[Entry] = []
    for names, intervals in ((True, True), (False, True), (True, False), (False, False)):
        entries = [place]
        for series in figure.series:
            value = value_at(figure, series, x, reach, intervals)
            entries.append(_entry(series, f"{clean(series.name)} {value}" if names else value))
        if sum(entry.width for entry in entries) <= width + 2:
            return entries
    return _cut(entries, width)


def value_at(figure: Figure, series: Series, x: float, reach: float, sure: bool) -> str:
    """`86.12 % ±0.43` (where `sure`) at the point nearest to x; a dash where no point is within reach."""
    if not series.y:
        return glyphs.sign("dash")
    i = 0 if series.kind == "level" else min(range(len(series.x)), key=lambda k: abs(series.x[k] - x))
    if series.kind != "level" and not abs(series.x[i] - x) <= reach:
        return glyphs.sign("dash")
    text = show(series.y[i], figure.y_unit)
    if sure and series.y_low is not None and series.y_high is not None and math.isfinite(series.y_high[i]):
        text += f" {interval(series.y_low[i], series.y_high[i], figure.y_unit)}"
    return text


def _entry(series: Series, text: str) -> Entry:
    return Entry(glyphs.series(series.slot), style(series.slot).rgb, text)


def _cut(entries: Sequence[Entry], width: int) -> list[Entry]:
    shown = list(entries)
    while shown and sum(entry.width for entry in shown) - 2 + (4 if len(shown) < len(entries) else 0) > width:
        shown.pop()
    hidden = len(entries) - len(shown)
    return [*shown, Entry("", style(-1).rgb, f"+{hidden}")] if hidden else shown
