"""One format on the Formats page: the field in which it is written, and what it does to the layer."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from engine.formats.registry import FAMILIES, NAMES, parse_spec
from engine.formats.spec import SpecError
from tui_app import glyphs
from tui_app.living import Living
from tui_app.text import clean
from tui_app.widgets.formatplot import FormatPlot
from tui_app.widgets.lineinput import LineInput


class Side(Living, Vertical):
    """`spec` is the last text that names a format; what is wrong with the text in the field stands below it."""

    class Changed(Message):
        """Another format."""

        def __init__(self, side: "Side") -> None:
            super().__init__()
            self.side = side

    def __init__(self, slot: int, spec: str, *, id: str) -> None:
        super().__init__(id=id)
        self.slot, self.spec = slot, spec
        self.plot = FormatPlot(slot, id=f"{id}-plot")
        self.field = LineInput(spec, compact=True, select_on_focus=False)
        self._kept: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Horizontal(
            Static(glyphs.series(self.slot), classes="glyph"),
            self.field,
            Static(id=f"{self.id}-fitted", classes="fitted"),
        )
        yield Static(classes="error")
        yield self.plot

    def take(self, spec: str) -> None:
        """Puts a format into the field."""
        with self.prevent(Input.Changed):
            self.field.value = spec
        self._accept(spec)

    def family(self, step: int) -> str:
        """The format of the next family: as it was left there, or its example."""
        name = parse_spec(self.spec).name
        place = NAMES.index(name) if name in NAMES else -min(step, 0)
        following = NAMES[(place + step) % len(NAMES)]
        return self._kept.get(following, FAMILIES[following].example)

    def fitted(self, text: str) -> None:
        """Says what the data made of a format that leaves something open."""
        known = "" if text == self.spec else f"as {text}"
        self.query_one(".fitted", Static).update(Content(known))

    def _accept(self, text: str) -> None:
        try:
            spec = parse_spec(text)
        except SpecError as error:
            self.query_one(".error", Static).update(Content(clean(error)))
            self.add_class("-wrong")
            return
        self.remove_class("-wrong")
        if str(spec) != self.spec:
            self.spec = str(spec)
            self._kept[spec.name] = self.spec
            self.post_message(self.Changed(self))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._accept(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """What names no format stays to be mended."""
        event.stop()
        if not self.has_class("-wrong"):
            self.plot.focus()

    def leave(self) -> None:
        """Goes back to the plot; what names no format gives way to what the plot shows."""
        if self.has_class("-wrong"):
            self.take(self.spec)
        self.plot.focus()
