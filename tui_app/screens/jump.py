"""Jump mode: a letter on each pane; pressing it goes there."""

from collections.abc import Callable, Iterable

from textual.app import ComposeResult
from textual.content import Content
from textual.events import Click, Key
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_app.living import Leaving
from tui_app.widgets.pane import Pane


class JumpScreen(Leaving, ModalScreen[None]):
    """Letters over these panes; `go` is called with the one whose letter is pressed, any other key leaves."""

    def __init__(self, panes: Iterable[Pane], go: Callable[[Pane], None]) -> None:
        super().__init__()
        self._panes = {pane.jump: pane for pane in panes if pane.targets}
        self._go = go

    def compose(self) -> ComposeResult:
        for letter, pane in self._panes.items():
            if pane.region:
                label = Static(Content(f" {letter} "), classes="jump-letter")
                label.absolute_offset = Offset(pane.region.x + 2, pane.region.y)
                yield label
        names = "   ".join(f"{letter} {pane.label}" for letter, pane in self._panes.items())
        yield Static(Content(f" jump to:  {names}"), id="jump-line")

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Every key is an answer."""
        return True

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss(None)
        pane = self._panes.get(event.character or "")
        if pane is not None:
            self._go(pane)

    def on_click(self, event: Click) -> None:
        self.dismiss(None)
