"""What stands beside Home's table: the facts of the run under the cursor, the figure, and the runs at work."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from textual.content import Content

from engine.errors import InputError
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
        self._standing: str | None = None

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

    def look(self) -> None:
        """Asks who stands by for the next run."""
        self._page.run_worker(self._ask(), group="standing", exclusive=True)

    async def _ask(self) -> None:
        with suppress(InputError):  # the worker has died: nobody stands by
            self._standing = await self._page.lab.interactive.ask("standing_by")

    def jobs(self) -> None:
        """One line of the runs at work, and of who stands by."""
        active = sorted(
            (run for run in self._page.lab.runs.rows.values() if run.state in ("running", "queued")),
            key=lambda run: run.created,
        )
        line = self._page.query_one("#jobs", Line)
        line.display = bool(active or self._standing)
        line.show(facts.jobs(active, self._standing, self._page.lab.clock(), self._page.size.width))

    def preview(self, ids: Sequence[str], chosen: str | None, marks: Mapping[str, int]) -> None:
        """Draws some runs shortly, and follows them, the chosen one and the baseline."""
        self._page.follow_runs([*ids, *filter(None, [chosen, self._page.lab.notebook.memory.baseline])])
        self.figure.want(ids, marks)
