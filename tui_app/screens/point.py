"""The page of one point: what it measured, layer by layer, or why it failed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.experiments.api import Column as Quantity
from engine.experiments.api import Unit
from engine.experiments.cells import layer_labels
from engine.experiments.taken import facts as machine_facts
from engine.experiments.taken import taken_by
from engine.figures.table import Table as Rows
from engine.runtime.records import PointRecord, RunRecord
from engine.runtime.resources import Taken
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.screens.base import Exports
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.shown import found
from tui_app.screens.tail import Tail
from tui_app.text import clean, error_line
from tui_app.widgets.log import LogView
from tui_app.widgets.pane import Pane
from tui_app.widgets.points import state
from tui_app.widgets.table import Column, Row, Table
from tui_app.widgets.units import heading, interval, show

LAYERS = "layers"
KEPT = ("name", "sqnr_weight_db")
NAME, BAR = 14, 12


class PointScreen(LabScreen):
    """Below the result the layers, worst signal-to-noise first; for a failed point its traceback."""

    CSS_PATH = "point.tcss"
    BINDINGS = bindings("run.log")
    HELP = "One point of a run. Its layers come in the order of the noise added to their weights, the noisiest first."

    def __init__(self, run_id: str, index: int) -> None:
        super().__init__()
        self.run_id, self.index = run_id, index
        self.layers_table = Table((), id="layers-table", empty="This point reports no layers.")
        self.log_view = LogView(id="log-view")
        self._record: RunRecord | None = None
        self._tail = Tail()

    def body(self) -> Iterable[Widget]:
        yield Horizontal(
            Pane(VerticalScroll(Static(id="facts")), label="Point", jump="p", id="point"),
            Pane(self.layers_table, label="Layers", jump="y", id="layers"),
            Pane(self.log_view, label="Log", jump="l", id="log"),
        )

    def on_mount(self) -> None:
        self.follow_runs([self.run_id])
        self.call_after_refresh(self.panes.show, self.query_one("#layers", Pane))

    @property
    def point(self) -> PointRecord | None:
        """The point as last read."""
        points = self._record.points if self._record else ()
        return points[self.index] if self.index < len(points) else None

    def runs_changed(self, changed: frozenset[str]) -> None:
        record = self.lab.runs.records.get(self.run_id)
        if record is None or record is self._record:
            return
        self._record = record
        point = self.point
        if point is None:
            return
        layers = layers_of(point)
        self.set_class(not layers, "-bare")
        self.query_one("#point", Pane).title(f"{record.id}, point {point.index}")
        experiment = found(record)
        shown = experiment.columns_of(record.config) if experiment else ()
        known = experiment.quantities(record.config) if experiment else {}
        of_layers = experiment.tables(record.config).get(LAYERS, {}) if experiment else {}
        self.query_one("#facts", Static).update(facts(point, shown, known, taken_by(record).get(point.index)))
        columns, rows = layer_rows(layers, of_layers)
        if not layers:
            self.call_after_refresh(self.panes.show, self.query_one("#log", Pane))
        self.layers_table.set_columns(columns)
        self.layers_table.set_rows(rows)
        self._show_log(record, point)

    def _show_log(self, record: RunRecord, point: PointRecord) -> None:
        fresh, lines = self._tail.read(record.path, point.index, point.attempt)
        if fresh:
            self.log_view.clear()
            self.log_view.add(((point.error or {}).get("traceback") or "").splitlines())
        self.log_view.add(lines)

    def action_run_log(self) -> None:
        self.toggle_class("-log")
        pane = "#log" if self.has_class("-log") else "#layers"
        self.call_after_refresh(self.panes.show, self.query_one(pane, Pane))

    def exports(self) -> Exports | None:
        if self._record is None or self.point is None:
            return None
        layers = layers_of(self.point)
        headers = tuple(layers[0]) if layers else ()
        table = Rows(headers, tuple(tuple(layer.get(key) for key in headers) for layer in layers)) if layers else None
        return Exports(f"{self.run_id}-point-{self.index}", (), table, (self._record,), point=self.index)

    def copies(self) -> str | None:
        point = self.point
        if point is None:
            return None
        return (point.error or {}).get("traceback") or "\n".join(f"{key}\t{value}" for key, value in _plain(point))


def layers_of(point: PointRecord) -> list[Mapping[str, Any]]:
    """The layers that a result reports, the noisiest first."""
    layers = [layer for layer in (point.result or {}).get(LAYERS) or () if isinstance(layer, Mapping)]
    return sorted(layers, key=lambda layer: layer.get("sqnr_weight_db") or 0.0)


def layer_rows(layers: list[Mapping[str, Any]], known: Mapping[str, Quantity]) -> tuple[list[Column], list[Row]]:
    """The table of layers: a column for each value, and a bar for the signal-to-noise ratio of the weights."""
    keys = list(layers[0]) if layers else []
    names = [str(layer.get("name", "")) for layer in layers]
    layers = [{**layer, "name": name} for name, layer in zip(layer_labels(names), layers, strict=True)]
    columns = [_layer_column(key, layers, place, known) for place, key in enumerate(keys)]
    highest = max((layer.get("sqnr_weight_db") or 0.0 for layer in layers), default=0.0)
    if highest > 0:
        columns.append(Column("bar", "", BAR, rank=20))
    rows: list[Row] = []
    for layer in layers:
        cells: list[Content | str] = [show(layer.get(key), _unit(known, key), bare=True) for key in keys]
        if highest > 0:
            done, _ = glyphs.bar(max(0.0, (layer.get("sqnr_weight_db") or 0.0) / highest), BAR)
            cells.append(Content.styled(done, "$primary"))
        rows.append(Row(str(layer.get("name", len(rows))), tuple(cells)))
    return columns, rows


def _layer_column(key: str, layers: list[Mapping[str, Any]], place: int, known: Mapping[str, Quantity]) -> Column:
    label = known[key].label if key in known else key
    texts = [show(layer.get(key), _unit(known, key), bare=True) for layer in layers]
    words = isinstance(layers[0].get(key), str)
    width = min(24 if place == 0 else 16, max(map(len, (label, *texts))))
    return Column(key, label, width, right=not words, flex=place == 0, rank=0 if key in KEPT else place + 1)


def _unit(known: Mapping[str, Quantity], key: str) -> Unit:
    return known[key].unit if key in known else "number"


def facts(
    point: PointRecord, shown: Sequence[Quantity], known: Mapping[str, Quantity], took: Taken | None = None
) -> Content:
    """State, parameters, the columns that are shown with their intervals, then every other quantity that is known."""
    columns = {column.key: column for column in shown}
    bounds = {name for column in known.values() for name in (column.low, column.high)}
    lines = [state(point) if point.state != "failed" else Content.styled(error_line(point.error), "$error")]
    told = [("attempt", str(point.attempt)), ("device", clean(point.device or ""))]
    if point.seconds is not None:
        told.append(("took", show(point.seconds, "seconds")))
    if took is not None:
        told += machine_facts(took)
    lines += [_fact(name, text) for name, text in told if text]
    for key, value in _plain(point):
        if key in bounds:
            continue
        column = columns.get(key)
        if column is None:
            name = key.replace("validation_", "val. ").replace("_", " ")
            lines.append(_fact(name, show(value, _unit(known, key)), quiet=key not in point.params))
            continue
        text = show(value, column.unit, signed=column.signed)
        low, high = ((point.result or {}).get(name) if name else None for name in (column.low, column.high))
        if low is not None and high is not None:
            text += f" {interval(low, high, column.unit)}"
        lines.append(_fact(heading(column.label), text))
    return Content("\n").join(lines)


def _plain(point: PointRecord) -> list[tuple[str, Any]]:
    values = {**point.params, **(point.result or {})}
    return [(key, value) for key, value in values.items() if not isinstance(value, list | dict)]


def _fact(name: str, text: str, *, quiet: bool = False) -> Content:
    return Content.assemble((f"{glyphs.clip(clean(name), NAME):<{NAME}} ", "$muted"), (text, "$muted" if quiet else ""))
