"""What every page of the app is made of: header, panes, footer, and the keys that mean the same everywhere."""

from textual.app import ComposeResult
from textual.events import DescendantFocus, ScreenResume, Unmount

from tui_app.actions import bindings
from tui_app.screens.base import Page
from tui_app.screens.everywhere import Everywhere
from tui_app.screens.panes import Panes
from tui_app.widgets.footer import Footer
from tui_app.widgets.header import Header
from tui_app.widgets.panebar import PaneBar


class LabScreen(Page):
    """Subclasses build panes in `body` and override the hooks of `Page`.

    Numbered ones name their `TAB`; the others stand under the one from which they were opened.
    """

    BINDINGS = bindings("screen", "app", "pane")
    ALLOW_IN_MAXIMIZED_VIEW = "Header, Footer"

    def __init__(self) -> None:
        super().__init__()
        self.panes = self.adopt(Panes(self))
        self.adopt(Everywhere(self, self.panes))

    def compose(self) -> ComposeResult:
        yield Header(self.TAB or self.lab.current_mode)
        yield PaneBar()
        yield from self.body()
        yield Footer(self.label)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if self.panes.current is not None:
            self.panes.bring_forward(self.panes.current)
        self.renew_keys()

    def on_resize(self) -> None:
        self.call_later(self.panes.refit)  # once the page knows how wide it is now

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.lab.show_machine(self)
        self.panes.arrange()
        self.runs_changed(frozenset(self.lab.runs.rows))

    def on_unmount(self, event: Unmount) -> None:
        self.follow_runs(())
