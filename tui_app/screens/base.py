"""What a page is to the app and to its own parts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen
from textual.widget import Widget

from tui_app.actions import Action
from tui_app.controller import Adopting
from tui_app.lab import Lab
from tui_app.living import Leaving
from tui_app.widgets.footer import Footer
from tui_app.widgets.pane import Pane

if TYPE_CHECKING:  # at start there is no figure
    from engine.figures.figure import Figure
    from engine.figures.table import Table
    from engine.runtime.records import RunRecord


@dataclass(frozen=True, slots=True)
class Exports:
    """What can leave the screen; `stem` names the files, `runs` are the recorded runs that it shows.

    `table` has every value in full, for CSV; `summary` and `paper` are the same for readers (Markdown) and for LaTeX,
    where they differ. `point` is the one whose model can leave, None for that which the run chose.
    """

    stem: str
    figures: "Sequence[Figure]" = ()
    table: "Table | None" = None
    runs: "Sequence[RunRecord]" = ()
    summary: "Table | None" = None
    paper: "Table | None" = None
    point: int | None = None


class Page(Adopting, Leaving, Screen[None]):
    """What its keys do is in its controllers; the rest are hooks."""

    TAB: ClassVar[str] = ""
    HELP = ""

    @property
    def lab(self) -> Lab:
        """The app, with its type."""
        return cast("Lab", self.app)

    # Keys

    def label(self, action: Action) -> str:
        """The footer's word for a key."""
        controller = self._answering.get(action.method)
        return action.label if controller is None else controller.label(action)

    def renew_keys(self) -> None:
        """Something changed that decides which keys are live."""
        self.query_one(Footer).renew()

    # Runs

    def follow_runs(self, ids: Iterable[str]) -> None:
        """Asks for the full records of these runs, now and as they change; replaces what was asked before."""
        self.lab.runs.follow(id(self), ids)

    # What a page fills in

    def body(self) -> Iterable[Widget]:
        """The page's widgets, between header and footer."""
        return ()

    def entry(self, pane: Pane) -> Widget | None:
        """Where a pane is entered: the first thing in it."""
        return next(iter(pane.targets), None)

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
