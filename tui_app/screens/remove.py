"""Deleting runs: which, what they take, and that it cannot be taken back."""

from collections.abc import Iterable, Sequence

from textual import work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import InputError
from engine.figures.units import in_bytes
from engine.runtime.files import tree_bytes
from tui_app.actions import bindings
from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.carryingout import carry_out
from tui_app.screens.dialog import Dialog, choices
from tui_app.screens.runline import listed
from tui_app.text import count


class RemoveScreen(Dialog):
    """Enter deletes the runs, escape keeps them."""

    title_text = "Delete"
    BINDINGS = bindings("remove")

    def __init__(self, page: Page, runs: Sequence[Summary]) -> None:
        """`page` is told what has been deleted."""
        super().__init__()
        self._page, self._runs = page, runs
        self._taken = Static(Content(""))

    def box(self) -> Iterable[Widget]:
        title = Content.styled(f"{count(len(self._runs), 'run')} with all results, logs and models:", "bold")
        yield Static(Content("\n").join([title, *listed(self._runs)]))
        yield self._taken
        yield Static(choices({"enter": "delete for good", "escape": "keep"}))

    def on_mount(self) -> None:
        self._measure()

    @work(thread=True)
    def _measure(self) -> None:
        taken = sum(tree_bytes(run.path) for run in self._runs)
        self.call_from_thread(self._taken.update, Content(f"  {in_bytes(taken)} on disk\n"))

    def action_remove_do(self) -> None:
        self.dismiss(None)
        carry_out(self._page, self._remove)

    def _remove(self) -> str:
        from engine.runtime import control

        gone, stayed = control.remove_all(run.path for run in self._runs)
        self._page.lab.runs.wake()
        said = f"{gone[0] if len(gone) == 1 else count(len(gone), 'run')} deleted." if gone else ""
        if stayed:
            raise InputError(" ".join(filter(None, (said, *stayed))))
        return said
