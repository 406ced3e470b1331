"""A figure drawn into cells. Pure, so that it can run in a thread; plotext is imported with the first drawing."""

import math
from dataclasses import replace
from itertools import product

from rich.cells import cell_len

from engine.figures.figure import Series
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.widgets.curve.axes import Axis, category_axis, label_span, plan_axis, value_axis, widened
from tui_app.widgets.curve.bars import draw_bars
from tui_app.widgets.curve.data import Dot, scaler, smooth, transform, unbroken
from tui_app.widgets.curve.frame import Frame, View
from tui_app.widgets.curve.strokes import strokes

SMALLEST = (14, 3)
ALONG = 5  # glyphs on a curve that has no room for one at each point

Cell = tuple[int, int]


def draw(view: View) -> Frame:
    """The figure in cells: y labels on the left, x labels below, the rest is the plot."""
    figure = view.figure
    if figure.categories:
        view = replace(view, log_x=False)
    window = _window(view)
    lines = max(view.height - 2, 1)
    y = _y_axis(view, window, max(1, lines // 2 if lines < 10 else lines // 3))
    left = max(4, *(len(label) for label in y.labels)) + 1
    columns = max(view.width - left, 1)
    if figure.categories:
        x = category_axis(window, figure.categories, columns)
    else:
        x = plan_axis(window, _places(view), view.log_x, figure.x_unit, columns)
    frame = Frame(view, left, x, y)
    if view.width >= SMALLEST[0] and view.height >= SMALLEST[1]:
        _draw_axes(frame)
        draw_bars(frame)
        _draw_strokes(frame)
        for series in figure.series:
            _draw_glyphs(frame, series)
        _draw_marks(frame)
    return frame


def _window(view: View) -> tuple[float, float]:
    """The visible x range in axis coordinates: of the plan where there is one, else of the data."""
    place = scaler(view.log_x)
    series = [x for series in view.figure.series if series.kind != "level" for x in series.x]
    places = [p for p in map(place, (*(view.figure.x_range or ()), *series)) if math.isfinite(p)]
    low, high = widened(min(places), max(places)) if places else (0.0, 1.0)
    if view.figure.categories:
        low, high = -0.5, len(view.figure.categories) - 0.5
    return low + view.window[0] * (high - low), low + view.window[1] * (high - low)


def _places(view: View) -> list[float]:
    return [x for series in view.figure.series if series.kind in ("line", "scatter") for x in series.x]


def _y_axis(view: View, window: tuple[float, float], count: int) -> Axis:
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
    return value_axis(values, given, view.log_y, view.figure.y_unit, count)


def _draw_axes(frame: Frame) -> None:
    lines, (across, down) = frame.lines, frame.dots
    upright, corner, along, y_tick, x_tick = "|+-++" if glyphs.plain() else "│└─┤┬"
    for row in range(lines):
        frame.write(frame.left - 1, row, upright)
    for place, label in zip(frame.y.ticks, frame.y.labels, strict=True):
        row = lines - 1 - frame.y.pixel(place, down * lines) // down
        frame.write(frame.left - 1 - len(label), row, label)
        frame.write(frame.left - 1, row, y_tick)
    frame.write(frame.left - 1, lines, corner + along * frame.columns)
    for place, label in zip(frame.x.ticks, frame.x.labels, strict=True):
        column = frame.x.pixel(place, across * frame.columns) // across
        start, _ = label_span(column, len(label), frame.columns)
        frame.write(frame.left + column, lines, x_tick)
        frame.write(frame.left + start, lines + 1, label)
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
    lines = strokes(frame)
    if not lines:
        return
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
    for row, column in product(range(frame.lines), range(frame.columns)):
        char = cells.marker[frame.lines - 1 - row][column]
        if char != " ":
            frame.write(frame.left + column, row, char, cells.fullground[frame.lines - 1 - row][column])


def _draw_glyphs(frame: Frame, series: Series) -> None:
    """A glyph on each point, or a few along a long curve: hue never tells curves apart alone."""
    if series.kind not in ("line", "scatter"):
        return
    shape = style(series.slot)
    dots = list(unbroken(transform(series.x, series.y, frame.x.log, frame.y.log)))
    if series.kind == "line" and frame.view.smoothing:
        dots = [smooth(stretch, frame.view.smoothing) for stretch in dots]
    cells = [(dot, cell) for stretch in dots for dot in stretch if (cell := frame.cell(dot))]
    if series.kind == "line" and len(cells) > frame.columns // 3:
        cells = _along(frame, cells, series.slot)
    for _, (column, row) in cells:
        frame.write(column, row, glyphs.series(series.slot), shape.rgb)


def _along(frame: Frame, cells: list[tuple[Dot, Cell]], slot: int) -> list[tuple[Dot, Cell]]:
    """The last place, and those next to fixed columns, so that a glyph stays where it is while its curve grows."""
    step = max(1, frame.columns // ALONG)
    stops = range(frame.left + step * (1 + slot % 4) // 5, frame.view.width, step)
    nearest = (next((place for place in cells if place[1][0] >= stop), None) for stop in stops)
    return [*filter(None, nearest), cells[-1]]


def _draw_marks(frame: Frame) -> None:
    """A marked place is reversed, and named beside it where nothing else is drawn."""
    for mark in frame.view.figure.marks:
        cell = frame.cell(transform([mark.x], [mark.y], frame.x.log, frame.y.log)[0])
        if cell is None:
            continue
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
