"""The table of runs as plain values, for export and for the clipboard."""

from collections.abc import Sequence

from engine.figures.table import Table
from tui_app.runs.summary import Summary

HEADERS = (
    "id",
    "experiment",
    "name",
    "state",
    "metric",
    "best",
    "low",
    "high",
    "bytes",
    "done",
    "points",
    "created",
    "tags",
    "note",
)


def listing(runs: Sequence[Summary]) -> Table:
    """One row for each run, with the best point's value and its 95 % interval in full precision."""
    return Table(HEADERS, tuple(_row(run) for run in runs))


def _row(run: Summary) -> tuple[object, ...]:
    best = run.metric
    values = (best.label, best.value, best.low, best.high) if best is not None else (None,) * 4
    return (
        run.id,
        run.experiment,
        run.name,
        run.state,
        *values,
        run.bytes,
        run.done,
        run.total,
        run.created,
        run.tag,
        run.note,
    )
