"""The widget: shows one of several figures, redraws at most twice a second, and answers the curve keys."""

import asyncio
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from engine.figures.figure import Figure
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.text import clean
from tui_app.widgets.curve.controls import WHOLE, Controls
from tui_app.widgets.curve.cursor import next_stop, zoomed
from tui_app.widgets.curve.frame import Frame, View
from tui_app.widgets.curve.legend import legend, readout
from tui_app.widgets.curve.paint import Paint, changed, heading_strip, row_strip
from tui_app.widgets.pane import Pane

SECONDS_BETWEEN = 0.5


class CurveView(Widget, can_focus=True):
    """Figures drawn with plotext in a thread: one drawing in flight, none while hidden, unchanged cells untouched.

    The first line is the legend or, once the cursor has moved, every curve's value there. A view inside a pane writes
    its figure's title into the frame unless `titled` is false. `drawings` counts what was drawn.
    """

    BINDINGS = bindings("curve")
    COMPONENT_CLASSES = {"curve--axis", "curve--cursor"}
    DEFAULT_CSS = """
    CurveView { height: 1fr; min-height: 5; }
    CurveView > .curve--axis { color: $muted; }
    CurveView > .curve--cursor { background: $surface-lighten-3; }
    """
    HELP = (
        "A figure. m shows the next one, ← → move a cursor that reads out every curve with its 95 % interval, "
        "+ - 0 zoom, a and A turn the axes logarithmic, s and S smooth."
    )

    cursor: reactive[float | None] = reactive(None)

    def __init__(
        self, *, placeholder: str = "", titled: bool = True, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.placeholder = placeholder
        self.titled = titled
        self.controls = Controls()
        self.drawings = 0
        self._frame: Frame | None = None
        self._stale = self._at_once = self._drawing = False
        self._strips: dict[int, Strip] = {}
        self._styles: dict[Paint, Style] = {}

    # What is shown

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures."""
        return self.controls.figures

    @property
    def figure(self) -> Figure | None:
        """The figure in view."""
        return self.controls.figure

    def set_figures(self, figures: Sequence[Figure]) -> None:
        """Takes new data; the figure with the same key stays in view. What changed is drawn with the next tick."""
        if tuple(figures) == self.figures:
            return
        if self.controls.take(figures):
            self.cursor = None
            self._redraw()
            self.refresh_bindings()
        else:
            self._stale = True

    # Drawing

    def on_mount(self) -> None:
        self.set_interval(SECONDS_BETWEEN, self._draw_if_stale)
        self._stale = True

    def on_resize(self) -> None:
        self._redraw()

    def on_show(self) -> None:
        self._draw_if_stale()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()
        self._stale = True

    def _redraw(self) -> None:
        """Draws now: for what the reader did. What a run did waits for the tick."""
        self._stale = self._at_once = True
        self._draw_if_stale()

    def _draw_if_stale(self) -> None:
        if not self._stale or self._drawing or not self.is_attached or not self.size or not self.is_on_screen:
            return
        self._stale = self._at_once = False
        self._name_pane()
        figure = self.figure
        if figure is None or not any(series.y for series in figure.series if series.kind != "level"):
            self._show(None)
            return
        controls, ground = self.controls, self.background_colors[1].rgb
        width, height = self.size.width, self.size.height - 1
        view = View(figure, width, height, ground, controls.smoothing, *controls.logs, controls.window)
        self._drawing = True
        self.run_worker(self._draw(view), group="curve")

    async def _draw(self, view: View) -> None:
        try:
            frame = await asyncio.to_thread(_drawn, view)
        finally:
            self._drawing = False
        self._show(frame)
        if self._at_once:
            self._draw_if_stale()

    def _show(self, frame: Frame | None) -> None:
        before, self._frame = self._frame, frame
        self.drawings += 1
        self._strips.clear()
        if frame is None or before is None or before.view.size != frame.view.size:
            self.refresh()
            return
        spans = [Region(x, y + 1, width, 1) for x, y, width in changed(before, frame)]
        if before.view.figure.series != frame.view.figure.series:
            spans.append(Region(0, 0, self.size.width, 1))
        if spans:
            self.refresh(*spans)

    def _name_pane(self) -> None:
        if self.titled and isinstance(self.parent, Pane):
            title = clean(self.figure.title) if self.figure else self.parent.label
            self.parent.title(title, self.controls.words)

    def render_line(self, y: int) -> Strip:
        """The legend, then the frame's rows."""
        if y not in self._strips:
            self._strips[y] = self._heading() if y == 0 else self._row(y - 1)
        return self._strips[y]

    def _heading(self) -> Strip:
        width, frame = self.size.width, self._frame
        if frame is None:
            return Strip.blank(width, self.rich_style)
        figure = frame.view.figure
        if self.cursor is None:
            entries = legend(figure, width - 1)
        else:
            entries = readout(figure, self.cursor, frame.reach(self.cursor), width - 1)
        return heading_strip(entries, width, self._style, self.rich_style)

    def _row(self, row: int) -> Strip:
        frame, width = self._frame, self.size.width
        if frame is not None and row < frame.view.height:
            column = None if self.cursor is None else frame.column(self.cursor)
            return row_strip(frame, row, column, self._style).adjust_cell_length(width, self.rich_style)
        says = frame is None and not self._drawing and row == max(0, self.size.height // 2 - 1)
        text = glyphs.clip(self.placeholder, width).center(width) if says else " " * width
        return Strip([Segment(text, self._style(Paint()))], width)

    def _style(self, paint: Paint) -> Style:
        if paint not in self._styles:
            if paint.hue is None:
                color = self.get_component_rich_style("curve--axis")
            else:
                color = Style(color="#{:02x}{:02x}{:02x}".format(*paint.hue))
            style = self.rich_style + Style(color=color.color)
            if paint.cursor:
                style += Style(bgcolor=self.get_component_rich_style("curve--cursor", partial=True).bgcolor)
            self._styles[paint] = style + Style(reverse=True, bold=True) if paint.marked else style
        return self._styles[paint]

    def watch_cursor(self, before: float | None, after: float | None) -> None:
        """Repaints two columns and the first line; nothing is drawn again."""
        if self._frame is None:
            return
        columns = [self._frame.column(value) for value in (before, after) if value is not None]
        spans = [Region(column, 1, 1, self.size.height - 1) for column in columns if column is not None]
        self._strips.clear()
        self.refresh(Region(0, 0, self.size.width, 1), *spans)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "curve_metric":
            return len(self.figures) > 1
        if action in ("curve_smooth", "curve_rough"):
            return self.controls.smooths
        if action == "curve_axis":
            return self.figure is not None and not self.figure.categories
        return self.figure is not None if action.startswith("curve_") else True

    def action_curve_metric(self) -> None:
        self.cursor = None
        self.controls.next_figure()
        self._redraw()
        self.refresh_bindings()

    def action_curve_smooth(self) -> None:
        self.controls.smooth(1)
        self._redraw()

    def action_curve_rough(self) -> None:
        self.controls.smooth(-1)
        self._redraw()

    def action_curve_axis(self) -> None:
        self.controls.turn(x=True)
        self._redraw()

    def action_curve_scale(self) -> None:
        self.controls.turn(y=True)
        self._redraw()

    def action_curve_closer(self) -> None:
        self._zoom(0.5)

    def action_curve_farther(self) -> None:
        self._zoom(2.0)

    def action_curve_whole(self) -> None:
        self.controls.window = WHOLE
        self._redraw()

    def _zoom(self, factor: float) -> None:
        self.controls.window = zoomed(self.controls.window, factor, self._frame, self.cursor)
        self._redraw()

    def action_curve_left(self) -> None:
        self._step(-1)

    def action_curve_right(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        if self._frame is not None:
            self.cursor = next_stop(self._frame, self.cursor, step)


def _drawn(view: View) -> Frame:
    """Draws; what that takes is imported with the first drawing, in its thread."""
    from tui_app.widgets.curve.draw import draw

    return draw(view)
