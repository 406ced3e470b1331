"""The page of one run: its figures, its points, its settings and its log."""

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tui_app.actions import bindings
from tui_app.runs.summary import Summary
from tui_app.screens.base import Exports
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.run.log import RunLog
from tui_app.screens.run.standing import Standing
from tui_app.screens.runactions import RunActions
from tui_app.screens.searchactions import SearchActions
from tui_app.screens.shown import NO_POINT, ShownRun
from tui_app.screens.views import Views
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable
from tui_app.widgets.settings import SettingsTable
from tui_app.widgets.table import Table

VIEWS = ("points", "details", "config", "log")


class RunScreen(LabScreen):
    """Below 120 columns points, details, settings and log take turns under the figure; `view` is the first in front."""

    CSS_PATH = "run.tcss"
    BINDINGS = bindings("run", "view")
    HELP = (
        "One run: its figures, points, settings and log. enter opens a point; [ and ] change the view below the figure."
    )

    def __init__(self, run_id: str, view: str = "") -> None:
        super().__init__()
        self.run_id = run_id
        self._asked = view
        self.curves = CurveView(placeholder=NO_POINT)
        self.points = PointsTable(id="points-table", empty="This run has no points.")
        self.details = Details(id="details-view")
        self.settings = SettingsTable(id="settings-table")
        self.run_log = RunLog()
        self._standing = Standing(self, run_id)
        self.views = self.adopt(Views(self, self.panes, VIEWS, lambda: self.call_after_refresh(self._show_log)))
        self.adopt(RunActions(self, lambda: self._run))
        self.adopt(SearchActions(self, lambda: self._run))
        self.shown = ShownRun(self, self.views, self.curves, self.points, self.details)

    def body(self) -> Iterable[Widget]:
        yield self._standing.line
        yield self._standing.failure
        yield Horizontal(
            Vertical(
                Pane(self.curves, label="Figure", jump="f", id="figure"),
                Pane(self.points, label="Points", jump="p", id="points"),
                Pane(self.details, label="Details", jump="d", id="details", classes="-absent"),
                id="left",
                classes="deck",
            ),
            Vertical(
                Pane(self.settings, label="Settings", jump="s", id="config"),
                self.run_log.pane,
                id="right",
                classes="deck",
            ),
            id="main",
        )
        yield self._standing.best

    def on_mount(self) -> None:
        self.follow_runs([name for name in (self.run_id, self._baseline) if name])
        if self._asked in VIEWS:
            self.views.turn(self._asked)
        self.set_interval(1.0, self._tick)
        named = {"points": self.points, "config": self.settings, "log": self.run_log.view}
        (named.get(self._asked) or self.curves).focus()

    # The run

    @property
    def _run(self) -> Summary | None:
        return self.lab.runs.rows.get(self.run_id)

    @property
    def _baseline(self) -> str:
        return self.lab.notebook.memory.baseline or ""

    def runs_changed(self, changed: frozenset[str]) -> None:
        if self._run is None and self.shown.record is not None:
            self.dismiss(None)  # it has been deleted, here or by a command
            return
        if self.run_id in changed or self.shown.record is None:
            self._show_run()

    def _show_run(self) -> None:
        records = self.lab.runs.records
        record = records.get(self.run_id)
        first = self.shown.record is None
        self.shown.show(record)
        self._standing.show_failure(record if self.curves.figures else None)
        failed = next(iter(record.failed), None) if record is not None else None
        if first and failed is not None:
            self.points.go_to(str(failed.index))
        if record is not None:
            self.settings.set_run(record, records.get(self._baseline), self.shown.experiment)
        self._tick()

    def _tick(self) -> None:
        """What goes on between the news of runs."""
        self._standing.show(self._run, self.shown.record, self.shown.best)
        self._show_log()

    @on(Table.Highlighted, "#points-table")
    def _show_log(self) -> None:
        self.run_log.show(self._run, self.shown.record, self.shown.point(self.points.key))

    # Keys

    @on(Table.Opened, "#points-table")
    def _opened(self, event: Table.Opened) -> None:
        from tui_app.screens.point import PointScreen

        self.app.push_screen(PointScreen(self.run_id, int(event.key)))

    def action_run_log(self) -> None:
        self.panes.show(self.run_log.pane)

    # Everywhere

    def exports(self) -> Exports | None:
        return self.shown.exports()

    def copies(self) -> str | None:
        return self.shown.copies()
