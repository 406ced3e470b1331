"""The page that lays runs over each other: their curves, their best points, the settings in which they differ."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from engine.experiments import results
from engine.experiments.cells import measured, values_of
from engine.figures.table import Table as Rows
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.runs.overlay import overlaid
from tui_app.screens.base import Exports
from tui_app.screens.importing import Importing
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.shown import SECONDS_BETWEEN, UNREADABLE
from tui_app.text import clean
from tui_app.widgets.curve import CurveView
from tui_app.widgets.pane import Pane
from tui_app.widgets.settings import written
from tui_app.widgets.table import Column, Row, Table
from tui_app.widgets.units import heading, interval, show


class CompareScreen(LabScreen):
    """Runs keep the glyphs that they had when they were marked."""

    CSS_PATH = "compare.tcss"
    BINDINGS = bindings("compare")
    HELP = (
        "Marked runs side by side. ← → on the figure reads all of them out; i lays a curve of another program beside; "
        "d shows the settings that do not differ."
    )

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__()
        self.ids = tuple(ids)
        self.curves = CurveView(placeholder="These runs share no figure.")
        self.table = Table((), id="table")
        self.importing = self.adopt(Importing(self, self.curves, self._draw))
        self.same = False
        self._records: tuple[RunRecord, ...] = ()
        self._slots: dict[str, int] = {}
        self._pending = False

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            Pane(self.curves, label="Figure", jump="f", id="figure"),
            Pane(self.table, label="Differences", jump="d", id="differences"),
        )

    def on_mount(self) -> None:
        self.follow_runs(self.ids)
        self.curves.focus()

    def runs_changed(self, changed: frozenset[str]) -> None:
        found = tuple(filter(None, (self.lab.runs.records.get(name) for name in self.ids)))
        if found == self._records or self._pending:
            return
        self._pending = bool(self._records)
        if self._pending:
            self.set_timer(SECONDS_BETWEEN, self._show)
        else:
            self._show()

    def _show(self) -> None:
        self._pending = False
        self._records = tuple(filter(None, (self.lab.runs.records.get(name) for name in self.ids)))
        self._draw()
        self._fill()

    def _draw(self, front: str = "") -> None:
        figures, self._slots = overlaid(self._records, {name: place for place, name in enumerate(self.ids)})
        self.curves.set_figures(self.importing.laid(figures), front)

    def _fill(self) -> None:
        """Best points first, then the settings; one column a run."""
        columns = [Column("key", "", 14)]
        columns += [Column(run.id, self._heading(run), 12, flex=True) for run in self._records]
        self.table.set_columns(columns)
        chosen = [_best(run) for run in self._records]
        names = dict.fromkeys(name for values in chosen for name in values)
        lines = [("name", [clean(run.name) for run in self._records], True)]
        lines += [(name, [values.get(name, glyphs.sign("dash")) for values in chosen], True) for name in names]
        for key in dict.fromkeys(key for run in self._records for key in run.config):
            values = [written(run.config.get(key)) for run in self._records]
            differs = len(set(values)) > 1
            if differs or self.same:
                lines.append((clean(key), values, differs))
        rows = [
            Row(f"{place} {key}", tuple(Content.styled(text, "" if loud else "$muted") for text in (key, *values)))
            for place, (key, values, loud) in enumerate(lines)
        ]
        self.table.set_rows(rows)
        hidden = "" if self.same else "d shows the settings that are the same"
        self.query_one("#differences", Pane).title("Best points and settings that differ", hidden)

    def _heading(self, run: RunRecord) -> str:
        return f"{glyphs.series(self._slots.get(run.id, 0))} {clean(run.id)} {glyphs.state(run.state)}"

    def action_compare_same(self) -> None:
        self.same = not self.same
        self._fill()

    # Everywhere

    def exports(self) -> Exports | None:
        if not self._records:
            return None
        shown = self.curves.figure
        first = () if shown is None else (shown,)
        rows = tuple(tuple(str(cell) for cell in row.cells) for row in self.table.rows)
        table = Rows(("", *(run.id for run in self._records)), rows)
        stem = "-".join(("compare", *(run.id for run in self._records[:4])))
        return Exports(stem, (*first, *(f for f in self.curves.figures if f is not shown)), table, self._records)

    def copies(self) -> str | None:
        exports = self.exports()
        return exports.table.markdown() if exports is not None and exports.table is not None else None


def _best(run: RunRecord) -> dict[str, str]:
    """The chosen point of a run, column by column."""
    try:
        experiment, _ = results.opened(run)
        choice = results.best(run)
    except UNREADABLE:
        return {}
    if choice is None:
        return {}
    values = values_of(run.points[choice.index])
    told: dict[str, str] = {}
    for column in measured(experiment.columns_of(run.config), run):
        value, low, high = (_there(values.get(name or "")) for name in (column.key, column.low, column.high))
        text = show(value, column.unit, signed=column.signed)
        if value is not None and low is not None and high is not None:
            text += f" {interval(low, high, column.unit)}"
        told[f"best {heading(column.label)}"] = text
    return told


def _there(value: object) -> Any:
    """A value; None for NaN, which old records hold where nothing was measured."""
    return None if isinstance(value, float) and math.isnan(value) else value
