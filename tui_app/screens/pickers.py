"""A dialog that finds one of many by a few letters: models, data, presets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input

from tui_app.actions import bindings
from tui_app.text import clean
from tui_app.widgets.lineinput import LineInput
from tui_app.widgets.table import Column, Row, Table

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Option:
    """What can be picked, and a few words on it."""

    value: str
    note: str = ""


class PickScreen(ModalScreen[str | None]):
    """Answers with the picked value, or None.

    `more` gives further options for what is typed, such as a folder's entries; `free` allows what is typed itself.
    `finetune` is called with what a second key picks: a model to train on first.
    """

    DEFAULT_CLASSES = "dialog"
    CSS = """
    PickScreen.dialog > .box { width: 76; max-width: 96%; height: 18; padding: 0 1; }
    PickScreen.dialog > .box > * { width: 1fr; }
    PickScreen Table { height: 1fr; background: $boost; }
    """
    BINDINGS = bindings("dialog.close", "form.next", "form.previous", "pick")

    def __init__(
        self,
        title: str,
        options: Sequence[Option],
        text: str = "",
        *,
        more: Callable[[str], Sequence[Option]] | None = None,
        free: bool = False,
        finetune: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._options, self._text = title, options, text
        self._more, self._free, self._finetune = more, free, finetune
        wide = 30 if more else max((len(option.value) for option in options), default=0)
        columns = Column("value", "", wide, flex=more is not None), Column("note", "", 24, flex=more is None)
        self._table = Table(columns, opens=True)
        self._table.can_focus = False

    def compose(self) -> ComposeResult:
        box = Vertical(
            LineInput(self._text, placeholder="a few letters of it", compact=True), self._table, classes="box"
        )
        box.border_title = Content(self._title)
        train = ", ctrl+t fine-tunes it" if self._finetune else ""
        box.border_subtitle = Content(f"enter takes it{train}, escape leaves it")
        yield box

    def on_mount(self) -> None:
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list(event.value.strip())

    def _list(self, text: str) -> None:
        """The best matches first; what is typed last, so that enter finds before it takes literally."""
        options = dict.fromkeys((*self._options, *(self._more(text) if self._more else ())))
        if text:
            matcher = Matcher(text)
            scores = {option: matcher.match(option.value) for option in options}
            options = dict.fromkeys(sorted((o for o in options if scores[o] > 0), key=lambda o: -scores[o]))
            if self._free and all(option.value != text for option in options):
                options[Option(text, "as typed")] = None
        rows = [Row(o.value, (clean(o.value), Content.styled(clean(o.note), "$muted"))) for o in options]
        self._table.set_rows(rows[:SHOWN], cursor=rows[0].key if rows else None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(self._table.key)

    def on_table_opened(self, event: Table.Opened) -> None:
        self.dismiss(event.key)

    def action_form_next(self) -> None:
        self._table.action_table_down()

    def action_form_previous(self) -> None:
        self._table.action_table_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "pick_finetune" or self._finetune is not None

    def action_pick_finetune(self) -> None:
        if self._finetune is not None and self._table.key is not None:
            self.dismiss(None)
            self._finetune(self._table.key)

    def action_dialog_close(self) -> None:
        self.dismiss(None)
