"""A run on a page: its figures, its table of points and its details, kept up to date at a bounded rate."""

from collections.abc import Callable
from typing import TypeVar

from engine.errors import InputError
from engine.experiments import registry, results
from engine.experiments.base import Choice, Experiment
from engine.figures.table import Table
from engine.runtime.records import PointRecord, RunRecord
from tui_app.screens.base import Exports
from tui_app.screens.views import Views
from tui_app.widgets.curve import CurveView
from tui_app.widgets.details import Details
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import PointsTable

_Value = TypeVar("_Value")

SECONDS_BETWEEN = 0.5
UNREADABLE = (InputError, ValueError, KeyError, TypeError, IndexError)  # a run of another version, or a damaged one


class ShownRun:
    """Feeds a `CurveView`, a `PointsTable` and `Details` from a run's records.

    The table takes every record; the rest is worked out again only after a point has ended or a curve has grown, and
    at most twice a second. The details' pane is there only for runs that have some.
    """

    def __init__(self, screen: Views, curves: CurveView, points: PointsTable, details: Details) -> None:
        self.record: RunRecord | None = None
        self.best: Choice | None = None
        self.experiment: Experiment | None = None
        self._screen, self._curves, self._points, self._details = screen, curves, points, details
        self._worked_out: tuple[object, ...] = ()
        self._pending = False

    def show(self, record: RunRecord | None) -> None:
        """Takes a newer record, another run's, or none."""
        other = record is None or self.record is None or record.id != self.record.id
        self.record = record
        if other:
            self.best, self._worked_out = None, ()
            self.experiment = None if record is None else found(record)
            self._curves.set_figures(())
            self._figures()
        elif not self._pending and self._state() != self._worked_out:
            self._pending = True
            self._screen.set_timer(SECONDS_BETWEEN, self._figures)
        self._table()

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
        return Exports(stem, figures, self._in_focus(self.record), (self.record,))

    def copies(self) -> str | None:
        """The table of points, for a spreadsheet or a README."""
        return None if self.record is None else self._in_focus(self.record).markdown()

    def _in_focus(self, record: RunRecord) -> Table:
        """The listing that the reader is in, else the points."""
        listing = self._details.listing if self._details.table.has_focus else None
        return results.points_table(record) if listing is None else results.listing_table(listing)

    def _state(self) -> tuple[object, ...]:
        assert self.record is not None
        grown = sum(len(curve) for point in self.record.points for curve in point.metrics.values())
        return self.record.done, self.record.state, grown, bool(self.record.notes)

    def _figures(self) -> None:
        self._pending = False
        if self.record is None:
            return
        self._worked_out = self._state()
        self._curves.set_figures(_read(results.figures, self.record, ()))
        self.best = _read(results.best, self.record, None)
        self._details.set(_read(results.findings, self.record, ()), _read(results.listings, self.record, ()))
        pane = self._screen.query_one("#details", Pane)
        pane.set_class(not (self._details.findings or self._details.listings), "-absent")
        if pane.has_class("-absent") and self._screen.view == "details":
            self._screen.turn("points")
        self._screen.refresh_bindings()
        self._table()

    def _table(self) -> None:
        columns = self.experiment.columns if self.experiment else ()
        self._points.set_run(self.record, columns, self.best.index if self.best else None)


def _read(what: Callable[[RunRecord], _Value], record: RunRecord, otherwise: _Value) -> _Value:
    try:
        return what(record)
    except UNREADABLE:
        return otherwise


def found(record: RunRecord) -> Experiment | None:
    """The experiment of a run, if it can still be loaded; its config need not be valid any more."""
    try:
        return registry.get(record.experiment)
    except UNREADABLE:
        return None
