"""The page of an experiment: its form, the figure and the points of its newest run, and the key that starts one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from textual import on
from textual.containers import Horizontal
from textual.events import ScreenResume
from textual.widget import Widget

from engine.experiments import registry
from tui_app.actions import bindings
from tui_app.screens.base import Exports
from tui_app.screens.experiment.filling import Filling
from tui_app.screens.experiment.launching import Launching
from tui_app.screens.experiment.newest import Newest
from tui_app.screens.experiment.planning import Planning
from tui_app.screens.experiment.preview import Preview
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.runactions import RunActions
from tui_app.screens.searchactions import SearchActions
from tui_app.screens.shown import NO_POINT, ShownRun
from tui_app.screens.views import Views
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.form.form import Form
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable
from tui_app.widgets.table import Table

NO_RUN = "No run yet: ctrl+r starts one."


class ExperimentScreen(LabScreen):
    """Subclasses name the `EXPERIMENT`; everything else comes from its config class and its columns."""

    EXPERIMENT: ClassVar[str]
    CSS_PATH = "experiment.tcss"
    BINDINGS = bindings("launch", "run", "view")

    def __init__(self) -> None:
        super().__init__()
        self.experiment = registry.get(self.EXPERIMENT)
        self.form = Form(self.experiment, id="form")
        self.curves = CurveView()
        self.points = PointsTable(id="points-table", empty=NO_RUN)
        self.details = Details(id="details-view")
        self.preview = Preview(lambda what, **values: self.lab.interactive.ask(what, **values))
        self.filled: Mapping[str, Any] | None = None
        self.panes.whole = True
        self.views = self.adopt(Views(self, self.panes, ("points", "details")))
        self.shown = ShownRun(self, self.views, self.curves, self.points, self.details)
        self.newest = self.adopt(Newest(self, self.EXPERIMENT, self.shown, self.points))
        self.adopt(RunActions(self, lambda: self.newest.run))
        self.adopt(SearchActions(self, lambda: self.newest.run))
        self.planning = Planning(self, self.EXPERIMENT, self.experiment, self.form, self.preview, self.newest.history)
        self.filling = self.adopt(Filling(self, self.EXPERIMENT, self.form))
        self.adopt(Launching(self, self.EXPERIMENT, self.form, self.planning, self._started))

    def body(self) -> Iterable[Widget]:
        yield Horizontal(
            Pane(self.form, label=self.experiment.title, jump="s", id="settings"),
            Pane(self.curves, label="Figure", jump="f", id="figure"),
            Pane(self.preview, label="Plan", jump="n", id="planned", classes="-absent"),
            id="top",
            classes="deck",
        )
        yield Horizontal(
            Pane(self.points, label="Points", jump="p", id="points"),
            Pane(self.details, label="Details", jump="d", id="details", classes="-absent"),
            id="bottom",
            classes="deck",
        )
        yield Line(id="line")

    def on_mount(self) -> None:
        if self.filled is not None:
            self.form.fill(self.filled)
        else:
            self.filling.load_last()
        self.form.focus()

    def fill(self, config: Mapping[str, Any]) -> None:
        """Puts a run's settings into the form."""
        self.filled = config
        if self.form.is_mounted:
            self.form.fill(config)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.planning.look_soon()

    # Runs

    def runs_changed(self, changed: frozenset[str]) -> None:
        known = self.newest.known
        self.newest.look()
        self._leave_room(self.newest.is_missing)
        self.newest.show(changed)
        if self.newest.known != known:
            self.planning.plan()

    def _started(self, run: str) -> None:
        self.newest.id = run
        self._leave_room(False)

    def _leave_room(self, fresh: bool) -> None:
        """Before the first run the form has the points' room too, and beside it stands what it will do."""
        if not fresh and self.shown.record is None:
            self.curves.say(NO_POINT)
        if fresh == self.has_class("-fresh"):
            return
        if self.preview.table.has_focus:
            self.form.focus()
        self.set_class(fresh, "-fresh")
        for pane, absent in (("#points", fresh), ("#figure", fresh), ("#planned", not fresh)):
            self.query_one(pane, Pane).set_class(absent, "-absent")
        if self.panes.current is not None:
            self.panes.bring_forward(self.panes.current)
        self.planning.plan()

    # What happens in the panes

    @on(Form.Changed)
    def _changed(self) -> None:
        self.planning.changed()

    @on(Form.Picking)
    def _pick(self, event: Form.Picking) -> None:
        self.filling.pick(event.field)

    @on(Table.Opened)
    def _open(self, event: Table.Opened) -> None:
        point = self.shown.point(event.key)
        if point is not None and self.shown.record is not None:
            from tui_app.screens.point import PointScreen

            self.app.push_screen(PointScreen(self.shown.record.id, point.index))

    # Everywhere

    def entry(self, pane: Pane) -> Widget | None:
        """The form is entered at its cursor, not in a row's text."""
        return self.form if pane.id == "settings" else super().entry(pane)

    def step_back(self) -> Callable[[], object] | None:
        """Out of a row that is edited; it is as it was."""
        return self.form.restore if self.form.editing else None

    def exports(self) -> Exports | None:
        return self.shown.exports()

    def copies(self) -> str | None:
        return self.form.command
