"""A text field of one line: never asks for a new layout, holds a bounded text, and starts afresh when it is filled."""

from typing import Any

from textual.events import Paste
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input

from tui_app.living import Living
from tui_app.text import count

LONGEST = 4_000  # characters that one takes by hand


class LineInput(Living, Input):
    """Textual lays the whole screen out again at each letter, as a longer text may scroll; a line of fixed size needs
    no more than to be painted. When the program changes the text, the cursor stands at its end and nothing is selected.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)

    def __init__(self, value: str | None = None, **options: Any) -> None:
        self._by_hand = False
        super().__init__(value, **{"max_length": LONGEST, **options})

    def replace(self, text: str, start: int, end: int) -> None:
        self._by_hand = True
        try:
            super().replace(text, start, end)
        finally:
            self._by_hand = False

    def watch_value(self, value: str) -> None:
        if not self._by_hand:
            self.cursor_position = len(value)

    def _on_paste(self, event: Paste) -> None:
        """The first line, as much of it as there is room for."""
        event.stop()
        event.prevent_default()
        start, end = sorted(self.selection)
        room = max(0, (self.max_length or LONGEST) - len(self.value) + end - start)
        line, *_ = event.text[: LONGEST * 2].lstrip("\r\n").splitlines() or [""]
        self.replace(line[:room], start, end)
        if len(line) > room > 0:  # once, however many pieces come
            self.notify(f"A field holds {count(self.max_length or LONGEST, 'character')}; the rest was left out.")
