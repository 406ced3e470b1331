"""A run on a page: its figures, its table of points and its details, kept up to date at a bounded rate."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from engine.errors import InputError
from engine.experiments import registry, results, summary
from engine.experiments.api import AnyExperiment, Choice, Listing
from engine.figures.figure import Figure
from engine.figures.table import Table
from engine.runtime.records import PointRecord, RunRecord
from tui_app.pace import Pace
from tui_app.runs.notice import failure, waiting
from tui_app.screens.base import Exports, Page
from tui_app.screens.views import Views
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable

_Value = TypeVar("_Value")

SECONDS_BETWEEN = 0.5
NO_POINT = "The figure appears with the first point."
UNREADABLE = (InputError, ValueError, KeyError, TypeError, IndexError)  # a run of another version, or a damaged one


@dataclass(frozen=True, slots=True)
class Readout:
    """What an experiment reads out of a run."""

    figures: Sequence[Figure]
    best: Choice | None
    findings: Sequence[str]
    listings: Sequence[Listing]

    @classmethod
    def of(cls, record: RunRecord) -> "Readout":
        """All of it; what cannot be read is left out."""
        figures: Sequence[Figure] = _read(results.figures, record, ())
        findings: Sequence[str] = _read(results.findings, record, ())
        said = [f"Data: {data}"] if (data := results.data(record)) else []
        return cls(figures, _read(results.best, record, None), [*findings, *said], _read(results.listings, record, ()))


class ShownRun:
    """Feeds a `CurveView`, a `PointsTable` and `Details` from a run's records.

    The table takes every record; the rest is worked out again only after a point has ended or a curve has grown, at
    most twice a second and in a thread: at once only for the first record of a run. The details' pane is there only
    for runs that have some.
    """

    def __init__(self, page: Page, views: Views, curves: CurveView, points: PointsTable, details: Details) -> None:
        self.record: RunRecord | None = None
        self.best: Choice | None = None
        self.experiment: AnyExperiment | None = None
        self._page, self._views = page, views
        self._curves, self._points, self._details = curves, points, details
        self._worked_out: tuple[object, ...] = ()
        self._pending = False
        self._pace = Pace(SECONDS_BETWEEN)

    def show(self, record: RunRecord | None) -> None:
        """Takes a newer record, another run's, or none."""
        other = record is None or self.record is None or record.id != self.record.id
        self.record = record
        if other:
            self.best, self._worked_out = None, ()
            self.experiment = None if record is None else found(record)
            self._curves.set_figures(())
            if record is not None:
                self._take(record, self._work_out(record))
        self._follow_up()
        self._say()
        self._table()

    def _say(self) -> None:
        """What stands in place of the figures where there are none."""
        if self.record is not None:
            wrong = failure(self.record, self._page.lab.config.keys)
            self._curves.say(wrong or waiting(self.record, NO_POINT), alarm=bool(wrong))

    def point(self, key: str | None) -> PointRecord | None:
        """The point that a row of the table stands for."""
        if self.record is None or key is None:
            return None
        return next((point for point in self.record.points if str(point.index) == key), None)

    def exports(self) -> Exports | None:
        """The figure in view first, then the others, the table and the record."""
        if self.record is None:
            return None
        figures = tuple(self._curves.figures)
        shown = self._curves.figure
        first = () if shown is None else (shown,)
        figures = (*first, *(figure for figure in figures if figure is not shown))
        stem = f"{self.record.id}-{figures[0].key}" if figures else self.record.id
        table, readable, paper = self._tables(self.record)
        return Exports(stem, figures, table, (self.record,), readable, paper)

    def copies(self) -> str | None:
        """The table in focus, for a README."""
        if self.record is None:
            return None
        table, readable, _ = self._tables(self.record)
        return (readable or table).markdown()

    def _tables(self, record: RunRecord) -> tuple[Table, Table | None, Table | None]:
        """What the reader is in, a listing or the points: every value, as people read it, and for a paper."""
        if (listing := self._listing) is not None:
            return results.listing_table(listing), summary.listing_summary(listing), summary.paper_listing(listing)
        if self.experiment is None:  # of another version
            return results.points_table(record), None, None
        return results.points_table(record), summary.summary_table(record), summary.paper_table(record)

    @property
    def _listing(self) -> Listing | None:
        """The listing that the reader is in; None in the points."""
        return self._details.listing if self._details.table.has_focus else None

    def _follow_up(self) -> None:
        """Works out anew, soon, what the record has beyond what was worked out."""
        if self.record is not None and not self._pending and _state(self.record) != self._worked_out:
            self._pending = True
            self._page.set_timer(self._pace.seconds, self._again)

    def _again(self) -> None:
        if self.record is None:
            self._pending = False
        else:
            self._page.run_worker(self._read_anew(self.record), group="read", exclusive=True)

    async def _read_anew(self, record: RunRecord) -> None:
        try:
            readout = await asyncio.to_thread(self._work_out, record)
        finally:
            self._pending = False
        if self.record is not None and self.record.id == record.id:
            self._take(record, readout)
            self._table()
        self._follow_up()

    def _work_out(self, record: RunRecord) -> Readout:
        with self._pace.measured():
            return Readout.of(record)

    def _take(self, record: RunRecord, readout: Readout) -> None:
        self._worked_out = _state(record)
        self._curves.set_figures(readout.figures)
        self.best = readout.best
        pane = self._page.query_one("#details", Pane)
        before = pane.has_class("-absent"), len(self._details.listings)
        self._details.set(readout.findings, readout.listings)
        pane.set_class(not (self._details.findings or self._details.listings), "-absent")
        if pane.has_class("-absent") and self._views.view == "details":
            self._views.turn("points")
        if (pane.has_class("-absent"), len(self._details.listings)) != before:
            self._page.refresh_bindings()

    def _table(self) -> None:
        columns = self.experiment.columns_of(self.record.config) if self.experiment and self.record else ()
        self._points.set_run(self.record, columns, self.best.index if self.best else None)


def _state(record: RunRecord) -> tuple[object, ...]:
    """What changes whenever there is more to work out."""
    grown = sum(len(curve) for point in record.running for curve in point.metrics.values())
    return record.done, record.state, grown, bool(record.notes)


def _read(what: Callable[[RunRecord], _Value], record: RunRecord, otherwise: _Value) -> _Value:
    try:
        return what(record)
    except UNREADABLE:
        return otherwise


def found(record: RunRecord) -> AnyExperiment | None:
    """The experiment of a run, if it can still be loaded; its config need not be valid any more."""
    try:
        return registry.get(record.experiment)
    except UNREADABLE:
        return None
