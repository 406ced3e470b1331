"""What the verbs print: one run as a table, many runs as a list, JSON."""

import time
from collections.abc import Sequence
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.experiments import registry, results
from engine.experiments.base import Column, Listing
from engine.experiments.cells import Values, heading, insignificant, measured, values_of, written
from engine.figures.files import to_json
from engine.figures.units import in_seconds
from engine.runtime.records import RunRecord
from engine.runtime.text import clean
from tui_app import glyphs
from tui_app.text import ending

STATE_STYLES = {"running": "cyan", "paused": "yellow", "interrupted": "yellow", "finished": "green", "failed": "red"}
WIDE, NARROW_COLUMNS = 90, 7
LISTED = 12
LONGEST = 44  # characters of a name


def print_json(value: Any) -> None:
    """Strict JSON on stdout."""
    click.echo(to_json(value))


def state_text(state: str) -> Text:
    """A state as glyph and word: colour never says it alone."""
    return Text(f"{glyphs.state(state)} {state}", style=STATE_STYLES.get(state, "dim"))


def cell_text(values: Values, column: Column, best: bool = False) -> Text:
    """The value in a column: dim where it is absent or a difference inside its noise."""
    text = ending(written(values, column), LONGEST) if column.unit == "text" else written(values, column)
    dim = not text or insignificant(values, column)
    return Text(text or "-", style="dim" if dim else "bold" if best else "")


def print_run(run: RunRecord) -> None:
    """One run for a person: what it is, the best point and why, its points."""
    console = Console()
    experiment = registry.get(run.experiment)
    head = Text.assemble(
        (run.id, "bold"), "  ", clean(run.name), "  ", state_text(run.state), f"  {run.done}/{len(run.points)} points"
    )
    console.print(head)
    if run.problem:
        console.print(Text(clean(run.problem), style="yellow"))
    if baseline := results.baseline(run):
        console.print(f"baseline  {baseline}", highlight=False)
    choice = results.best(run)
    columns = measured(experiment.columns, run)[: None if console.width >= WIDE else NARROW_COLUMNS]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("")
    _add_columns(table, columns)
    for point in run.points:
        best = choice is not None and choice.index == point.index
        style = STATE_STYLES.get(point.state, "dim")
        glyph = Text("★", "bold green") if best else Text(glyphs.state(point.state), style)
        table.add_row(str(point.index), glyph, *(cell_text(values_of(point), column, best) for column in columns))
    console.print(table)
    for point in run.points:
        if point.error:
            console.print(
                Text(
                    f"point {point.index} failed: {clean(point.error['type'])}: {clean(point.error['message'])}", "red"
                )
            )
    for listing in results.listings(run):
        _print_listing(console, listing)
    for sentence in results.findings(run):
        console.print(Text(f"{glyphs.sign('dot')} {clean(sentence)}"))
    if choice is not None:
        console.print(Text(f"★ {choice.reason}."))
        if saved := (run.points[choice.index].result or {}).get("model"):
            console.print(Text(f"  saved in {run.path / saved}", style="dim"), soft_wrap=True)


def _add_columns(table: Table, columns: Sequence[Column]) -> None:
    for column in columns:
        justify: Literal["left", "right"] = "left" if column.unit == "text" else "right"
        table.add_column(heading(column), justify=justify, no_wrap=True)


def _print_listing(console: Console, listing: Listing) -> None:
    """Its first rows; `labtui export --table` writes them all."""
    table = Table(box=None, header_style="bold", pad_edge=False, title=clean(listing.title), title_justify="left")
    _add_columns(table, listing.columns)
    for row in listing.rows[:LISTED]:
        table.add_row(*(cell_text(row, column) for column in listing.columns))
    if left := len(listing.rows) - LISTED:
        table.caption = f"{left:,} more rows: labtui export --table {listing.key} --csv FILE" if left > 0 else None
    console.print(table)


def print_runs(runs: Sequence[RunRecord]) -> None:
    """Many runs, one a line."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("Id", "Experiment", "Name", "State", "Points", "Age"):
        table.add_column(name, no_wrap=True)
    for run in runs:
        age = in_seconds(time.time() - run.created)
        table.add_row(
            run.id, run.experiment, clean(run.name), state_text(run.state), f"{run.done}/{len(run.points)}", age
        )
    Console().print(table)
