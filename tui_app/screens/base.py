"""What a page is to the app and to its own parts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.screen import Screen
from textual.widget import Widget

from tui_app.actions import Action
from tui_app.lab import Lab
from tui_app.living import Leaving
from tui_app.screens.controller import Controller
from tui_app.widgets.footer import Footer
from tui_app.widgets.pane import Pane

if TYPE_CHECKING:  # at start there is no figure
    from engine.figures.figure import Figure
    from engine.figures.table import Table
    from engine.runtime.records import RunRecord

Part = TypeVar("Part", bound=Controller)


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


class Page(Leaving, Screen[None]):
    """Its keys are answered by its own methods and by the controllers that it adopts; the rest are hooks."""

    TAB: ClassVar[str] = ""
    HELP = ""

    def __init__(self) -> None:
        super().__init__()
        self._answering: dict[str, Controller] = {}

    @property
    def lab(self) -> Lab:
        """The app, with its type."""
        return cast("Lab", self.app)

    # Keys

    def adopt(self, controller: Part) -> Part:
        """From now on the controller's actions are the page's, but for those that the page does itself."""
        for action in controller.answers:
            method = f"action_{action}"
            self._answering[action] = controller
            if not hasattr(type(self), method):
                setattr(self, method, getattr(controller, method))
        return controller

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Footer, help and palette show only what would do something."""
        controller = self._answering.get(action)
        return super().check_action(action, parameters) if controller is None else controller.live(action)

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
        raise NotImplementedError

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
