"""The newest run of an experiment on its page, and the past ones that tell how long another will take."""

from textual.content import Content

from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.controller import Controller
from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.runline import run_line
from tui_app.screens.shown import ShownRun
from tui_app.text import clean
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable

HISTORY = 12  # past runs that the estimate of time looks at


class Newest(Controller):
    """`id` names it, `history` holds its record and those of past runs by id. `points` is the table of its points."""

    def __init__(self, page: Page, experiment: str, shown: ShownRun, points: PointsTable) -> None:
        self.id = ""
        self.history: dict[str, RunRecord] = {}
        self._page, self._experiment, self._shown, self._points = page, experiment, shown, points
        self._follows = True

    @property
    def run(self) -> Summary | None:
        """The run."""
        return self._page.lab.runs.rows.get(self.id)

    @property
    def is_missing(self) -> bool:
        """Whether there is no run yet: those that there are have all been read."""
        feed = self._page.lab.runs
        return not self.id and feed.ready and not feed.unread

    @property
    def known(self) -> int:
        """Points that an estimate can go by."""
        return sum(run.done for run in self.history.values())

    def look(self) -> None:
        """Takes the newest run where there is none yet, and whatever has come of it and of those before."""
        feed = self._page.lab.runs
        mine = sorted(
            (run for run in feed.rows.values() if run.experiment == self._experiment),
            key=lambda run: (run.created, run.id),
            reverse=True,
        )
        if self.id not in feed.rows:
            self.id = mine[0].id if mine else ""
        past = [run.id for run in mine if run.done and run.id != self.id][:HISTORY]
        self.history.update((name, feed.records[name]) for name in (self.id, *past) if name in feed.records)
        unknown = [name for name in past if name not in self.history]
        self._page.follow_runs([*filter(None, [self.id]), *unknown])

    def show(self, changed: frozenset[str]) -> None:
        """Shows the run if it is among those that changed, or another one than before."""
        record = self._page.lab.runs.records.get(self.id)
        if self.id in changed or (self._shown.record is None) != (record is None):
            self._show(self.run, record)

    def _show(self, run: Summary | None, record: RunRecord | None) -> None:
        before, width = self._shown.record, self._page.size.width
        self._shown.show(record)
        line = run_line(run, record, self._page.lab.clock(), width) if run else Content("")
        self._page.query_one("#line", Line).show(line)
        best = self._shown.best
        reason = glyphs.clip(clean(best.reason), width - 8) if best else ""
        self._page.query_one("#points", Pane).title(f"Points of {run.id}" if run else "Points", reason)
        if record is not None and self._follows and before is not None and record.done > before.done:
            newest = max(record.points, key=lambda point: point.ended or 0.0)
            self._points.go_to(str(newest.index))

    def action_launch_follow(self) -> None:
        self._follows = not self._follows
        self._page.notify(
            "The newest point is selected as it ends." if self._follows else "The selection stays.", timeout=2
        )
