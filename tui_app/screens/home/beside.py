"""What stands beside Home's table: the facts of the run under the cursor, the figure, and the runs at work."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.home import facts
from tui_app.screens.home.figure import HomeFigure
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane


class Beside:
    """`figure` is the pane of the figure."""

    def __init__(self, page: Page) -> None:
        self.figure = HomeFigure()
        self._page = page

    @property
    def slots(self) -> Mapping[str, int]:
        """The palette's slots of the runs that are drawn."""
        return self.figure.slots

    def facts(self, run: Summary | None) -> None:
        """Tells of a run, where there is room for that."""
        pane = self._page.query_one("#details", Pane)
        if not pane.is_on_screen and not pane.region:
            return
        lab, text = self._page.lab, Content("")
        if run is not None:
            records, baseline = lab.runs.records, lab.notebook.memory.baseline
            text = facts.facts(run, records.get(run.id), records.get(baseline or ""), lab.clock())
        pane.title(run.id if run is not None else "Details")
        self._page.query_one("#facts", Line).show(text, layout=True)

    def jobs(self) -> None:
        """One line of the runs at work."""
        active = sorted(
            (run for run in self._page.lab.runs.rows.values() if run.state in ("running", "queued")),
            key=lambda run: run.created,
        )
        line = self._page.query_one("#jobs", Line)
        line.display = bool(active)
        line.show(facts.jobs(active, self._page.lab.clock(), self._page.size.width))

    def preview(self, ids: Sequence[str], chosen: str | None, marks: Mapping[str, int]) -> None:
        """Draws some runs shortly, and follows them, the chosen one and the baseline."""
        self._page.follow_runs([*ids, *filter(None, [chosen, self._page.lab.notebook.memory.baseline])])
        self.figure.want(ids, marks)
