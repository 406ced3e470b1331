"""The Formats page: what a number format does to the weights of a layer, bit by bit and layer by layer."""

from collections.abc import Callable, Iterable

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget

from tui_app.actions import bindings
from tui_app.screens.base import Exports
from tui_app.screens.formats import text
from tui_app.screens.formats.asking import Asking
from tui_app.screens.formats.onward import Onward
from tui_app.screens.formats.showing import Showing
from tui_app.screens.formats.side import Side
from tui_app.screens.formats.sides import Sides
from tui_app.screens.formats.spot import Spot
from tui_app.screens.formats.walking import Walking
from tui_app.screens.labscreen import LabScreen
from tui_app.widgets.formatplot import FormatPlot
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table


class FormatsScreen(LabScreen):
    """`sides` are the formats that are compared, `spot` is where they are looked at."""

    TAB = "formats"
    CSS_PATH = "formats.tcss"
    BINDINGS = bindings("formats")
    HELP = (
        "What a format does to the weights of a layer. + and - change its width, f its family; c puts a second one "
        "beside it. ← → walk over the weights and show their bits. The table holds all layers; its cursor chooses one."
    )

    def __init__(self) -> None:
        super().__init__()
        self.spot = Spot()
        self.sides = self.adopt(Sides(self, self.panes, self._wake))
        self.showing = Showing(self.spot, self.sides)
        self.asking = Asking(self, self.spot, self.sides, self.showing)
        self.walking = self.adopt(Walking(self.spot, self.sides, self.asking))
        self.adopt(Onward(self, self.sides, self.asking))

    def body(self) -> Iterable[Widget]:
        yield Horizontal(self.sides.left, self.sides.right, id="top", classes="deck")
        yield Horizontal(
            Pane(VerticalScroll(self.showing.bits), label="Bits", jump="i", id="value"),
            self.showing.layers,
            id="bottom",
            classes="deck",
        )

    def on_mount(self) -> None:
        self.sides.first.plot.focus()

    def runs_changed(self, changed: frozenset[str]) -> None:
        if not self.asking.model and self.lab.runs.ready:
            newest = max(self.lab.runs.rows.values(), key=lambda run: run.created, default=None)
            self.asking.open_model(newest.model if newest is not None and newest.model else "builtin")

    # What happens in the panes

    @on(Side.Changed)
    def _wake(self) -> None:
        self.asking.wake()

    @on(Table.Highlighted)
    def _choose(self, event: Table.Highlighted) -> None:
        self.walking.choose(event.key)

    @on(FormatPlot.Picked)
    def _pick(self, event: FormatPlot.Picked) -> None:
        self.walking.go(event.column)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.asking.show_rows()
        self.asking.wake()

    # Everywhere

    def entry(self, pane: Pane) -> Widget | None:
        """A format is entered at its plot, where keys are keys."""
        return next((side.plot for side in pane.query(Side)), super().entry(pane))

    def step_back(self) -> Callable[[], object] | None:
        side = self.sides.current
        return side.leave if self.focused is side.field else None

    def exports(self) -> Exports | None:
        layer = self.asking.shown
        if layer is None:
            return None
        stem = f"formats-{self.spot.layer}-{'-'.join(self.sides.specs)}"
        plain = "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in stem).strip("-")
        return Exports(plain, (text.figure_of(self.spot.layer, layer),), text.table_of(self.asking.rows))

    def copies(self) -> str | None:
        layer = self.asking.shown
        return None if layer is None else text.copied(self.spot.layer, layer, self.asking.told)
