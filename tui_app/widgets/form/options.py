"""Choices side by side: one of them, or any number of them."""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui_app.living import Living

BOX, GAP = 4, Content("  ")


class Options(Living, Widget):
    """`[x] ptq  [ ] qat` where several may be chosen, `(o) auto  ( ) half` where one must be."""

    DEFAULT_CSS = "Options { height: auto; width: 1fr; text-wrap: nowrap; }"

    class Changed(Message):
        """Another choice."""

        def __init__(self, options: "Options") -> None:
            super().__init__()
            self.options = options

    def __init__(self, choices: Sequence[str], chosen: str, *, several: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.several = several
        self.at = 0
        self.pointed = False
        self._chosen: set[str] = set()
        self.value = chosen

    @property
    def value(self) -> str:
        """The chosen words with commas, in the order of the choices."""
        return ",".join(choice for choice in self.choices if choice in self._chosen)

    @value.setter
    def value(self, text: str) -> None:
        self._chosen = {word.strip() for word in text.split(",")} & set(self.choices)
        if not self.several and self._chosen:
            self.at = self.choices.index(next(iter(self._chosen)))
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render(self) -> Content:
        """The choices side by side, in as many lines as they need; the one under the cursor underlined."""
        parts = []
        for i, choice in enumerate(self.choices):
            inside, empty = ("[x] ", "[ ] ") if self.several else ("(o) ", "( ) ")
            chosen = choice in self._chosen
            style = ("bold" if chosen else "$muted") + (" underline" if self.pointed and i == self.at else "")
            parts.append(Content.assemble((inside, "") if chosen else (empty, "$muted"), (choice, style)))
        rows = [GAP.join(parts[i] for i in row) for row in self._rows(self.size.width)]
        return Content("\n").join(rows)

    def _rows(self, width: int) -> list[list[int]]:
        """Which choices stand in each line."""
        rows: list[list[int]] = [[]]
        room = width
        for i, choice in enumerate(self.choices):
            need = BOX + len(choice)
            if rows[-1] and need + len(GAP) > room:
                rows.append([])
                room = width
            room -= need + (len(GAP) if rows[-1] else 0)
            rows[-1].append(i)
        return rows

    def point(self, here: bool) -> None:
        """Shows which choice the keys are about, or that they are about another row."""
        if here != self.pointed:
            self.pointed = here
            self.refresh()

    def move(self, step: int) -> None:
        """To a choice beside; where one must be chosen, that is the one."""
        self.at = max(0, min(self.at + step, len(self.choices) - 1))
        self.refresh()
        if not self.several:
            self._choose({self.choices[self.at]})

    def toggle(self) -> None:
        """Chooses or lets go; where one must be chosen, the next one, and after the last the first."""
        if not self.several:
            self.at = (self.at + 1) % len(self.choices)
        choice = {self.choices[self.at]}
        self._choose(self._chosen ^ choice if self.several else choice)

    def _choose(self, chosen: set[str]) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self.refresh()
            self.post_message(self.Changed(self))
