"""A figure as a real picture in the cells of a widget, as the warm worker encoded it."""

import asyncio
import re
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import Any, cast

from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from engine.figures.figure import Figure, Scale
from tui_app import pictures
from tui_app.lab import Lab
from tui_app.widgets.curve.controls import WHOLE, Controls
from tui_app.widgets.curve.frame import View

SECONDS_BETWEEN = 3.0
SMALLEST = (24, 8)

_NO_CHANGE = [(ControlType.CURSOR_FORWARD, 0)]  # marks a segment as one that takes no cells


@dataclass(frozen=True, slots=True)
class Picture:
    """What stands for a picture of `width` × `height` cells: sixels, or kitty's placeholders in the hue of its number.

    `sent` goes to the terminal before its placeholders are shown.
    """

    sent: str
    sixels: str
    rows: tuple[str, ...]
    hue: tuple[int, int, int] | None
    width: int
    height: int

    @classmethod
    def of(cls, answer: dict[str, Any], width: int, height: int) -> "Picture":
        """Out of the worker's answer."""
        sent, sixels = ("", answer["sent"]) if answer["protocol"] == "sixel" else (answer["sent"], "")
        hue = tuple(answer["hue"]) if answer["hue"] else None
        return cls(sent, sixels, tuple(answer["rows"]), hue, width, height)

    @property
    def forgotten(self) -> str:
        """What makes the terminal forget it."""
        number = re.search(r"i=(\d+)", self.sent)
        return f"\x1b_Ga=d,d=I,i={number[1]},q=2\x1b\\" if number else ""

    def row(self, y: int) -> Strip:
        """A row of placeholders; of sixels an empty one."""
        if y >= len(self.rows) or self.hue is None:
            return Strip.blank(self.width)
        return Strip([Segment(self.rows[y], Style(color="#{:02x}{:02x}{:02x}".format(*self.hue)))], self.width)

    def drawn(self, crop: Region, place: Region) -> list[Strip]:
        """The rows of a widget at `place` on the screen, with the sixels sent from its corner after the last."""
        rows = [Strip.blank(crop.width) for _ in range(crop.height - 1)]
        segments = [
            Segment(" " * crop.width),
            Control.move_to(place.x, place.y).segment,  # which says where the picture begins, too
            Segment(self.sixels, control=_NO_CHANGE),
            Control.move_to(place.right, place.bottom - 1).segment,
        ]
        return [*rows, Strip(segments, crop.width)]


class Pictures:
    """The picture in a view of figures, where the reader wants one and the terminal shows them."""

    def __init__(self, view: Widget, controls: Controls) -> None:
        self._view, self._controls = view, controls
        self.shown: Picture | None = None
        self._at = 0.0

    @property
    def wanted(self) -> bool:
        """Whether a picture is to stand in place of the cells."""
        size = self._view.size
        return (
            self._controls.picture
            and pictures.protocol() is not None
            and size.width >= SMALLEST[0]
            and size.height >= SMALLEST[1]
        )

    @property
    def due(self) -> bool:
        """Whether a live run may be drawn again: a picture costs more than cells."""
        return monotonic() - self._at >= SECONDS_BETWEEN

    @property
    def in_sixels(self) -> bool:
        """Whether what is shown is sent as sixels."""
        return self.shown is not None and bool(self.shown.sixels)

    async def draw(self, figure: Figure) -> None:
        """Shows the picture that an export would write, as the worker encodes it for this terminal.

        Raises InputError where it cannot.
        """
        width, height = self._view.size
        log_x, log_y = self._controls.logs
        seen = View(figure, width, height, log_x=log_x, log_y=log_y, window=self._controls.window)
        plain = asdict(await asyncio.to_thread(looked_at, seen))
        asked = {"protocol": pictures.protocol(), "columns": width, "rows": height, "cell": pictures.cell()}
        worker = cast("Lab", self._view.app).interactive
        answer = await worker.ask("terminal_picture", figure=plain, **asked)
        self._at = monotonic()
        if self.wanted:
            self.show(Picture.of(answer, width, height))

    def show(self, picture: Picture | None) -> None:
        """Takes a picture in place of the one before, which the terminal forgets; None for the cells."""
        before, self.shown = self.shown, picture
        sent = (before.forgotten if before else "") + (picture.sent if picture else "")
        driver = self._view.app._driver
        if sent and driver is not None:
            driver.write(sent)

    def lines(self, crop: Region) -> list[Strip]:
        """The rows of a picture in sixels: whole, and only while nothing lies over it."""
        view, picture = self._view, self.shown
        fits = picture is not None and crop.size == view.size == (picture.width, picture.height)
        if picture is None or not fits or not view.screen.is_active:
            return [Strip.blank(crop.width, view.rich_style) for _ in range(crop.height)]
        return picture.drawn(crop, view.region)


def looked_at(view: View) -> Figure:
    """The figure with the scales and the range in which it is looked at."""
    from tui_app.widgets.curve.draw import x_window

    figure = view.figure
    scales: tuple[Scale, Scale] = ("log" if view.log_x else "linear", "log" if view.log_y else "linear")
    figure = replace(figure, x_scale=scales[0], y_scale=scales[1])
    if view.window == WHOLE or figure.categories:
        return figure
    low, high = x_window(view)
    return replace(figure, x_range=(10**low, 10**high) if view.log_x else (low, high), y_range=None)
