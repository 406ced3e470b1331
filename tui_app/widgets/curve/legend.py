"""The lines above the plot: which glyph is which curve, or what every curve is worth at the cursor."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from engine.figures.cells import limits, shade
from engine.figures.figure import Figure, Series
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.text import clean
from tui_app.widgets.curve.frame import RGB
from tui_app.widgets.units import interval, shortened, show

SHORTEST_NAME = 12
MOST = 4  # lines


@dataclass(frozen=True, slots=True)
class Entry:
    """A glyph in its hue, and the text after it. `series` is the number of its curve in the figure, where it has one.

    One that is `hidden` is shown without hue.
    """

    glyph: str
    hue: RGB
    text: str
    series: int | None = None
    hidden: bool = False

    @property
    def width(self) -> int:
        """Cells, with the two that keep it from its neighbour."""
        return cell_len(self.glyph) + bool(self.glyph) + cell_len(self.text) + 2


Lines = list[list[Entry]]


def lines_for(height: int) -> int:
    """How many lines a legend may take in a widget of this height."""
    return max(1, min(MOST, height // 4))


def legend(figure: Figure, width: int, most: int, hidden: Collection[int] = (), *, numbered: bool = False) -> Lines:
    """Every curve's glyph and name, whole, in at most so many lines.

    Only where they do not fit are the longest names cut, and then the last curves left out (as `+3`). `numbered` adds
    what the numbers of the categories stand for.
    """
    names = [clean(series.name) for series in figure.series]
    entries = [
        Entry(_glyph(figure, series), style(series.slot).rgb, name, i, i in hidden)
        for i, (series, name) in enumerate(zip(figure.series, names, strict=True))
    ]
    if figure.rows:  # their names stand beside them
        entries = [Entry(glyphs.bar_fill(0), shade(figure, end), show(end, figure.y_unit)) for end in limits(figure)]
    if numbered:
        entries += [Entry(str(i), style(-1).rgb, clean(name)) for i, name in enumerate(figure.categories, 1)]
    room = max((cell_len(entry.text) for entry in entries), default=0)
    lines = _wrapped(entries, width)
    while len(lines) > most and room > SHORTEST_NAME:
        room -= 1
        lines = _wrapped([replace(entry, text=shortened(entry.text, room)) for entry in entries], width)
    return _cut(lines, width, most)


def readout(figure: Figure, x: float, reach: float, width: int, most: int) -> Lines:
    """Every curve's value at `x`, with name and interval where they fit; `series` counts the curves of this figure.

    `reach` is how far from x, in x's unit, a point may lie and still be the one meant.
    """
    where = clean(figure.categories[round(x)]) if figure.categories else show(x, figure.x_unit)
    place = Entry(glyphs.sign("cursor"), style(-1).rgb, where)
    lines: Lines = []
    for names, intervals in ((True, True), (False, True), (True, False), (False, False)):
        entries = [place]
        for i, series in enumerate(figure.series):
            value = value_at(figure, series, x, reach, intervals)
            text = f"{clean(series.name)} {value}" if names else value
            entries.append(Entry(_glyph(figure, series), style(series.slot).rgb, text, i))
        lines = _wrapped(entries, width)
        if len(lines) <= most:
            return lines
    return _cut(lines, width, most)


def value_at(figure: Figure, series: Series, x: float, reach: float, sure: bool) -> str:
    """`86.12 % ±0.43` (where `sure`) at the point nearest to x; a dash where no point is within reach.

    Steps hold their value from one point to the next.
    """
    if not series.y:
        return glyphs.sign("dash")
    if series.kind == "level":
        i = 0
    elif series.kind == "steps" and min(series.x) <= x <= max(series.x):
        i = max((k for k in range(len(series.x)) if series.x[k] <= x), key=lambda k: series.x[k])
    else:
        i = min(range(len(series.x)), key=lambda k: abs(series.x[k] - x))
        if not abs(series.x[i] - x) <= reach:
            return glyphs.sign("dash")
    text = show(series.y[i], figure.y_unit)
    if sure and series.y_low is not None and series.y_high is not None and math.isfinite(series.y_high[i]):
        text += f" {interval(series.y_low[i], series.y_high[i], figure.y_unit)}"
    return text


def entry_at(lines: Lines, column: int, row: int) -> Entry | None:
    """The entry that a click meets; the first cell of a line is empty."""
    start = 1
    for entry in lines[row] if row < len(lines) else ():
        if start <= column < start + entry.width - 2:
            return entry
        start += entry.width
    return None


def _glyph(figure: Figure, series: Series) -> str:
    if series.kind == "bar":
        return glyphs.bar_fill(figure.bars.index(series))
    if series.slot >= 0:
        return glyphs.series(series.slot)
    return glyphs.sign("level" if series.kind == "level" else "front")


def _wrapped(entries: Sequence[Entry], width: int) -> Lines:
    """Entries in lines, as many in each as fit."""
    lines: Lines = []
    left = 0
    for entry in entries:
        if not lines or entry.width - 2 > left:
            lines.append([])
            left = width
        lines[-1].append(entry)
        left -= entry.width
    return lines


def _cut(lines: Lines, width: int, most: int) -> Lines:
    """At most so many lines, none longer than the width; what is left out is counted at the end."""
    shown = [list(line) for line in lines[:most]]
    for line in shown:
        if len(line) == 1 and line[0].width - 2 > width:
            line[0] = replace(line[0], text=shortened(line[0].text, max(1, width - 2)))
    hidden = sum(map(len, lines[most:]))
    while hidden and shown[-1] and sum(entry.width for entry in shown[-1]) + len(str(hidden)) + 1 > width:
        shown[-1].pop()
        hidden += 1
    if hidden:
        shown[-1].append(Entry("", style(-1).rgb, f"+{hidden}"))
    return shown
