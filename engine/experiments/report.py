"""A Markdown report of one run or several: what was asked, what came out, what was chosen and why."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import to_jsonable_python

from engine.experiments import launch, registry, results
from engine.experiments.base import Listing
from engine.experiments.cells import heading, measured, values_of, written
from engine.figures.files import write_text
from engine.figures.image import render
from engine.figures.table import Table
from engine.figures.units import in_seconds
from engine.runtime.records import RunRecord
from engine.runtime.text import clean

LISTED = 20  # rows of a listing that the report itself shows


def write_report(directory: Path, runs: Sequence[RunRecord]) -> Path:
    """Writes `report.md` and its figures (PNG and SVG) into `directory`; returns the report's path."""
    title = "# " + ", ".join(clean(run.name) for run in runs) + "\n"
    report = directory / "report.md"
    write_text(report, "\n".join([title, *(_section(directory, run) for run in runs)]))
    return report


def command_line(run: RunRecord) -> str:
    """The command that does the same run again, as short as the defaults allow."""
    fields = registry.get(run.experiment).Config.model_fields
    defaults = {name: to_jsonable_python(field.default) for name, field in fields.items() if not field.is_required()}
    changed = {name: value for name, value in run.config.items() if defaults.get(name, run) != value}
    return launch.command(run.experiment, changed)


def _section(directory: Path, run: RunRecord) -> str:
    choice = results.best(run)
    started = datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    took = f", {in_seconds(run.ended - run.started)}" if run.started and run.ended else ""
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    lines = [
        f"## {run.experiment}: {clean(run.name)}\n",
        f"`{run.id}`, {run.state}, {started}{took}, on {', '.join(run.devices)}; seed {run.seed}; {versions}.\n",
        f"```sh\n{command_line(run)}\n```\n",
    ]
    if baseline := results.baseline(run):
        lines.append(f"Baseline: {baseline}.\n")
    if choice is not None:
        lines.append(f"**Chosen:** {clean(choice.reason)}.\n")
    lines += [f"- {clean(sentence)}" for sentence in results.findings(run)] + [""]
    lines.append(summary_table(run).markdown())
    for figure in results.figures(run):
        name = f"{run.id}-{figure.key}"
        for ending in (".png", ".svg"):
            render(figure, directory / f"{name}{ending}")
        lines.append(f"![{figure.title}]({name}.png)\n\n{figure.caption}\n")
    lines += [part for listing in results.listings(run) for part in _listed(directory, run, listing)]
    return "\n".join(lines)


def _listed(directory: Path, run: RunRecord, listing: Listing) -> Iterator[str]:
    """A listing's first rows; the whole of it lies beside the report."""
    name = f"{run.id}-{listing.key}.csv"
    write_text(directory / name, results.listing_table(listing).csv())
    shown = replace(listing, rows=listing.rows[:LISTED])
    rows = tuple(tuple(written(row, column) for column in shown.columns) for row in shown.rows)
    yield f"### {clean(listing.title)}\n"
    yield Table(tuple(heading(column) for column in listing.columns), rows).markdown()
    left = len(listing.rows) - len(rows)
    yield f"{clean(listing.caption)} {f'{left:,} more rows are' if left else 'The table is'} in [{name}]({name}).\n"


def summary_table(run: RunRecord) -> Table:
    """The experiment's own columns, written as people read them, intervals as ± half their width."""
    columns = measured(registry.get(run.experiment).columns, run)
    headers = ("#", *(heading(column) for column in columns), "State")
    rows = [
        (point.index, *(written(values_of(point), column) for column in columns), point.state) for point in run.points
    ]
    return Table(headers, tuple(rows))
