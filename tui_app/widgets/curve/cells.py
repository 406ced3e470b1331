"""A heat map in cells: a row for each series, a coloured field with its value for each category."""

import math

from rich.cells import cell_len

from engine.figures.cells import ink, shade, words
from engine.figures.figure import Figure
from tui_app.text import clean
from tui_app.widgets.curve.axes import Axis
from tui_app.widgets.curve.frame import RGB, Frame
from tui_app.widgets.units import shortened

TALLEST = 3  # lines of a row
SHARE = 0.4  # of the width that names may take


def row_axis(figure: Figure, width: int, lines: int) -> Axis:
    """An axis with a place for each row that the lines hold, the first at the top, under its name."""
    tall = _tall(figure, lines)
    shown = figure.rows[: max(1, lines // tall)]
    room = max(4, int(SHARE * width))
    names = tuple(shortened(clean(one.name), room) for one in shown)
    cells = tuple(lines - 1 - (i * tall + (tall - 1) // 2) for i in range(len(shown)))
    plain = all(cell_len(name) == len(name) for name in names)
    labels = names if plain else tuple(str(i + 1) for i in range(len(shown)))
    return Axis(0.0, float(max(1, lines)), False, float(max(1, lines)), tuple(map(float, cells)), labels, cells)


def draw_cells(frame: Frame) -> None:
    """Fields in the colours of their values, which stand in the middle of them."""
    figure = frame.view.figure
    if not figure.rows:
        return
    tall, apart = _tall(figure, frame.lines), _apart(frame)
    wide = apart - 1
    write = words(figure, wide)
    places = {round(place): cell for place, cell in zip(frame.x.ticks, frame.x.cells, strict=True)}
    for i, series in enumerate(figure.rows[: len(frame.y.cells)]):
        for x, value in zip(series.x, series.y, strict=True):
            if round(x) in places and math.isfinite(value):
                left = frame.left + places[round(x)] - wide // 2
                _fill(frame, left, range(i * tall, min((i + 1) * tall, frame.lines)), wide, shade(figure, value))
                frame.write(left, i * tall + (tall - 1) // 2, write(value).center(wide), ink(shade(figure, value)))


def _fill(frame: Frame, left: int, rows: range, wide: int, ground: RGB) -> None:
    for row in rows:
        for column in range(max(frame.left, left), min(left + wide, frame.view.width)):
            frame.grounds[column, row] = ground


def _tall(figure: Figure, lines: int) -> int:
    return max(1, min(TALLEST, lines // max(1, len(figure.rows))))


def _apart(frame: Frame) -> int:
    """Columns from one category to the next."""
    cells = frame.x.cells
    return cells[1] - cells[0] if len(cells) > 1 else frame.columns
