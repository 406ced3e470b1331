"""The widget: shows one of several figures, and answers the mouse; its keys are in `keys.py`."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from textual import events
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from engine.errors import InputError
from engine.figures.figure import Figure
from tui_app.actions import bindings
from tui_app.controller import Adopting
from tui_app.text import clean
from tui_app.widgets.curve.controls import Controls
from tui_app.widgets.curve.cursor import narrowed, point_near, share_at
from tui_app.widgets.curve.drawing import SECONDS_BETWEEN, Drawing
from tui_app.widgets.curve.frame import Frame, View
from tui_app.widgets.curve.inks import Inks
from tui_app.widgets.curve.keys import CurveKeys
from tui_app.widgets.curve.legend import Lines, entry_at, legend, lines_for, readout
from tui_app.widgets.curve.names import label_rows
from tui_app.widgets.curve.paint import Paint, changed, heading_strip, row_strip, said_strip
from tui_app.widgets.curve.picture import Pictures
from tui_app.widgets.pane import Pane

WHEEL = 0.8  # of the window that a turn of the wheel leaves
DRAGGED = 2  # columns that make a click a selection


class CurveView(Adopting, Widget, can_focus=True):
    """Figures drawn with plotext in a thread: one drawing in flight, none while hidden, unchanged cells untouched.

    The first lines are the legend or, once the cursor has moved, every curve's value there. A view inside a pane writes
    its figure's title into the frame unless `titled` is false. `drawings` counts what was drawn; `frame` was drawn last
    in cells.
    """

    BINDINGS = bindings("curve")
    COMPONENT_CLASSES = {"curve--axis", "curve--cursor", "curve--alarm"}
    DEFAULT_CSS = """
    CurveView { height: 1fr; min-height: 5; }
    CurveView > .curve--axis { color: $muted; }
    CurveView > .curve--alarm { color: $error; text-style: bold; }
    CurveView > .curve--cursor { background: $surface-lighten-3; }
    """
    HELP = (
        "A figure. m shows the next one, ← → move a cursor that reads out every curve with its 95 % interval, "
        "+ - 0 and the wheel zoom, dragging zooms to a range, a and A turn the axes logarithmic, s and S smooth, "
        "H or a click on its name in the legend hides curves, I shows a real picture where the terminal can."
    )

    cursor: reactive[float | None] = reactive(None)

    def __init__(
        self, *, placeholder: str = "", titled: bool = True, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder, self._alarm = placeholder, False
        self.titled = titled
        self.controls = Controls()
        self.drawings = 0
        self.frame: Frame | None = None
        self._lines: Lines = [[]]
        self._strips: dict[int, Strip] = {}
        self._inks = Inks(self)
        self._drag: tuple[int, int] | None = None
        self.pictures = Pictures(self, self.controls)
        self.drawing = Drawing(self, self._begin, lambda: self.pictures.wanted and not self.pictures.due)
        self._keys = self.adopt(CurveKeys(self))

    # What is shown

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures."""
        return self.controls.figures

    @property
    def figure(self) -> Figure | None:
        """The figure in view."""
        return self.controls.figure

    def set_figures(self, figures: Sequence[Figure], front: str = "") -> None:
        """Takes new data; the figure with the same key stays in view, or the one called `front` comes into it.

        What changed is drawn with the next tick.
        """
        if tuple(figures) == self.figures:
            return
        if self.controls.take(figures, front):
            self.cursor = None
            self.drawing.now()
            self.refresh_bindings()
        else:
            self.drawing.stale = True

    def say(self, text: str, *, alarm: bool = False) -> None:
        """What stands where nothing can be drawn, whole; `alarm` for what went wrong."""
        if (text, alarm) != (self.placeholder, self._alarm):
            self.placeholder, self._alarm = text, alarm
            self._strips.clear()
            self.refresh()

    # Drawing

    def on_mount(self) -> None:
        self.set_interval(SECONDS_BETWEEN, self.drawing.if_stale)
        self.drawing.stale = True

    def on_resize(self) -> None:
        self.drawing.now()

    def on_show(self) -> None:
        self.drawing.if_stale()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.clear()
        self._strips.clear()
        self.drawing.stale = True

    def _begin(self) -> Callable[[], Awaitable[None]] | None:
        """The work of drawing the figure as it now is; None where there is nothing to draw, which is shown."""
        self._name_pane()
        figure, whole = self.controls.visible, self.controls.figure
        if self.pictures.wanted and figure is not None and figure.series:
            return partial(self._draw_picture, figure)
        if figure is None or whole is None or not any(series.y for series in whole.series if series.kind != "level"):
            self._show(None, [[]])
            return None
        controls, ground = self.controls, self.background_colors[1].rgb
        width, height = self.size.width, self.size.height
        numbered = not label_rows(figure, width, height - 1)
        lines = legend(whole, width - 1, lines_for(height), controls.hidden, numbered=numbered)
        height -= len(lines)
        view = View(figure, width, height, ground, controls.smoothing, *controls.logs, controls.window)
        return partial(self._draw, view, lines)

    async def _draw(self, view: View, lines: Lines) -> None:
        self._show(await self.drawing.frame(view), lines)

    async def _draw_picture(self, figure: Figure) -> None:
        try:
            await self.pictures.draw(figure)
        except InputError as error:
            self.controls.picture, self.drawing.stale = False, True
            self.notify(str(error), severity="error", markup=False)
        self.drawings += 1
        self._strips.clear()
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """As always, or of a picture in sixels all at once."""
        return self.pictures.lines(crop) if self.pictures.in_sixels else super().render_lines(crop)

    def _show(self, frame: Frame | None, lines: Lines) -> None:
        before, self.frame = (None if self.pictures.shown else self.frame), frame
        self.pictures.show(None)
        headed, self._lines = self._lines, lines
        self.drawings += 1
        self._strips.clear()
        if frame is None or before is None or before.view.size != frame.view.size or len(lines) != len(headed):
            self.refresh()
            return
        top = len(lines)
        spans = [Region(x, y + top, width, 1) for x, y, width in changed(before, frame)]
        if headed != lines or (self.cursor is not None and before.view.figure.series != frame.view.figure.series):
            spans.append(Region(0, 0, self.size.width, top))
        if spans:
            self.refresh(*spans)

    def _name_pane(self) -> None:
        if self.titled and isinstance(self.parent, Pane):
            title = clean(self.figure.title) if self.figure else self.parent.label
            self.parent.title(title, self.controls.words)

    def render_line(self, y: int) -> Strip:
        """The legend, then the frame's rows."""
        if self.pictures.shown is not None:
            return self.pictures.shown.row(y).adjust_cell_length(self.size.width)
        if y not in self._strips:
            top = len(self._lines)
            self._strips[y] = self._heading(y) if y < top else self._row(y - top)
        return self._strips[y]

    def _heading(self, line: int) -> Strip:
        width, frame = self.size.width, self.frame
        if frame is None:
            return Strip.blank(width, self.rich_style)
        lines = self._headings(frame)
        return heading_strip(lines[line] if line < len(lines) else [], width, self._inks.style, self.rich_style)

    def _headings(self, frame: Frame) -> Lines:
        """The legend, or what every curve is worth at the cursor."""
        if self.cursor is None:
            return self._lines
        reach, room = frame.reach(self.cursor), self.size.width - 1
        return readout(frame.view.figure, self.cursor, reach, room, len(self._lines))

    def _row(self, row: int) -> Strip:
        frame, width = self.frame, self.size.width
        if frame is not None and row < frame.view.height:
            strip = row_strip(frame, row, self._chosen(frame), self._inks.style)
            return strip.adjust_cell_length(width, self.rich_style)
        if frame is not None or self.drawing.busy:
            return Strip.blank(width, self.rich_style)
        alarm = self.get_component_rich_style("curve--alarm") if self._alarm else None
        return said_strip(self.placeholder, row, self.size, self._inks.style(Paint()), self.rich_style, alarm)

    def _chosen(self, frame: Frame) -> range:
        """The columns that are dragged over, else that of the cursor."""
        if self._drag is not None:
            return range(min(self._drag), max(self._drag) + 1)
        column = None if self.cursor is None else frame.column(self.cursor)
        return range(0) if column is None else range(column, column + 1)

    def watch_cursor(self, before: float | None, after: float | None) -> None:
        """Repaints two columns and the first lines; nothing is drawn again."""
        if self.frame is None:
            return
        columns = [self.frame.column(value) for value in (before, after) if value is not None]
        self._repaint(*(range(column, column + 1) for column in columns if column is not None), heading=True)

    def _repaint(self, *columns: range, heading: bool = False) -> None:
        top = len(self._lines)
        spans = [Region(one.start, top, len(one), self.size.height - top) for one in columns]
        self._strips.clear()
        self.refresh(*([Region(0, 0, self.size.width, top)] if heading else []), *spans)

    # The mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._keys.zoom(WHEEL, event.x)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._keys.zoom(1 / WHEEL, event.x)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        inside = self.frame is not None and self.pictures.shown is None and event.y >= len(self._lines)
        if inside and event.button == 1:
            self._drag = (event.x, event.x)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        frame = self.frame
        if self._drag is None or frame is None:
            return
        before = self._chosen(frame)
        self._drag = (self._drag[0], max(frame.left, min(event.x, frame.view.width - 1)))
        if (now := self._chosen(frame)) != before:
            self._repaint(before, now)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        frame, drag, self._drag = self.frame, self._drag, None
        if drag is None or frame is None:
            return
        self.release_mouse()
        self._repaint(range(min(drag), max(drag) + 1))
        if abs(drag[1] - drag[0]) >= DRAGGED:
            self.controls.window = narrowed(self.controls.window, [share_at(frame, column) for column in drag])
            self.drawing.now()
        else:
            self.cursor = point_near(frame, drag[0])

    def on_click(self, event: events.Click) -> None:
        frame = self.frame
        if frame is None or self.pictures.shown is not None or (figure := self.figure) is None:
            return
        entry = entry_at(self._headings(frame), event.x, event.y)
        if entry is not None and entry.series is not None:
            meant = (figure if self.cursor is None else frame.view.figure).series[entry.series : entry.series + 1]
            names = [(one.name, one.slot) for one in figure.series]
            for one in meant:
                if (one.name, one.slot) in names:
                    self.controls.hide(names.index((one.name, one.slot)))
            self.drawing.now()
