"""The Formats page: what a number format does to the weights of a layer, bit by bit and layer by layer."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from engine.formats.neighbours import other, wider
from tui_app.actions import bindings
from tui_app.screens import formats_text as texts
from tui_app.screens.base import Exports
from tui_app.screens.formats_asking import Asking
from tui_app.screens.formats_plot import FormatPlot, columns_in
from tui_app.screens.formats_side import Side
from tui_app.text import clean, ending
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

FIRST, SECOND = "fixed(4)", "mxfp4"


class FormatsScreen(Asking):
    """`first` and `second` are the formats side by side; keys act on the one whose pane has the focus."""

    TAB = "formats"
    CSS_PATH = "formats.tcss"
    BINDINGS = bindings("formats")
    HELP = (
        "What a format does to the weights of a layer. + and - change its width, f its family; c puts a second one "
        "beside it. ← → walk over the weights and show their bits. The table holds all layers; its cursor chooses one."
    )

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Side(0, FIRST, id="first"), Side(1, SECOND, id="second")
        self.bits = Static(id="bits")
        self.table = texts.LayersTable(id="layers-table", empty="The layers appear once the model is loaded.")
        self.compares = False

    def body(self) -> Iterable[Widget]:
        yield Horizontal(
            Pane(self.first, label="Format", jump="f", id="left"),
            Pane(self.second, label="Compare with", jump="b", id="right", classes="-absent"),
            id="top",
            classes="deck",
        )
        yield Horizontal(
            Pane(VerticalScroll(self.bits), label="Bits", jump="i", id="value"),
            Pane(self.table, label="Layers", jump="l", id="layers"),
            id="bottom",
            classes="deck",
        )

    def on_mount(self) -> None:
        self.first.plot.focus()

    def runs_changed(self, changed: frozenset[str]) -> None:
        if not self.model and self.lab.runs.ready:
            newest = max(self.lab.runs.rows.values(), key=lambda run: run.created, default=None)
            self.open_model(newest.model if newest is not None and newest.model else "builtin")

    # What is asked for, and what has come

    @property
    def sides(self) -> list[Side]:
        """The formats in view."""
        return [self.first, self.second] if self.compares else [self.first]

    @property
    def side(self) -> Side:
        """The format that keys act on."""
        return (
            self.second
            if self.compares and (pane := self.panes.current) is not None and pane.id == "right"
            else self.first
        )

    @property
    def columns(self) -> int:
        """Columns that every histogram in view has room for; the narrow layout shows one at a time."""
        return columns_in(min((side.plot.size.width for side in self.sides if side.plot.size.width), default=1))

    def show_layer(self) -> None:
        layer = self.shown
        assert layer is not None
        if not 0 < self.cursor < len(layer["counts"]):
            self.cursor = len(layer["counts"]) * 5 // 8
        shape = "x".join(map(str, layer["shape"]))
        left = self.query_one("#left", Pane)
        for side, told in zip(self.sides, layer["formats"], strict=False):
            side.plot.show(layer, told, self.cursor)
            side.fitted(told["fitted"])
        room = max(left.size.width - len(shape) - 6, 8)
        left.title(f"{ending(self.layer, room)} {shape}", clean(self.model_name))

    def show_value(self) -> None:
        assert self.told is not None
        self.bits.update(texts.value_text(self.told))

    def show_table(self) -> None:
        with self.prevent(Table.Highlighted):
            self.table.fill(texts.QUANTITIES, texts.entries(self.rows))
        self.call_after_refresh(self.table.go_to, self.layer)  # once the table knows how far it can scroll
        self.query_one("#layers", Pane).title(f"Layers at {self.table_spec}", self.table.narrowed)

    def show_problem(self, text: str, *, wrong: bool) -> None:
        for side in (self.first, self.second):
            side.plot.say(text, "$error" if wrong else "$muted")
        if self.shown is None:  # nothing of the model before stays beside another's name
            for side in (self.first, self.second):
                side.fitted(side.spec)
            self.bits.update(Content(""))
            self.table.fill(texts.QUANTITIES, ())
            self.query_one("#left", Pane).title("Format", clean(self.model_name))
            self.query_one("#layers", Pane).title("Layers")

    @on(Side.Changed)
    def _format(self) -> None:
        self.wake()

    @on(Table.Highlighted)
    def _choose(self, event: Table.Highlighted) -> None:
        if event.key != self.layer:
            self.layer, self.cursor, self.place = event.key, 0, 0
            self.wake()

    @on(FormatPlot.Picked)
    def _pick(self, event: FormatPlot.Picked) -> None:
        self._go(event.column)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self.rows:
            self.show_table()
        self.wake()

    # Keys

    def action_formats_wider(self) -> None:
        self._move(wider(self.side.spec, 1), "wider")

    def action_formats_narrower(self) -> None:
        self._move(wider(self.side.spec, -1), "narrower")

    def action_formats_more(self) -> None:
        self._move(other(self.side.spec, 1), "larger there")

    def action_formats_less(self) -> None:
        self._move(other(self.side.spec, -1), "smaller there")

    def _move(self, spec: str | None, how: str) -> None:
        if spec is None:
            self.notify(f"{self.side.spec} does not get {how}.", timeout=2, markup=False)
        else:
            self.side.take(spec)

    def action_formats_family(self) -> None:
        self.side.take(self.side.family(1))

    def action_formats_family_before(self) -> None:
        self.side.take(self.side.family(-1))

    def action_formats_edit(self) -> None:
        self.set_focus(self.side.field)
        self.side.field.select_all()

    def action_formats_compare(self) -> None:
        self.compares = not self.compares
        right = self.query_one("#right", Pane)
        if not self.compares and self.panes.current is right:
            self.first.plot.focus()
        right.set_class(not self.compares, "-absent")
        if self.panes.current is not None:
            self.panes.bring_forward(self.panes.current)
        self.call_after_refresh(self.wake)

    def action_formats_left(self) -> None:
        self._step(-1)

    def action_formats_right(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        """To the next column that holds weights."""
        if self.shown is not None:
            counts = self.shown["counts"]
            places = range(self.cursor + step, len(counts) if step > 0 else -1, step)
            self._go(next((place for place in places if counts[place]), self.cursor))

    def _go(self, column: int) -> None:
        self.cursor, self.place = column, 0
        for side in self.sides:
            side.plot.move(column)
        self.wake()

    def action_formats_next(self) -> None:
        self.place += 1
        self.wake()

    def action_formats_previous(self) -> None:
        self.place -= 1
        self.wake()

    def action_formats_quantize(self) -> None:
        self.lab.open_experiment("quantize", self._settings())

    def action_formats_sensitivity(self) -> None:
        self.lab.open_experiment("sensitivity", self._settings())

    def _settings(self) -> Mapping[str, Any]:
        """The formats in view on this model, with the data that its newest run used."""
        runs = sorted(self.lab.runs.rows.values(), key=lambda run: run.created)
        data = {run.model: run.data for run in runs if run.data}.get(self.model, "builtin")
        return {"model": self.model, "data": data, "formats": [side.spec for side in self.sides]}

    # Everywhere

    def entry(self, pane: Pane) -> Widget | None:
        """A format is entered at its plot, where keys are keys."""
        return next((side.plot for side in pane.query(Side)), super().entry(pane))

    def step_back(self) -> Callable[[], object] | None:
        return self.side.leave if self.focused is self.side.field else None

    def exports(self) -> Exports | None:
        if self.shown is None:
            return None
        stem = f"formats-{self.layer}-{'-'.join(side.spec for side in self.sides)}"
        plain = "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in stem).strip("-")
        return Exports(plain, (texts.figure_of(self.layer, self.shown),), texts.table_of(self.rows))

    def copies(self) -> str | None:
        return None if self.shown is None else texts.copied(self.layer, self.shown, self.told)
