"""A Markdown report of one run or several: what was asked, what came out, what was chosen and why."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import to_jsonable_python

from engine.experiments import launch, registry, results
from engine.experiments.api import Listing
from engine.experiments.summary import listing_summary, paper_listing, paper_table, summary_table
from engine.figures.escape import markdown
from engine.figures.files import write_text
from engine.figures.image import render
from engine.figures.look import Look
from engine.figures.units import in_seconds
from engine.runtime.records import RunRecord
from engine.text import clean

LISTED = 20  # rows of a listing that the report itself shows


def write_report(directory: Path, runs: Sequence[RunRecord], look: Look | None = None) -> Path:
    """Writes `report.md`, its figures (PNG and SVG) and its tables (CSV, and LaTeX for a paper) into `directory`.

    `look` is the figures' size. Returns the report's path.
    """
    title = "# " + ", ".join(markdown(run.name) for run in runs) + "\n"
    report = directory / "report.md"
    write_text(report, "\n".join([title, *(_section(directory, run, look or Look()) for run in runs)]))
    return report


def command_line(run: RunRecord) -> str:
    """The command that does the same run again, as short as the defaults allow."""
    fields = registry.get(run.experiment).Config.settings()
    defaults = {name: to_jsonable_python(field.default) for name, field in fields.items() if not field.is_required()}
    changed = {name: value for name, value in run.config.items() if defaults.get(name, run) != value}
    return launch.command(run.experiment, changed)


def _section(directory: Path, run: RunRecord, look: Look) -> str:
    choice = results.best(run)
    started = datetime.fromtimestamp(run.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    took = f", {in_seconds(run.ended - run.started)}" if run.started and run.ended else ""
    versions = markdown(", ".join(f"{name} {number}" for name, number in run.versions.items()))
    lines = [
        f"## {run.experiment}: {markdown(run.name)}\n",
        f"`{run.id}`, {run.state}, {started}{took}, on {markdown(run.where)}; seed {run.seed}; {versions}.\n",
        _code(command_line(run)),
    ]
    if run.hardware:
        lines.append(f"Hardware: {markdown(run.hardware)}.\n")
    if data := results.data(run):
        lines.append(f"Data: {markdown(data)}.\n")
    if baseline := results.baseline(run):
        lines.append(f"Baseline: {markdown(baseline)}.\n")
    if choice is not None:
        lines.append(f"**Chosen:** {markdown(choice.reason)}.\n")
    lines += [f"- {markdown(sentence)}" for sentence in results.findings(run)] + [""]
    lines += [summary_table(run).markdown(), _files(directory, run)]
    for figure in results.figures(run):
        name = f"{run.id}-{figure.key}"
        for ending in (".png", ".svg"):
            render(figure, directory / f"{name}{ending}", look)
        lines.append(f"![{markdown(figure.title)}]({name}.png)\n\n{markdown(figure.caption)}\n")
    lines += [part for listing in results.listings(run) for part in _listed(directory, run, listing)]
    return "\n".join(lines)


def _files(directory: Path, run: RunRecord) -> str:
    """The points' table in full precision and for a paper, beside the report."""
    name = f"{run.id}-points"
    write_text(directory / f"{name}.csv", results.points_table(run).csv())
    write_text(directory / f"{name}.tex", paper_table(run).latex())
    return f"The same with every recorded value: [{name}.csv]({name}.csv); for a paper: [{name}.tex]({name}.tex).\n"


def _code(command: str) -> str:
    """A command in a fence that nothing in it closes."""
    text = clean(command)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}sh\n{text}\n{fence}\n"


def _listed(directory: Path, run: RunRecord, listing: Listing) -> Iterator[str]:
    """A listing's first rows; the whole of it lies beside the report."""
    name = f"{run.id}-{listing.key}.csv"
    write_text(directory / name, results.listing_table(listing).csv())
    write_text(directory / f"{run.id}-{listing.key}.tex", paper_listing(listing).latex())
    shown = replace(listing, rows=listing.rows[:LISTED])
    yield f"### {markdown(listing.title)}\n"
    yield listing_summary(shown).markdown()
    left = len(listing.rows) - len(shown.rows)
    yield f"{markdown(listing.caption)} {f'{left:,} more rows are' if left else 'The table is'} in [{name}]({name}).\n"
