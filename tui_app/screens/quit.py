"""Leaving while runs are at work: they go on, unless one says otherwise."""

from collections.abc import Iterable, Sequence

from textual import work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.actions import bindings
from tui_app.runs.summary import Summary
from tui_app.screens.dialog import Dialog, choices
from tui_app.screens.runline import listed
from tui_app.text import count


class QuitScreen(Dialog):
    """Enter leaves the runs running, s stops them, escape stays."""

    title_text = "Quit"
    BINDINGS = bindings("quit")

    def __init__(self, active: Sequence[Summary]) -> None:
        super().__init__()
        self.active = active

    def box(self) -> Iterable[Widget]:
        title = Content.styled(f"{count(len(self.active), 'run')} at work:", "bold")
        keys = choices({"enter": "leave them running", "s": "stop them and quit", "escape": "stay"})
        yield Static(Content("\n").join([title, *listed(self.active), Content(""), keys]))

    def action_quit_leave(self) -> None:
        self.app.exit()

    @work(thread=True, exclusive=True)
    def action_quit_stop(self) -> None:
        from engine.runtime import control

        for run in self.active:
            try:
                control.cancel(run.path)
            except InputError:  # it has ended by itself
                continue
            except OSError as error:
                self.app.call_from_thread(self.app.notify, in_words(error), severity="error", markup=False)
                return
        self.app.call_from_thread(self.app.exit)
