"""What the verbs print: one run as a table, many runs as a list, JSON."""

import time
from collections.abc import Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.experiments import registry, results
from engine.experiments.api import Column, Listing
from engine.experiments.cells import Values, heading, insignificant, measured, values_of, written
from engine.figures.files import to_json
from engine.figures.units import in_seconds
from engine.runtime.label import read_label
from engine.runtime.records import RunRecord
from engine.text import clean
from tui_app import glyphs
from tui_app.command.say import UNCUT, results_console, say
from tui_app.text import count, ending, error_line

STATE_STYLES = {"running": "cyan", "paused": "yellow", "interrupted": "yellow", "finished": "green"}
STATE_STYLES |= dict.fromkeys(("failed", "damaged"), "red")
LISTED = 12
LONGEST, SHORT, SHORTEST = 44, 24, 8  # characters of a name, with and without room
GAP = 2  # between columns
POINT = 5  # columns of a terminal that a point's number and state take


def print_json(value: Any) -> None:
    """Strict JSON on stdout."""
    say(to_json(value))


def state_text(state: str) -> Text:
    """A state as glyph and word: colour never says it alone."""
    return Text(f"{glyphs.state(state)} {state}", style=STATE_STYLES.get(state, "dim"))


def cell_text(values: Values, column: Column, longest: int = LONGEST, best: bool = False) -> Text:
    """The value in a column: dim where it is absent or a difference inside its noise."""
    text = ending(written(values, column), longest) if column.unit == "text" else written(values, column)
    dim = not text or insignificant(values, column)
    return Text(text or "-", style="dim" if dim else "bold" if best else "")


def print_run(run: RunRecord) -> None:
    """One run for a person: what it is, the best point and why, its points."""
    with results.understood(run):
        _print_run(run, results_console())


def _print_run(run: RunRecord, console: Console) -> None:
    experiment = registry.get(run.experiment)
    head = Text.assemble(
        (run.id, "bold"), "  ", clean(run.name), "  ", state_text(run.state), f"  {run.done}/{len(run.points)} points"
    )
    console.print(head)
    label = read_label(run.path)
    if label.tags or label.note:
        tags = " ".join(f"#{clean(tag)}" for tag in label.tags)
        console.print(Text.assemble((tags, "magenta"), "  ", clean(label.note)))
    if run.problem:
        console.print(Text(clean(run.problem), style="yellow"))
    if data := results.data(run):
        console.print(Text(f"data  {clean(data)}"))
    if baseline := results.baseline(run):
        console.print(f"baseline  {baseline}", highlight=False)
    choice = results.best(run)
    known, rows = measured(experiment.columns_of(run.config), run), [values_of(point) for point in run.points]
    columns, longest = fitting(known, rows, console.width - POINT - GAP)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("")
    _add_columns(table, columns)
    for point, row in zip(run.points, rows, strict=True):
        best = choice is not None and choice.index == point.index
        style = STATE_STYLES.get(point.state, "dim")
        glyph = Text("★", "bold green") if best else Text(glyphs.state(point.state), style)
        table.add_row(str(point.index), glyph, *(cell_text(row, column, longest, best) for column in columns))
    console.print(table)
    _print_rest(console, 0, len(known) - len(columns), f"labtui export {run.id} --csv FILE")
    for point in run.points:
        if point.error:
            console.print(Text(f"point {point.index} failed: {error_line(point.error)}", "red"))
    for listing in results.listings(run):
        _print_listing(console, run.id, listing)
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


def fitting(columns: Sequence[Column], rows: Sequence[Values], room: int) -> tuple[Sequence[Column], int]:
    """The columns that fit into `room` side by side, and how long a name may be there.

    Where not all do, names are cut to a usual length; then quartiles go, then words that are the same in every row;
    then names are cut shorter; then the last columns go.
    """
    plain = [column for column in columns if not column.key.endswith(("_low", "_high"))]
    varied = [one for one in plain if one.unit != "text" or len({str(row.get(one.key)) for row in rows}) > 1]
    choices = [(columns, UNCUT), (columns, LONGEST), (plain, LONGEST), (varied, LONGEST)]
    choices += [(varied[:count], SHORT) for count in range(len(varied), 0, -1)]

    def width(column: Column, longest: int) -> int:
        return max(cell_len(heading(column)), *(cell_text(row, column, longest).cell_len for row in rows), 1)

    def fits(some: Sequence[Column], longest: int) -> bool:
        return sum(width(column, longest) + GAP for column in some) - GAP <= room

    return next((choice for choice in choices if fits(*choice)), choices[-1])


def _print_rest(console: Console, rows: int, columns: int, command: str) -> None:
    """What a table leaves out, and the command that writes it all, in a line that can be copied."""
    if left := [count(rows, "more row")] * (rows > 0) + [count(columns, "more column")] * (columns > 0):
        console.print(Text(f"{' and '.join(left)}: {command}", style="dim italic"), soft_wrap=True)


def _print_listing(console: Console, run: str, listing: Listing) -> None:
    """Its first rows; `labtui export --table` writes them all."""
    table = Table(box=None, header_style="bold", pad_edge=False, title=clean(listing.title), title_justify="left")
    rows = listing.rows[:LISTED]
    columns, longest = fitting(listing.columns, rows, console.width)
    _add_columns(table, columns)
    for row in rows:
        table.add_row(*(cell_text(row, column, longest) for column in columns))
    console.print(table)
    left = len(listing.rows) - len(rows), len(listing.columns) - len(columns)
    _print_rest(console, *left, f"labtui export {run} --table {listing.key} --csv FILE")


def print_runs(runs: Sequence[RunRecord]) -> None:
    """Many runs, one a line; where there is little room, names give way."""
    console, now = results_console(), time.time()
    columns = {
        "Id": [Text(run.id) for run in runs],
        "Experiment": [Text(run.experiment) for run in runs],
        "Name": [Text(clean(run.name)) for run in runs],
        "State": [state_text(run.state) + Text(", pausing" if run.pausing else "") for run in runs],
        "Points": [Text(f"{run.done}/{len(run.points)}") for run in runs],
        "Age": [Text(in_seconds(max(0.0, now - run.created))) for run in runs],
    }
    widths = {name: max(len(name), *(cell.cell_len for cell in cells), 0) for name, cells in columns.items()}
    room = console.width - sum(width + GAP for name, width in widths.items() if name != "Name")
    for cell in columns["Name"]:
        cell.truncate(max(SHORTEST, room), overflow="ellipsis")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    console.print(table)
    for run in runs:
        if str(run.state) == "damaged":
            console.print(Text(run.problem, style="red"))
