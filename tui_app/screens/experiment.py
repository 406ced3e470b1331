"""The page of an experiment: its form, the figure and the points of its newest run, and the key that starts one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual import on, work
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from engine.errors import InputError
from engine.experiments import registry
from engine.experiments.estimate import estimate
from engine.experiments.launch import is_on_hub
from engine.experiments.placement import seats_shown
from engine.runtime.records import RunRecord
from tui_app import glyphs, presets
from tui_app.actions import bindings
from tui_app.runs.summary import Summary
from tui_app.screens.base import Exports
from tui_app.screens.filling import Filling
from tui_app.screens.preview import Preview
from tui_app.screens.runactions import RunActions
from tui_app.screens.runline import run_line
from tui_app.screens.searchactions import SearchActions
from tui_app.screens.shown import NO_POINT, ShownRun
from tui_app.screens.views import Views
from tui_app.text import clean, count
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.form.form import Form
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable
from tui_app.widgets.table import Table
from tui_app.widgets.units import show

HISTORY = 12  # past runs that the estimate of time looks at
NO_RUN = "No run yet: ctrl+r starts one."
CHECK_SECONDS = 0.6  # after the last letter, before files and the hub are asked


class ExperimentScreen(Filling):
    """Subclasses name the `EXPERIMENT`; everything else comes from its config class and its columns."""

    CSS_PATH = "experiment.tcss"
    BINDINGS = bindings("launch", "run", "view")

    def __init__(self) -> None:
        super().__init__()
        self.experiment = registry.get(self.EXPERIMENT)
        self.form = Form(self.experiment, id="form")
        self.curves = CurveView()
        self.points = PointsTable(id="points-table", empty=NO_RUN)
        self.details = Details(id="details-view")
        self.preview = Preview(self._ask)
        self.views = self.adopt(Views(self, self.panes, ("points", "details")))
        self.adopt(RunActions(self, self.chosen_run))
        self.adopt(SearchActions(self, self.chosen_run))
        self.panes.whole = True
        self.shown = ShownRun(self, self.views, self.curves, self.points, self.details)
        self.follows = True
        self._run = ""
        self.history: dict[str, RunRecord] = {}
        self._filling: Mapping[str, Any] | None = None
        self._known = 0
        self._objection = ""
        self._checked: Mapping[str, Any] | None = None  # settings of which the check has answered
        self._said: list[str] = []  # what it had to say of them
        self._checking: Timer | None = None
        self._launching = False

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
        self.views.turn("points")
        if self._filling is not None:
            self.form.fill(self._filling)
        elif presets.LAST in presets.names(self.EXPERIMENT):
            self.load_preset(presets.LAST)
        self.form.focus()

    def fill(self, config: Mapping[str, Any]) -> None:
        """Puts a run's settings into the form."""
        self._filling = config
        if self.form.is_mounted:
            self.form.fill(config)

    # Runs

    def chosen_run(self) -> Summary | None:
        """The run that is shown."""
        return self.lab.runs.rows.get(self._run)

    def runs_changed(self, changed: frozenset[str]) -> None:
        feed = self.lab.runs
        mine = sorted(
            (run for run in feed.rows.values() if run.experiment == self.EXPERIMENT),
            key=lambda run: (run.created, run.id),
            reverse=True,
        )
        if self._run not in feed.rows:
            self._run = mine[0].id if mine else ""
        self._leave_room(not self._run and feed.ready and not feed.unread)
        past = [run.id for run in mine if run.done and run.id != self._run][:HISTORY]
        self.history.update((name, feed.records[name]) for name in (self._run, *past) if name in feed.records)
        self.follow_runs(
            [name for name in (self._run, *past) if name and (name == self._run or name not in self.history)]
        )
        if self._run in changed or (self.shown.record is None) != (self._run not in feed.records):
            self._show_run()
        known = sum(run.done for run in self.history.values())
        if known != self._known:
            self._known = known
            self._plan()

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
        self._plan()

    async def _ask(self, what: str, **values: Any) -> Any:
        return await self.lab.interactive.ask(what, **values)

    def _show_run(self) -> None:
        run, record = self.chosen_run(), self.lab.runs.records.get(self._run)
        before = self.shown.record
        self.shown.show(record)
        line = run_line(run, record, self.lab.clock(), self.size.width) if run else Content("")
        self.query_one("#line", Line).show(line)
        pane = self.query_one("#points", Pane)
        reason = glyphs.clip(clean(self.shown.best.reason), self.size.width - 8) if self.shown.best else ""
        pane.title(f"Points of {run.id}" if run else "Points", reason)
        if record is not None and self.follows and before is not None and record.done > before.done:
            newest = max(record.points, key=lambda point: point.ended or 0.0)
            self.points.go_to(str(newest.index))

    # The plan

    @on(Form.Changed)
    def _changed(self) -> None:
        self._objection = ""
        if self._checking is not None:
            self._checking.stop()
        self._checking = self.set_timer(CHECK_SECONDS, self._check) if self.form.config is not None else None
        self._plan()

    @work(group="check", exclusive=True)
    async def _check(self) -> None:
        """Asks whether model and data can be used; only the answer to what the form still says counts."""
        changed = self.form.changed
        try:
            said, objection = await self.lab.interactive.ask("check", experiment=self.EXPERIMENT, values=changed), ""
        except InputError as error:
            said, objection = [], str(error)
        if changed == self.form.changed:
            self._objection, self._checked, self._said = objection, changed, said or []
            self._plan()

    def _plan(self) -> None:
        """How many points, how long, where, and what is read and used; or what stands against it."""
        config = self.form.config
        problem = self.form.errors.get("", "") or self._objection
        if config is None or problem:
            self._stand_against(problem or f"Fix: {', '.join(self.form.wrong)}")
            return
        try:
            if self._checked != self.form.changed and is_on_hub(getattr(config, "model", "")):
                self.form.show_plan(Content("looking the model up"))  # in the worker: a network has no place here
                return
            points = self.experiment.points(config)
            seats = seats_shown(config, len(points))
        except (InputError, OSError) as error:
            self._stand_against(str(error))
            return
        if self.has_class("-fresh"):
            self.preview.show(self.experiment, config.model_dump(mode="json"), points)
        taking = estimate(self.experiment, config.model_dump(mode="json"), points, self.history.values())
        time = "time unknown" if taking.seconds is None else f"about {show(taking.seconds / seats, 'seconds')}"
        memory = [] if taking.memory is None else [f"{show(taking.memory, 'bytes')} of memory"]
        on_cluster = [f"Ray at {config.address}"] if config.executor == "ray" else []
        where = on_cluster or ([] if config.device == "auto" else [config.device])
        parts = f" {glyphs.sign('dot')} ".join([count(len(points), "point"), time, *memory, *where])
        text = f"{glyphs.state('finished')} {parts}"
        said = "\n".join(map(clean, self._said)) if self._checked == self.form.changed else ""
        self.form.show_plan(Content.assemble((text, "$success"), (f"\n{said}" if said else "", "$muted")))

    def _stand_against(self, text: str) -> None:
        self.form.show_plan(Content.styled(f"{glyphs.state('failed')} {clean(text)}", "$error"))
        self.preview.say("")

    # Keys

    def action_launch_start(self) -> None:
        if self._launching:  # what has been asked for cannot be taken back: a second key would start a second run
            return
        self.form.accept()
        if self.form.config is None:
            self.form.focus_wrong()
            self.notify("; ".join(self.form.errors.values()), severity="error", markup=False)
            return
        self._launching = True
        self.run_worker(self._launch(), group="launch")

    async def _launch(self) -> None:
        """Whatever a check in flight would say, starting says it too."""
        if self._checking is not None:
            self._checking.stop()
        self.workers.cancel_group(self, "check")
        changed, toml = self.form.changed, self.form.toml
        self.form.show_plan(Content("starting"))
        try:
            presets.save(self.EXPERIMENT, presets.LAST, toml)
            started = await self.lab.interactive.ask("launch", experiment=self.EXPERIMENT, values=changed)
        except (InputError, OSError) as error:
            self._objection = str(error)
            self._plan()
            self.notify(str(error), severity="error", markup=False)
            return
        finally:
            self._launching = False
        self._run = started
        self._leave_room(False)
        self.lab.runs.wake()
        self._plan()
        self.notify(f"{started} is on its way; it goes on without this screen.", markup=False)

    def action_launch_follow(self) -> None:
        self.follows = not self.follows
        self.notify("The newest point is selected as it ends." if self.follows else "The selection stays.", timeout=2)

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
