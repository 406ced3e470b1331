"""The page of one run: its figures, its points, its settings and its log."""

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.experiments.api import Choice
from engine.experiments.taken import in_words
from engine.runtime.records import PointRecord, RunRecord
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.runs.notice import failure
from tui_app.runs.summary import Summary
from tui_app.screens.base import Exports
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.runactions import RunActions
from tui_app.screens.runline import run_line
from tui_app.screens.searchactions import SearchActions
from tui_app.screens.shown import NO_POINT, ShownRun
from tui_app.screens.tail import Tail
from tui_app.screens.views import Views
from tui_app.text import clean
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.line import Line
from tui_app.widgets.log import LogView
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
        self.log_view = LogView(id="log-view")
        self.views = self.adopt(Views(self, self.panes, VIEWS, lambda: self.call_after_refresh(self._show_log)))
        self.adopt(RunActions(self, self.chosen_run))
        self.adopt(SearchActions(self, self.chosen_run))
        self.shown = ShownRun(self, self.views, self.curves, self.points, self.details)
        self._tail = Tail()
        self._logged = "Log"
        self._best: Choice | None = None

    def body(self) -> Iterable[Widget]:
        yield Line(id="line")
        yield Line(id="failure")
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
                Pane(self.log_view, label="Log", jump="l", id="log"),
                id="right",
                classes="deck",
            ),
            id="main",
        )
        yield Static(id="best")

    def on_mount(self) -> None:
        self.follow_runs([name for name in (self.run_id, self._baseline) if name])
        self.views.turn(self._asked if self._asked in VIEWS else VIEWS[0])
        self.set_interval(1.0, self._tick)
        named = {"points": self.points, "config": self.settings, "log": self.log_view}
        (named.get(self._asked) or self.curves).focus()

    @property
    def _baseline(self) -> str | None:
        return self.lab.notebook.memory.baseline

    # The run

    def chosen_run(self) -> Summary | None:
        """The run."""
        return self.lab.runs.rows.get(self.run_id)

    def runs_changed(self, changed: frozenset[str]) -> None:
        if self.run_id in changed or self.shown.record is None:
            self._show_run()

    def _tick(self) -> None:
        self._show_line()
        self._show_log()

    def _show_run(self) -> None:
        records = self.lab.runs.records
        record = records.get(self.run_id)
        first = self.shown.record is None
        self.shown.show(record)
        self._show_line()
        self._show_failure(record, first)
        if record is not None:
            self.settings.set_run(record, records.get(self._baseline or ""), self.shown.experiment)
            self._show_log()

    def _show_failure(self, record: RunRecord | None, first: bool) -> None:
        """Above the figure, where there is one: else it stands in the figure's place. The failed point is at hand."""
        text = failure(record, self.lab.config.keys) if record is not None and self.curves.figures else ""
        what, _, advice = text.partition("\n\n")
        footing = self.query_one("#failure", Line)
        footing.display = bool(text)
        said = "\n".join((what.replace(":\n", ": ", 1), advice.replace("\n", f" {glyphs.sign('dot')} ")))
        footing.show(Content(said), layout=True)
        failed = next(iter(record.failed), None) if record is not None else None
        if first and failed is not None:
            self.points.go_to(str(failed.index))

    def _show_line(self) -> None:
        run, best = self.chosen_run(), self.shown.best
        line = Content(f" {self.run_id}")
        if run is not None:
            line = run_line(run, self.shown.record, self.lab.clock(), self.size.width)
        self.query_one("#line", Line).show(line)
        if best != self._best:
            self._best = best
            footing = self.query_one("#best", Static)
            footing.display = best is not None
            footing.update(Content.assemble(("best  ", "bold $success"), clean(best.reason)) if best else "")

    def _show_log(self) -> None:
        """The log of the point that runs, else of the one under the cursor."""
        run, record = self.chosen_run(), self.shown.record
        if run is None or record is None or not self.log_view.is_on_screen:
            return
        running = next(iter(record.running), None)
        point = running or self.shown.point(self.points.key)
        if point is not None:
            fresh, lines = self._tail.read(run.path, point.index, point.attempt)
            if fresh:
                self.log_view.clear()
                self._logged = f"Log of {_named(point)}"
            self.query_one("#log", Pane).title(self._logged, in_words(record))
            self.log_view.add(lines)

    @on(Table.Highlighted, "#points-table")
    def _highlighted(self) -> None:
        self._show_log()

    @on(Table.Opened, "#points-table")
    def _opened(self, event: Table.Opened) -> None:
        from tui_app.screens.point import PointScreen

        self.app.push_screen(PointScreen(self.run_id, int(event.key)))

    def action_run_log(self) -> None:
        self.panes.show(self.query_one("#log", Pane))

    # Everywhere

    def exports(self) -> Exports | None:
        return self.shown.exports()

    def copies(self) -> str | None:
        return self.shown.copies()


def _named(point: PointRecord) -> str:
    values = list(dict.fromkeys(clean(value) for value in point.params.values()))
    return clean(point.params.get("what", "")) or " ".join(values[:2]) or f"point {point.index}"
