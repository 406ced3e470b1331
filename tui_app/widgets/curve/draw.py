"""A figure drawn into cells. Pure, so that it can run in a thread; plotext is imported with the first drawing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from rich.cells import cell_len

from tui_app import glyphs
from tui_app.widgets.curve.axes import Axis, label_span, plan_axis, value_axis, widened
from tui_app.widgets.curve.bars import draw_bars
from tui_app.widgets.curve.cells import draw_cells, row_axis
from tui_app.widgets.curve.data import scaler, transform
from tui_app.widgets.curve.frame import RGB, Cell, Frame, View, dots
from tui_app.widgets.curve.names import category_axis, label_rows
from tui_app.widgets.curve.points import draw_glyphs
from tui_app.widgets.curve.shade import draw_bands
from tui_app.widgets.curve.strokes import Stroke, strokes

SMALLEST = (14, 3)
TURN = 3  # columns in which one of the curves that share a stretch is seen


def draw(view: View) -> Frame:
    """The figure in cells: y labels on the left, x labels below, the rest is the plot."""
    figure = view.figure
    if figure.categories:
        view = replace(view, log_x=False)
    window = x_window(view)
    rows = label_rows(figure, view.width, view.height)
    lines = max(view.height - 1 - max(1, rows), 1)
    y = row_axis(figure, view.width, lines) if figure.rows else _y_axis(view, window, lines)
    left = max(4, *(len(label) for label in y.labels)) + 1 if y.labels else 5
    columns = max(view.width - left, 1)
    if figure.categories:
        x = category_axis(window, figure.categories, columns, rows)
    else:
        x = plan_axis(window, _places(view), view.log_x, figure.x_unit, columns, dots()[0])
    frame = Frame(view, left, x, y, max(1, rows))
    if view.width >= SMALLEST[0] and view.height >= SMALLEST[1]:
        _draw_axes(frame)
        draw_bars(frame)
        _draw_strokes(frame)
        draw_bands(frame)
        draw_cells(frame)
        _draw_marks(frame, draw_glyphs(frame))
    return frame


def x_window(view: View) -> tuple[float, float]:
    """The visible x range in axis coordinates: of the plan where there is one, else of the data."""
    place = scaler(view.log_x)
    series = [x for series in view.figure.series if series.kind != "level" for x in series.x]
    places = [p for p in map(place, (*(view.figure.x_range or ()), *series)) if math.isfinite(p)]
    low, high = widened(min(places), max(places)) if places else (0.0, 1.0)
    if view.figure.categories:
        low, high = -0.5, len(view.figure.categories) - 0.5
    return low + view.window[0] * (high - low), low + view.window[1] * (high - low)


def _places(view: View) -> list[float]:
    return [x for series in view.figure.series if series.kind != "level" for x in series.x]


def _y_axis(view: View, window: tuple[float, float], lines: int) -> Axis:
    """Around what is in the window; the figure's own range stands unless the reader has zoomed in."""
    place = scaler(view.log_x)
    margin = 1e-9 * (window[1] - window[0])
    values: list[float] = []
    for series in view.figure.series:
        bounds = [series.y, *(bound for bound in (series.y_low, series.y_high) if bound is not None)]
        inside = [window[0] - margin <= place(x) <= window[1] + margin for x in series.x]
        values.extend(y for bound in bounds for y, shown in zip(bound, inside, strict=True) if shown)
        if series.kind == "level":
            values.extend(series.y[:1])
    if view.figure.bars and not view.log_y:
        values.append(0.0)
    given = view.figure.y_range if view.window == (0.0, 1.0) else None
    return value_axis(values, given, view.log_y, view.figure.y_unit, lines, dots()[1])


def _draw_axes(frame: Frame) -> None:
    lines = frame.lines
    upright, corner, along, y_tick, x_tick = "|+-++" if glyphs.plain() else "│└─┤┬"
    for row in range(lines):
        frame.write(frame.left - 1, row, upright)
    for cell, label in zip(frame.y.cells, frame.y.labels, strict=True):
        frame.write(frame.left - 1 - len(label), lines - 1 - cell, label)
        frame.write(frame.left - 1, lines - 1 - cell, y_tick)
    frame.write(frame.left - 1, lines, corner + along * frame.columns)
    for cell, label in zip(frame.x.cells, frame.x.labels, strict=True):
        frame.write(frame.left + cell, lines, x_tick)
        for row, text in enumerate(label.split("\n"), lines + 1):
            start, _ = label_span(cell, len(text), frame.columns)
            frame.write(frame.left + start, row, text)
    _name_x(frame, along)


def _name_x(frame: Frame, along: str) -> None:
    """The x label rests on the axis, in the rightmost stretch between two ticks that holds it."""
    name = f" {frame.view.figure.x_label} "
    if not name.strip() or cell_len(name) != len(name):
        return
    axis = "".join(frame.text[frame.lines])
    start = axis.rfind(along * (len(name) + 2))
    if start > frame.left:
        frame.write(start + 1, frame.lines, name)


def _draw_strokes(frame: Frame) -> None:
    """Curves that share a stretch are drawn apart; of a cell that several want, each gets every other few columns."""
    wanted: dict[Cell, list[tuple[str, RGB]]] = {}
    for lane in strokes(frame):
        for cell, ink in _inked(frame, lane).items():
            wanted.setdefault(cell, []).append(ink)
    for (column, row), inks in wanted.items():
        char, hue = inks[(column // TURN) % len(inks)]
        bar = frame.grounds.get((column, row))
        frame.write(column, row, char, hue if bar is None else frame.view.ground)
    for cell in frame.grounds.keys() - wanted.keys():
        del frame.grounds[cell]  # a filled cell covers its ground


def _inked(frame: Frame, lines: Sequence[Stroke]) -> dict[Cell, tuple[str, RGB]]:
    """The cells that strokes reach, each with its character and hue."""
    if not lines:
        return {}
    from plotext._figure import _figure_class

    plot = _figure_class()
    plot._limit_size(False, False)
    plot.plot_size(frame.columns, frame.lines)
    plot.frame(False)
    plot.theme("clear")
    plot.xlim(frame.x.low, frame.x.high)
    plot.ylim(frame.y.low, frame.y.high)
    for stroke in lines:
        put = plot.plot if stroke.joined else plot.scatter
        xs, ys = ([dot[i] for dot in stroke.dots] for i in (0, 1))
        put(xs, ys, marker=stroke.char if glyphs.plain() else "braille", color=stroke.hue)
    plot.xticks([])
    plot.yticks([])
    plot._set_sizes()
    plot._build_matrix()  # build() would go on to join the cells into one string of escape codes
    cells = plot.monitor.matrix
    found = {}
    for row, column in product(range(frame.lines), range(frame.columns)):
        char = cells.marker[frame.lines - 1 - row][column]
        if char != " ":
            found[frame.left + column, row] = (char, cells.fullground[frame.lines - 1 - row][column])
    return found


def _draw_marks(frame: Frame, put: Mapping[tuple[int, Cell], Cell]) -> None:
    """A marked place is reversed, and named beside it where nothing else is drawn.

    Where its glyph had to stand beside its place (`put`), it is the glyph that is marked.
    """
    figure = frame.view.figure
    for mark in figure.marks:
        cell = frame.cell(transform([mark.x], [mark.y], frame.x.log, frame.y.log)[0])
        if cell is None:
            continue
        its = (one.slot for one in figure.series if (mark.x, mark.y) in zip(one.x, one.y, strict=True))
        cell = next((put[slot, cell] for slot in its if (slot, cell) in put), cell)
        column, row = cell
        frame.marked.add(cell)
        label = f" {mark.label} "
        if cell_len(label) != len(label):
            continue
        starts = (column + 1, column - len(label) // 2, column - len(label))
        for line, start in product((row + 1, row - 1, row), starts):
            end = start + len(label)
            fits = 0 <= line < frame.lines and frame.left <= start and end <= frame.view.width
            if fits and set(frame.text[line][start:end]) == {" "}:
                frame.write(start, line, label, frame.hues[row][column])
                break
