"""Leaving while runs are at work: they go on, unless one says otherwise."""

from collections.abc import Iterable, Sequence

from textual import work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app import glyphs
from tui_app.actions import bindings, show_key
from tui_app.runs.summary import Summary
from tui_app.screens.dialog import Dialog
from tui_app.text import count


class QuitScreen(Dialog):
    """Enter leaves the runs running, s stops them, escape stays."""

    title_text = "Quit"
    BINDINGS = bindings("quit")

    def __init__(self, active: Sequence[Summary]) -> None:
        super().__init__()
        self.active = active

    def box(self) -> Iterable[Widget]:
        lines = [Content.styled(f"{count(len(self.active), 'run')} at work:", "bold")]
        lines += [Content(f"  {glyphs.state(r.state)} {r.id}  {r.name}  {r.done}/{r.total}") for r in self.active[:6]]
        if len(self.active) > 6:
            lines.append(Content(f"  {glyphs.sign('ellipsis')} and {len(self.active) - 6} more"))
        lines.append(Content(""))
        for key, text in (("enter", "leave them running"), ("s", "stop them and quit"), ("escape", "stay")):
            lines.append(
                Content.assemble((f"{show_key(key, words=glyphs.plain()):>5}", "bold $secondary"), f"  {text}")
            )
        yield Static(Content("\n").join(lines))

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
