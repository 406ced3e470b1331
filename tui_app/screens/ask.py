"""A dialog that asks for one line of text."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui_app.actions import bindings
from tui_app.living import Leaving
from tui_app.widgets.lineinput import LineInput


class AskScreen(Leaving, ModalScreen[str | None]):
    """Enter answers with the text, escape with None."""

    DEFAULT_CLASSES = "dialog"
    CSS = "AskScreen.dialog > .box { width: 60; } AskScreen.dialog > .box > * { width: 1fr; }"
    BINDINGS = bindings("dialog.close")

    def __init__(self, question: str, text: str = "") -> None:
        super().__init__()
        self._question, self._text = question, text

    def compose(self) -> ComposeResult:
        box = Vertical(LineInput(self._text), classes="box")
        box.border_title = Content(self._question)
        box.border_subtitle = Content("enter takes it, escape leaves it")
        yield box

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_dialog_close(self) -> None:
        self.dismiss(None)
