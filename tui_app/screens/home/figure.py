"""The figure of the runs that are marked, or of the one under the cursor."""

from collections.abc import Mapping, Sequence
from typing import cast

from textual import work
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from engine.figures.figure import Figure
from engine.runtime.records import RunRecord
from tui_app.lab import Lab
from tui_app.pace import Pace
from tui_app.runs.notice import failure, waiting
from tui_app.widgets.curve import CurveView
from tui_app.widgets.pane import Pane

SECONDS = 0.25  # a held key or a busy run draws a few times a second


class HomeFigure(Pane):
    """Takes the records that the feed has and makes their figure in a thread."""

    class Drawn(Message):
        """Other slots of the palette belong to the runs."""

    def __init__(self) -> None:
        self.curve = CurveView()
        super().__init__(self.curve, label="Figure", jump="f", id="figure")
        self.slots: dict[str, int] = {}
        self._ids: tuple[str, ...] = ()
        self._marks: dict[str, int] = {}
        self._shown: object = None
        self._soon: Timer | None = None
        self._pace = Pace(SECONDS)

    def want(self, ids: Sequence[str], marks: Mapping[str, int]) -> None:
        """The runs to draw, shortly; asking again costs nothing."""
        self._ids, self._marks = tuple(ids), dict(marks)
        if self._soon is None:
            self._soon = self.set_timer(self._pace.seconds, self._look)

    def _look(self) -> None:
        self._soon = None
        found = [cast("Lab", self.app).runs.records.get(name) for name in self._ids]
        records = tuple(record for record in found if record is not None)
        if (records, self._marks) != self._shown:
            self._shown = records, self._marks
            self._draw(records, self._marks)

    @work(thread=True, exclusive=True, group="figure")
    def _draw(self, records: Sequence[RunRecord], marks: dict[str, int]) -> None:
        from tui_app.runs.overlay import overlaid

        worker = get_current_worker()
        with self._pace.measured():
            figures, slots = overlaid(records, marks) if records else ([], {})
        if not worker.is_cancelled:
            wrong = failure(records[0], cast("Lab", self.app).config.keys) if len(records) == 1 else ""
            alone = (
                wrong or waiting(records[0], "No points yet.") if len(records) == 1 else "These runs share no figure."
            )
            self.call_from_thread(self._show, figures, slots, alone if records else "", bool(wrong))

    def _show(self, figures: list[Figure], slots: dict[str, int], nothing: str, alarm: bool) -> None:
        self.curve.say(nothing, alarm=alarm)
        self.curve.set_figures(figures)
        if slots != self.slots:
            self.slots = slots
            self.post_message(self.Drawn())
