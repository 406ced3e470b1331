"""What every page of the app shares: header, footer, panes, the keys that mean the same everywhere, news of runs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.events import DescendantFocus, ScreenResume, Unmount
from textual.screen import Screen
from textual.widget import Widget

from tui_app.actions import Action, bindings
from tui_app.layout import arrange, arrangement
from tui_app.living import Leaving
from tui_app.widgets.footer import Footer
from tui_app.widgets.header import Header
from tui_app.widgets.pane import Pane
from tui_app.widgets.panebar import PaneBar

if TYPE_CHECKING:
    from engine.figures.figure import Figure
    from engine.figures.table import Table
    from engine.runtime.records import RunRecord
    from tui_app.app import LabApp


@dataclass(frozen=True, slots=True)
class Exports:
    """What can leave the screen; `stem` names the files, `runs` are the recorded runs that it shows.

    `table` has every value in full, for CSV; `summary` and `paper` are the same for readers (Markdown) and for LaTeX,
    where they differ.
    """

    stem: str
    figures: "Sequence[Figure]" = ()
    table: "Table | None" = None
    runs: "Sequence[RunRecord]" = ()
    summary: "Table | None" = None
    paper: "Table | None" = None


class LabScreen(Leaving, Screen[None]):
    """A page. Subclasses build panes in `body` and override the hooks at the end.

    Numbered ones name their `TAB`; the others stand under the one from which they were opened.
    """

    TAB: ClassVar[str] = ""
    HELP = ""
    BINDINGS = bindings("screen", "app", "pane")
    _arranged = False
    ALLOW_IN_MAXIMIZED_VIEW = "Header, Footer"

    @property
    def lab(self) -> "LabApp":
        """The app, with its type."""
        return cast("LabApp", self.app)

    def compose(self) -> ComposeResult:
        yield Header(self.TAB or self.lab.current_mode)
        yield PaneBar()
        yield from self.body()
        yield Footer(self.label)

    # Panes

    @property
    def panes(self) -> list[Pane]:
        """The screen's panes in order, without those that have nothing to show."""
        return [pane for pane in self.query(Pane) if not pane.has_class("-absent")]

    @property
    def pane(self) -> Pane | None:
        """The pane with the focus."""
        if self.focused is None:
            return None
        return next((node for node in self.focused.ancestors_with_self if isinstance(node, Pane)), None)

    def show_pane(self, pane: Pane) -> None:
        """Focuses what a pane is entered at; in the narrow layout that pane comes to the front."""
        self._front(pane)
        if (entry := self.entry(pane)) is not None:
            self.set_focus(entry)  # at once: the next key is for it

    def _front(self, pane: Pane) -> None:
        for deck in self.query(".deck"):
            deck.set_class(pane in deck.walk_children(), "-front")
        for other in self.panes:
            other.set_class(other is pane, "-front")
        self.query_one(PaneBar).show(self.panes, pane)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if self.pane is not None:
            self._front(self.pane)
        self.renew_keys()

    def _focus_step(self, step: int) -> None:
        """Moves the focus on, into panes that the narrow layout hides as well."""
        panes = self.panes
        pane = self.pane
        if not self.has_class("-narrow") or pane is None or self.maximized is not None:
            self.focus_next() if step > 0 else self.focus_previous()
            return
        targets = pane.targets
        place = targets.index(self.focused) + step if self.focused in targets else len(targets)
        if 0 <= place < len(targets):
            self.set_focus(targets[place])
            return
        reachable = [other for other in panes if other.targets]
        following = reachable[(reachable.index(pane) + step) % len(reachable)]
        self._front(following)
        self.set_focus(following.targets[0 if step > 0 else -1])

    def action_pane_next(self) -> None:
        self._focus_step(1)

    def action_pane_previous(self) -> None:
        self._focus_step(-1)

    def action_pane_jump(self) -> None:
        from tui_app.screens.jump import JumpScreen

        self.app.push_screen(JumpScreen(self))

    def action_pane_zoom(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif self.pane is not None:
            self.maximize(self.pane, container=False)
        self._keep_arrangement()

    def action_pane_wider(self) -> None:
        if self.pane is not None:
            self.pane.resize(1.25)
            self._keep_arrangement()

    def action_pane_narrower(self) -> None:
        if self.pane is not None:
            self.pane.resize(0.8)
            self._keep_arrangement()

    def action_pane_even(self) -> None:
        for pane in self.panes:
            pane.even()
        self._keep_arrangement()

    def _keep_arrangement(self) -> None:
        self.lab.notebook.arranged(type(self).__name__, arrangement(self))

    # Everywhere

    def action_show_pane(self, name: str) -> None:
        """Brings a pane to the front; for clicks on the pane bar."""
        self.show_pane(self.query_one(f"#{name}", Pane))

    def action_press(self, key: str) -> None:
        """Does what the key would; for clicks on the footer."""
        self.app.simulate_key(key)

    def action_app_help(self) -> None:
        from tui_app.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self))

    def action_app_explain(self) -> None:
        from tui_app.screens.help import explain

        self.app.push_screen(explain(self.focused or self))

    def action_app_palette(self) -> None:
        from tui_app.palette import Palette

        if not Palette.is_open(self.app):
            self.app.push_screen(Palette())

    @property
    def _way_back(self) -> Callable[[], object] | None:
        """The zoomed pane, whatever `step_back` names, then the page itself."""
        if self.maximized is not None:
            return self.minimize
        return self.step_back() or (self.dismiss if len(self.app.screen_stack) > 1 else None)

    def action_app_back(self) -> None:
        if (step := self._way_back) is not None:
            zoomed = self.maximized
            step()
            self.renew_keys()
            if zoomed is not None:
                self._keep_arrangement()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Footer, help and palette show only what would do something."""
        if action == "app_back":
            return self._way_back is not None
        if action == "pane_zoom":
            return self.pane is not None
        return super().check_action(action, parameters)

    def renew_keys(self) -> None:
        """Something changed that decides which keys are live."""
        self.query_one(Footer).renew()

    def action_app_leave(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.dismiss()
        else:
            self.lab.action_app_quit()

    def action_app_export(self) -> None:
        exports = self.exports()
        if exports is None:
            self.notify("There is nothing to export here yet.")
            return
        from tui_app.screens.export import ExportScreen

        self.app.push_screen(ExportScreen(exports))

    def action_app_copy(self) -> None:
        text = self.copies()
        if text:
            self.lab.copy(text)
        else:
            self.notify("There is nothing to copy here.")

    # Runs

    def follow_runs(self, ids: Iterable[str]) -> None:
        """Asks for the full records of these runs, now and as they change; replaces what was asked before."""
        self.lab.runs.follow(id(self), ids)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.lab.show_machine(self)
        if not self._arranged:
            self._arranged = True
            arrange(self, self.lab.notebook.memory.layouts.get(type(self).__name__, {}))
        self.runs_changed(frozenset(self.lab.runs.rows))

    def on_unmount(self, event: Unmount) -> None:
        self.lab.runs.follow(id(self), ())

    # What a page fills in

    def label(self, action: Action) -> str:
        """The footer's word for a key."""
        return action.label

    def entry(self, pane: Pane) -> Widget | None:
        """Where a pane is entered: the first thing in it."""
        return next(iter(pane.targets), None)

    def body(self) -> Iterable[Widget]:
        """The page's widgets, between header and footer."""
        raise NotImplementedError

    def runs_changed(self, changed: frozenset[str]) -> None:
        """Runs with these ids have news (or are gone); called a few times a second at most, only while in view."""

    def step_back(self) -> Callable[[], object] | None:
        """What escape undoes inside the page as it stands; None where there is nothing to undo."""
        return None

    def exports(self) -> Exports | None:
        """What `e` offers."""
        return None

    def copies(self) -> str | None:
        """What `y` copies."""
        return None
