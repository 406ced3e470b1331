"""A log: follows its end, finds text. Textual's plain `Log` underneath, which draws only what is in view."""

from collections.abc import Iterable

from textual.widgets import Log

from engine.text import clean
from tui_app.actions import bindings
from tui_app.living import Living

KEPT = 5000


class LogView(Living, Log):
    """Lines as they were written, without escapes. `follow` keeps the end in view."""

    BINDINGS = bindings("find")
    HELP = "Raw output of the run's processes. / finds, n and N go on, f follows the end."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(max_lines=KEPT, id=id)
        self.needle = ""
        self.found: int | None = None

    def add(self, lines: Iterable[str]) -> None:
        """Appends lines."""
        texts = [clean(line).expandtabs(4) for line in lines]
        if texts:
            self.write_lines(texts, scroll_end=self.auto_scroll)

    def find(self, needle: str, step: int = 1) -> bool:
        """Goes to the next line (or the one before) that holds the text, whatever its case; round the end."""
        self.needle = needle.lower()
        count = len(self.lines)
        start = self.found if self.found is not None else (-1 if step > 0 else count)
        for offset in range(1, count + 1):
            place = (start + step * offset) % count
            if self.needle and self.needle in self.lines[place].lower():
                self.auto_scroll = False
                self.found = place
                self.scroll_to(y=place, animate=False)
                return True
        return False

    def action_find_open(self) -> None:
        from tui_app.screens.ask import AskScreen

        self.app.push_screen(AskScreen("Find in the log", self.needle), self._sought)

    def _sought(self, text: str | None) -> None:
        if text:
            self.found = None
            self._go(text, 1)

    def action_find_next(self) -> None:
        self._go(self.needle, 1)

    def action_find_previous(self) -> None:
        self._go(self.needle, -1)

    def _go(self, needle: str, step: int) -> None:
        if not self.find(needle, step):
            self.notify(f"{needle!r} is not in the log." if needle else "/ finds text first.", markup=False)

    def action_find_follow(self) -> None:
        self.auto_scroll = not self.auto_scroll
        if self.auto_scroll:
            self.scroll_end(animate=False)
        self.notify("Following the end." if self.auto_scroll else "No longer following.", timeout=2)
