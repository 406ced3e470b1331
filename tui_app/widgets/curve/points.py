"""Glyphs on curves: hue never tells curves apart alone, and no glyph hides another."""

from bisect import bisect_right

from engine.figures.figure import Series
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.widgets.curve.data import Dot, smooth, transform, unbroken
from tui_app.widgets.curve.frame import Cell, Frame

ALONG = 5  # glyphs on a curve that has no room for one at each point
BESIDE = (0, 1, -1, 2, -2)  # columns from its place that a glyph may be moved


def draw_glyphs(frame: Frame) -> dict[tuple[int, Cell], Cell]:
    """A glyph on each point, or a few along a curve that is long or holds its values.

    Gives the cells of the glyphs by slot and by the cell that each belongs in.
    """
    taken: dict[Cell, int] = {}
    put: dict[tuple[int, Cell], Cell] = {}
    for series in frame.view.figure.series:
        for column, row in _places(frame, series):
            free = ((column + step, row) for step in BESIDE if frame.left <= column + step < frame.view.width)
            cell = next((cell for cell in free if taken.get(cell, series.slot) == series.slot), (column, row))
            taken[cell], put[series.slot, (column, row)] = series.slot, cell
    for (column, row), slot in taken.items():
        frame.write(column, row, glyphs.series(slot), style(slot).rgb)
    return put


def _places(frame: Frame, series: Series) -> list[Cell]:
    if series.kind == "steps":
        return _held(frame, series) if series.slot >= 0 else []
    if series.kind not in ("line", "scatter"):
        return []
    stretches = list(unbroken(transform(series.x, series.y, frame.x.log, frame.y.log)))
    if series.kind == "line" and frame.view.smoothing:
        stretches = [smooth(stretch, frame.view.smoothing) for stretch in stretches]
    cells = [cell for stretch in stretches for dot in stretch if (cell := frame.cell(dot))]
    if series.kind == "line" and len(cells) > frame.columns // 3:
        nearest = (next((cell for cell in cells if cell[0] >= stop), None) for stop in _stops(frame, series.slot))
        return [*filter(None, nearest), cells[-1]]
    return cells


def _held(frame: Frame, series: Series) -> list[Cell]:
    """Along steps: at fixed columns, wherever the curve holds a value there, and at its end."""
    dots = [dot for stretch in unbroken(transform(series.x, series.y, frame.x.log, frame.y.log)) for dot in stretch]
    if not dots:
        return []
    xs = [x for x, _ in dots]
    wide = (frame.x.high - frame.x.low) / max(1, frame.columns)
    found: list[Dot] = []
    for stop in _stops(frame, series.slot):
        x = frame.x.low + (stop - frame.left + 0.5) * wide
        if xs[0] <= x <= xs[-1]:
            found.append((x, dots[bisect_right(xs, x) - 1][1]))
    return [cell for dot in (*found, dots[-1]) if (cell := frame.cell(dot))]


def _stops(frame: Frame, slot: int) -> range:
    """The columns, other ones for each slot, so that a glyph stays where it is while its curve grows."""
    step = max(1, frame.columns // ALONG)
    return range(frame.left + step * (1 + slot % 4) // 5, frame.view.width, step)
