"""What the Formats page shows of the worker's answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.content import Content
from textual.widgets import Static

from tui_app.screens.formats import text
from tui_app.screens.formats.sides import Sides
from tui_app.screens.formats.spot import Spot
from tui_app.text import clean, ending
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

Answer = Mapping[str, Any]


class Showing:
    """`sides` draw a layer, `bits` one of its weights; `table` has all layers."""

    def __init__(self, spot: Spot, sides: Sides) -> None:
        self.bits = Static(id="bits")
        self.table = text.LayersTable(id="layers-table", empty="The layers appear once the model is loaded.")
        self.layers = Pane(self.table, label="Layers", jump="l", id="layers")
        self._spot, self._sides = spot, sides

    def layer(self, layer: Answer, model: str) -> None:
        """A layer in the formats in view; the mark moves to where there are weights if it is in no column."""
        counts = layer["counts"]
        if not 0 < self._spot.column < len(counts):
            self._spot.column = len(counts) * 5 // 8
        shape = "x".join(map(str, layer["shape"]))
        left = self._sides.left
        for side, told in zip(self._sides.in_view, layer["formats"], strict=False):
            side.plot.show(layer, told, self._spot.column)
            side.fitted(told["fitted"])
        room = max(left.size.width - len(shape) - 6, 8)
        left.title(f"{ending(self._spot.layer, room)} {shape}", _name(model))

    def value(self, told: Answer) -> None:
        """The bits of a weight."""
        self.bits.update(text.value_text(told))

    def rows(self, rows: Sequence[Answer], spec: str) -> None:
        """All layers in one format."""
        with self.table.prevent(Table.Highlighted):
            self.table.fill(text.QUANTITIES, text.entries(rows))
        self.table.call_after_refresh(self.table.go_to, self._spot.layer)  # once it knows how far it can scroll
        self.layers.title(f"Layers at {spec}", self.table.narrowed)

    def problem(self, sentence: str, *, wrong: bool) -> None:
        """There is nothing to draw, and why."""
        for side in self._sides.both:
            side.plot.say(sentence, "$error" if wrong else "$muted")

    def nothing(self, model: str) -> None:
        """Takes away what belongs to the model before."""
        for side in self._sides.both:
            side.fitted(side.spec)
        self.bits.update(Content(""))
        self.table.fill(text.QUANTITIES, ())
        self._sides.left.title("Format", _name(model))
        self.layers.title("Layers")


def _name(model: str) -> str:
    """The model in a word."""
    return clean(Path(model).name)
