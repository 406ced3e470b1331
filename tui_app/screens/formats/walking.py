"""Walking over the weights of a layer on the Formats page."""

from tui_app.controller import Controller
from tui_app.screens.formats.asking import Asking
from tui_app.screens.formats.sides import Sides
from tui_app.screens.formats.spot import Spot


class Walking(Controller):
    """From column to column of the histogram, and from weight to weight in one."""

    def __init__(self, spot: Spot, sides: Sides, asking: Asking) -> None:
        self._spot, self._sides, self._asking = spot, sides, asking

    def choose(self, layer: str) -> None:
        """Goes to another layer."""
        if layer != self._spot.layer:
            self._spot.layer, self._spot.column, self._spot.number = layer, 0, 0
            self._asking.wake()

    def go(self, column: int) -> None:
        """Goes to a column."""
        self._spot.column, self._spot.number = column, 0
        for side in self._sides.in_view:
            side.plot.move(column)
        self._asking.wake()

    def action_formats_left(self) -> None:
        self._step(-1)

    def action_formats_right(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        """To the next column that holds weights."""
        if self._asking.shown is not None:
            counts, here = self._asking.shown["counts"], self._spot.column
            places = range(here + step, len(counts) if step > 0 else -1, step)
            self.go(next((place for place in places if counts[place]), here))

    def action_formats_next(self) -> None:
        self._spot.number += 1
        self._asking.wake()

    def action_formats_previous(self) -> None:
        self._spot.number -= 1
        self._asking.wake()
