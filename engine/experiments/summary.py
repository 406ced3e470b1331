"""The tables of a run as people read them: for the report, for Markdown, for a paper. No torch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.experiments import registry, results
from engine.experiments.api import Column, Listing
from engine.experiments.cells import Values, heading, measured, values_of, written
from engine.figures.table import Table
from engine.runtime.records import RunRecord

_SCALES = {
    "bytes": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)),
    "seconds": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)),
}
_UNITS = {"percent": "%", "db": "dB"}


def summary_table(run: RunRecord) -> Table:
    """The experiment's own columns, intervals as ± half their width."""
    columns = measured(registry.get(run.experiment).columns_of(run.config), run)
    headers = ("#", *(heading(column) for column in columns), "State")
    rows = [
        (point.index, *(written(values_of(point), column) for column in columns), point.state) for point in run.points
    ]
    return Table(headers, tuple(rows))


def listing_summary(listing: Listing) -> Table:
    """A listing, written likewise."""
    rows = tuple(tuple(written(row, column) for column in listing.columns) for row in listing.rows)
    return Table(tuple(heading(column) for column in listing.columns), rows)


def summaries(run: RunRecord) -> dict[str, Table]:
    """Every table of a run by its key, that of the points first; the keys are those of `results.tables`."""
    return {"points": summary_table(run)} | {one.key: listing_summary(one) for one in results.listings(run)}


def paper_table(run: RunRecord) -> Table:
    """The points for a paper: units in the headers and one for a column; settings that never differ are left out."""
    columns = measured(registry.get(run.experiment).columns_of(run.config), run)
    points = [values_of(point) for point in run.points]
    settings = {key for point in run.points for key in point.params}
    kept = [one for one in columns if one.key not in settings or len({str(p.get(one.key)) for p in points}) > 1]
    table = _with_units(kept or columns, points)
    baseline = f"; baseline {said}" if (said := results.baseline(run)) else ""
    note = f"{run.name} ({run.id}), {run.experiment}; ± is half of a 95 % interval{baseline}."
    if len(run.finished) == len(run.points):
        return replace(table, note=note)
    rows = tuple((*row, point.state) for row, point in zip(table.rows, run.points, strict=True))
    return Table((*table.headers, "State"), rows, note)


def paper_listing(listing: Listing) -> Table:
    """A listing for a paper."""
    return _with_units(listing.columns, listing.rows)


def papers(run: RunRecord) -> dict[str, Table]:
    """Every table of a run for a paper, by the same keys."""
    return {"points": paper_table(run)} | {one.key: paper_listing(one) for one in results.listings(run)}


def _with_units(columns: Sequence[Column], rows: Sequence[Values]) -> Table:
    written_columns = [_column(column, rows) for column in columns]
    headers = tuple(
        f"{column.label} ({unit})" if unit else column.label
        for column, (unit, _) in zip(columns, written_columns, strict=True)
    )
    cells = tuple(tuple(write(row) for _, write in written_columns) for row in rows)
    return Table(headers, cells)


def _column(column: Column, rows: Sequence[Values]) -> tuple[str, Callable[[Values], str]]:
    """The unit of a column, and what writes a cell in it: sizes and times all in the unit of the largest."""
    values = [abs(value) for row in rows if isinstance(value := row.get(column.key), int | float)]
    if column.unit not in _SCALES or not values:
        return _UNITS.get(column.unit, ""), lambda row: written(row, column)
    scales = _SCALES[column.unit]
    unit, size = next((scale for scale in scales if max(values) >= scale[1]), scales[-1])
    digits = 0 if unit == "B" else 3 if max(values) < 10 * size else 2 if max(values) < 100 * size else 1

    def write(row: Values) -> str:
        value = row.get(column.key)
        return f"{value / size:.{digits}f}" if isinstance(value, int | float) else ""

    return unit, write
