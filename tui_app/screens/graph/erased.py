"""What torch.fx said to erasing a node that is still used, and how it is done right; enter does it."""

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_app.actions import bindings
from tui_app.living import Leaving
from tui_app.screens.graph.text import erased_text
from tui_app.text import clean


class ErasedScreen(Leaving, ModalScreen[bool]):
    """Answers whether the node is to be erased, its users rewired."""

    DEFAULT_CLASSES = "dialog"
    CSS = "ErasedScreen.dialog > .box { width: 90; } ErasedScreen.dialog > .box > * { width: 1fr; }"
    BINDINGS = bindings("dialog.close", "erase")

    def __init__(self, report: Mapping[str, Any], found: str) -> None:
        super().__init__()
        self._report, self._found = report, found
        self._possible = not report["problem"]

    def compose(self) -> ComposeResult:
        box = VerticalScroll(Static(erased_text(self._report, self._found)), classes="box")
        box.border_title = Content(clean(f"Erase {self._report['node']}"))
        box.border_subtitle = Content("enter erases it, escape leaves it" if self._possible else "escape leaves it")
        yield box

    def action_erase_do(self) -> None:
        if self._possible:
            self.dismiss(True)

    def action_dialog_close(self) -> None:
        self.dismiss(False)
