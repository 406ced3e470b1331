"""One line of choices: one of them, or any number of them."""

from collections.abc import Sequence

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui_app import glyphs
from tui_app.actions import bindings


class Options(Widget, can_focus=True):
    """`[x] ptq  [ ] qat` where several may be chosen, `(o) auto  ( ) half` where one must be."""

    BINDINGS = bindings("form.left", "form.right", "form.toggle")
    DEFAULT_CSS = """
    Options { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    .-plain Options { text-overflow: clip; }
    Options:focus { background: $boost; }
    """
    HELP = "A choice. ← → move, space chooses."

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

    def render(self) -> Content:
        """The choices side by side, the one under the cursor underlined while focused; without room from there on."""
        parts = []
        for i, choice in enumerate(self.choices):
            inside, empty = ("[x] ", "[ ] ") if self.several else ("(o) ", "( ) ")
            chosen = choice in self._chosen
            style = ("bold" if chosen else "$muted") + (" underline" if self.has_focus and i == self.at else "")
            box = (inside, "") if chosen else (empty, "$muted")
            parts.append(Content.assemble(box, (choice, style)))
        shown = Content("  ").join(parts)
        if shown.cell_length <= self.size.width or self.at == 0:
            return shown
        return Content.assemble((glyphs.sign("ellipsis") + " ", "$muted"), Content("  ").join(parts[self.at :]))

    def action_form_left(self) -> None:
        self._move(-1)

    def action_form_right(self) -> None:
        self._move(1)

    def _move(self, step: int) -> None:
        self.at = max(0, min(self.at + step, len(self.choices) - 1))
        self.refresh()
        if not self.several:
            self._choose({self.choices[self.at]})

    def action_form_toggle(self) -> None:
        choice = {self.choices[self.at]}
        self._choose(self._chosen ^ choice if self.several else choice)

    def _choose(self, chosen: set[str]) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self.refresh()
            self.post_message(self.Changed(self))
