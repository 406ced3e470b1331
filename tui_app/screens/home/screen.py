"""Home: every run in one table, the figure of the marked ones, and what is at work."""

from collections.abc import Callable, Iterable

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from tui_app.actions import bindings
from tui_app.runs.listing import listing
from tui_app.screens.base import Exports
from tui_app.screens.home.beginning import Beginning
from tui_app.screens.home.beside import Beside
from tui_app.screens.home.figure import HomeFigure
from tui_app.screens.home.listing import Listing
from tui_app.screens.home.news import Since
from tui_app.screens.home.welcome import Welcome
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.runactions import RunActions
from tui_app.screens.searchactions import SearchActions
from tui_app.widgets.filterline import FilterInput
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

STANDING_SECONDS = 3.0


class HomeScreen(LabScreen):
    """The first page. `listing` is the table of runs."""

    TAB = "home"
    BINDINGS = bindings("home", "run")
    HELP = "All runs. Mark some with space to see their curves together; type / to filter; enter opens a run."

    def __init__(self) -> None:
        super().__init__()
        self._query, self._news, self._welcome = FilterInput(), Since(), Welcome()
        self._beside = Beside(self)
        self.listing = self.adopt(Listing(self, self._query, self._beside))
        self.adopt(Beginning(self, self._welcome))
        self.adopt(RunActions(self, lambda: self.listing.chosen, lambda: self.listing.marked))
        self.adopt(SearchActions(self, lambda: self.listing.chosen))

    def body(self) -> Iterable[Widget]:
        yield Horizontal(Line("/", id="slash"), self._query, Line(id="status"), id="filterline")
        yield self._news
        yield self._welcome
        yield Horizontal(
            Vertical(
                Pane(self.listing.table, label="Runs", jump="r", id="runs"),
                self._beside.figure,
                id="left",
                classes="deck",
            ),
            Vertical(
                Pane(VerticalScroll(Line(id="facts")), label="Details", jump="d", id="details"),
                id="right",
                classes="deck",
            ),
            id="main",
        )
        yield Line(id="jobs")

    def on_mount(self) -> None:
        self.listing.table.focus()
        self.set_interval(1.0, self.listing.age)
        self.set_interval(STANDING_SECONDS, self._beside.look)

    # News of runs

    def runs_changed(self, changed: frozenset[str]) -> None:
        feed, arrived = self.lab.runs, False
        if feed.ready and not feed.unread:
            arrived = self._news.tell(feed.rows.values(), self.lab.last_visit, self.lab.clock())
        self.listing.take(changed)
        self._greet(feed.ready and not (feed.rows or feed.unread or feed.trouble))
        self.listing.show()
        if arrived:
            self.listing.table.action_table_top()  # failures came to the top
        self.listing.preview()

    def _greet(self, empty: bool) -> None:
        """Without any run there are ways to begin in place of the table."""
        if empty != self.has_class("-empty"):
            self.set_class(empty, "-empty")
            (self._welcome if empty else self.listing.table).focus()

    # What happens in the panes

    @on(HomeFigure.Drawn)
    def _drawn(self) -> None:
        self.listing.show()

    @on(Table.Highlighted)
    def _moved(self) -> None:
        self._beside.facts(self.listing.chosen)
        self.listing.preview()
        self.renew_keys()

    @on(Table.Marked)
    def _mark(self, event: Table.Marked) -> None:
        self.listing.mark(event.key)

    @on(Table.Opened)
    def _open(self, event: Table.Opened) -> None:
        self.lab.open_run(event.key)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self.listing.filter(event.value)

    # Everywhere

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a project without runs, what needs a run waits for one."""
        needs_runs = action.startswith(("home_", "run_", "app_export", "app_copy"))
        begins = action == "home_new" or action.startswith("home_demo")
        if needs_runs and not begins and self.has_class("-empty"):
            return False
        return super().check_action(action, parameters)

    def step_back(self) -> Callable[[], object] | None:
        """Out of the filter, then the filter's text, then the news, then the marks."""
        if self._query.has_focus or self._query.value:
            return self.listing.unfilter
        if self._news.display:
            return self._news.close
        return self.listing.unmark if self.listing.marks else None

    def exports(self) -> Exports | None:
        """The figure in view, its runs, and the table as it is filtered and ordered."""
        feed = self.lab.runs
        records = [record for name in self.listing.previewed if (record := feed.records.get(name)) is not None]
        table = listing([feed.rows[name] for name in self.listing.board.shown()])
        stem = "-".join(record.id for record in records[:4]) or "runs"
        return Exports(stem, self._beside.figure.curve.figures, table, records)

    def copies(self) -> str | None:
        """The marked rows, or the one under the cursor, with tabs between the values."""
        cells = {row.key: row.cells for row in self.listing.table.rows}
        return "\n".join("\t".join(map(str, cells[name])) for name in self.listing.previewed if name in cells)
