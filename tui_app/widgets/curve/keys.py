"""What the curve keys do: to the controls of a figure, and to the cursor on it."""

from typing import Protocol

from tui_app import pictures
from tui_app.controller import Controller
from tui_app.widgets.curve.controls import WHOLE, Controls
from tui_app.widgets.curve.cursor import next_stop, share_at, zoomed
from tui_app.widgets.curve.drawing import Drawing
from tui_app.widgets.curve.frame import Frame
from tui_app.widgets.curve.picture import Pictures

NEED_LINES = ("curve_smooth", "curve_rough")


class Curve(Protocol):
    """What the keys act on. `frame` is what was drawn last in cells; a picture may stand in its place."""

    cursor: float | None
    controls: Controls
    drawing: Drawing
    pictures: Pictures
    frame: Frame | None

    def refresh_bindings(self) -> None: ...


class CurveKeys(Controller):
    """Each key changes what the reader asks of a figure, and has it drawn at once."""

    def __init__(self, curve: Curve) -> None:
        self._curve, self._controls, self._drawing = curve, curve.controls, curve.drawing

    def live(self, action: str) -> bool:
        figure = self._controls.figure
        if figure is None:
            return False
        if action == "curve_metric":
            return len(self._controls.figures) > 1
        if action in NEED_LINES:
            return self._controls.smooths
        if action == "curve_axis":
            return not figure.categories
        if action == "curve_picture":
            return pictures.protocol() is not None
        return action != "curve_alone" or sum(one.slot >= 0 for one in figure.series) > 1

    def action_curve_metric(self) -> None:
        self._curve.cursor = None
        self._controls.next_figure()
        self._drawing.now()
        self._curve.refresh_bindings()

    def action_curve_smooth(self) -> None:
        self._controls.smooth(1)
        self._drawing.now()

    def action_curve_rough(self) -> None:
        self._controls.smooth(-1)
        self._drawing.now()

    def action_curve_axis(self) -> None:
        self._controls.turn(x=True)
        self._drawing.now()

    def action_curve_scale(self) -> None:
        self._controls.turn(y=True)
        self._drawing.now()

    def action_curve_alone(self) -> None:
        self._controls.alone()
        self._drawing.now()

    def action_curve_picture(self) -> None:
        self._controls.picture = not self._controls.picture
        self._drawing.now()

    # Zoom

    def action_curve_closer(self) -> None:
        self._zoom_at_cursor(0.5)

    def action_curve_farther(self) -> None:
        self._zoom_at_cursor(2.0)

    def action_curve_whole(self) -> None:
        self._controls.window = WHOLE
        self._drawing.now()

    def _zoom_at_cursor(self, factor: float) -> None:
        frame, cursor = self._curve.frame, self._curve.cursor
        self.zoom(factor, frame.column(cursor) if frame is not None and cursor is not None else None)

    def zoom(self, factor: float, column: int | None) -> None:
        """What stands in the column, else in the middle, stays where it is."""
        frame = self._curve.frame
        share = 0.5
        if column is not None and frame is not None and self._curve.pictures.shown is None:
            share = share_at(frame, column)
        window = zoomed(self._controls.window, factor, share)
        if window != self._controls.window:
            self._controls.window = window
            self._drawing.now()

    # The cursor

    def action_curve_left(self) -> None:
        self._step(-1)

    def action_curve_right(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        frame = self._curve.frame
        if frame is not None:
            self._curve.cursor = next_stop(frame, self._curve.cursor, step)
