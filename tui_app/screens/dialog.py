"""A box in the middle of a quieted page; escape closes it."""

from collections.abc import Iterable, Mapping
from typing import cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from tui_app import glyphs
from tui_app.actions import bindings, show_key
from tui_app.lab import Lab
from tui_app.living import Leaving


class Dialog(Leaving, ModalScreen[None]):
    """Subclasses give a `title` and the widgets of the box."""

    DEFAULT_CLASSES = "dialog"
    BINDINGS = bindings("dialog")

    title_text = ""

    @property
    def lab(self) -> Lab:
        """The app, with its type."""
        return cast("Lab", self.app)

    def compose(self) -> ComposeResult:
        box = VerticalScroll(*self.box(), classes="box")
        box.border_title = Content(self.title_text)
        yield box

    def box(self) -> Iterable[Widget]:
        """What is inside."""
        return ()

    def action_dialog_close(self) -> None:
        self.dismiss(None)


class TextScreen(Dialog):
    """Text that came from outside, taken literally."""

    def __init__(self, title: str, text: str | Content) -> None:
        super().__init__()
        self.title_text = title
        self._text = Content(text) if isinstance(text, str) else text

    def box(self) -> Iterable[Widget]:
        yield Static(self._text)


def choices(meanings: Mapping[str, str]) -> Content:
    """What each key does, a line each."""
    return Content("\n").join(
        Content.assemble((f"{show_key(key, words=glyphs.plain()):>5}", "bold $secondary"), f"  {meaning}")
        for key, meaning in meanings.items()
    )
