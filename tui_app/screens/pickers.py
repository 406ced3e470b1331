"""A dialog that finds one of many by a few letters: models, data, presets."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input

from tui_app.actions import bindings
from tui_app.living import Leaving
from tui_app.text import clean
from tui_app.widgets.lineinput import LineInput
from tui_app.widgets.table import Column, Row, Table

SHOWN = 200
LOOKING, NONE = "Looking round.", "Nothing matches."


@dataclass(frozen=True, slots=True)
class Option:
    """What can be picked, and a few words on it. One that is no answer `opens`: its value is a text to go on from."""

    value: str
    note: str = ""
    opens: bool = False


class PickScreen(Leaving, ModalScreen[str | None]):
    """Answers with the picked value, or None. It is there at once; `load` finds further options, in a thread.

    `more` gives options for what is typed, such as a folder's entries, and `typed` what the text itself stands for:
    without it only an option can be taken. `finetune` is called with what a second key picks: a model to train on.
    """

    DEFAULT_CLASSES = "dialog"
    CSS = """
    PickScreen.dialog > .box { width: 76; max-width: 96%; height: 18; padding: 0 1; }
    PickScreen.dialog > .box > * { width: 1fr; }
    PickScreen Table { height: 1fr; background: $boost; }
    """
    BINDINGS = bindings("dialog.close", "pick")

    def __init__(
        self,
        title: str,
        options: Sequence[Option] = (),
        text: str = "",
        *,
        load: Callable[[], Sequence[Option]] | None = None,
        more: Callable[[str], Sequence[Option]] | None = None,
        typed: Callable[[str], Option] | None = None,
        finetune: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._options, self._text = title, options, text
        self._load, self._more, self._typed, self._finetune = load, more, typed, finetune
        self._chosen = False  # enter was pressed before everything was there
        self._listed: dict[str, Option] = {}
        grows = bool(load or more)  # by values whose length is not known yet
        wide = 30 if grows else max((len(option.value) for option in options), default=0)
        columns = Column("value", "", wide, flex=grows), Column("note", "", 24, flex=not grows)
        self._table = Table(columns, opens=True, empty=LOOKING if load else NONE)
        self._table.can_focus = False

    def compose(self) -> ComposeResult:
        box = Vertical(LineInput(self._text, placeholder="type to filter", compact=True), self._table, classes="box")
        box.border_title = Content(self._title)
        keys = ("enter takes it", self._more and "tab completes", self._finetune and "ctrl+t fine-tunes it")
        box.border_subtitle = Content(", ".join(filter(None, (*keys, "escape leaves it"))))
        yield box

    def on_mount(self) -> None:
        self._list()
        if self._load is not None:
            self.run_worker(self._loading(self._load), group="load")

    async def _loading(self, load: Callable[[], Sequence[Option]]) -> None:
        self._options = [*self._options, *await asyncio.to_thread(load)]
        self._load = None
        self._table.say(NONE)
        self._list()
        if self._chosen:
            self._take()

    @property
    def _field(self) -> LineInput:
        return self.query_one(LineInput)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    def _list(self) -> None:
        """The best matches first; what is typed last, so that enter finds before it takes literally."""
        text = self._field.value.strip()
        options = {option.value: option for option in (*self._options, *(self._more(text) if self._more else ()))}
        if text:
            matcher = Matcher(text)
            scores = {value: matcher.match(value) for value in options}
            best = sorted((value for value in options if scores[value] > 0), key=lambda value: -scores[value])
            options = {value: options[value] for value in best}
            if self._typed is not None and text not in options:
                literal = self._typed(text)
                options.setdefault(literal.value, literal)
        self._listed = dict(list(options.items())[:SHOWN])
        rows = [Row(o.value, (clean(o.value), Content.styled(clean(o.note), "$muted"))) for o in self._listed.values()]
        self._table.set_rows(rows, cursor=rows[0].key if rows else None)

    def _take(self) -> None:
        """The option under the cursor; one that opens is gone into. While some are still looked for, it waits."""
        if self._load is not None:
            self._chosen = True
            return
        option = self._listed.get(self._table.key or "")
        if option is not None and option.opens:
            self._chosen = False
            self._field.value = option.value
            self._list()
        elif option is not None or not self._field.value.strip():
            self.dismiss(option.value if option is not None else None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take()

    def on_table_opened(self, event: Table.Opened) -> None:
        self._take()

    def action_pick_next(self) -> None:
        self._table.action_table_down()

    def action_pick_previous(self) -> None:
        self._table.action_table_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        wanted = {"pick_finetune": self._finetune, "pick_complete": self._more}
        return wanted.get(action, True) is not None

    def action_pick_complete(self) -> None:
        """The text becomes what is under the cursor, to go on from there."""
        if self._table.key is not None:
            self._field.value = self._table.key
            self._list()

    def action_pick_finetune(self) -> None:
        option = self._listed.get(self._table.key or "")
        if option is not None and option.opens:
            self._take()
        elif self._finetune is not None and option is not None:
            self.dismiss(None)
            self._finetune(option.value)

    def action_dialog_close(self) -> None:
        self.dismiss(None)
