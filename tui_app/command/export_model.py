"""`labtui export RUN --onnx F` and its like: a model as a file of another program, and how the two agree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from engine.exports.registry import TARGETS
from engine.runtime.records import RunRecord
from tui_app.command.numbers import Whole
from tui_app.command.say import CleanConsole, results_console, say


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each export target, with what they share."""
    shared = (
        click.option("--strict", is_flag=True, help="Write no model that its file cannot express as it is."),
        click.option(
            "--samples", type=Whole(2), metavar="N", help="Test samples that the other program is compared on."
        ),
    )
    made = [
        click.option(
            f"--{target.name}",
            type=click.Path(path_type=Path, dir_okay=target.is_folder, file_okay=not target.is_folder),
            help=target.help,
        )
        for target in TARGETS.values()
    ]
    for option in (*shared, *reversed(made)):
        command = option(command)
    return command


def export_models(
    run: RunRecord, paths: Mapping[str, Path], point: int | None, strict: bool, samples: int | None
) -> None:
    """Writes the run's model to each of the paths, by target, and prints how the other program agrees."""
    from engine.experiments.exporting import carried_out, planned

    plans = [planned(run, name, path, point, strict) for name, path in paths.items()]
    for plan in plans:
        for sentence in plan.said:
            say(sentence, err=True)
    for plan in plans:
        console = CleanConsole(stderr=True)
        with console.status("", spinner="line") as status:
            exported = carried_out(plan, samples, lambda *at: status.update(_doing(*at)))
        found = exported.table()
        table = Table(box=None, header_style="bold", pad_edge=False)
        for header in found.headers:
            table.add_column(header, no_wrap=True)
        for row in found.rows:
            table.add_row(*map(str, row))
        results_console().print(table)
        say(plan.path)


def _doing(done: float, total: float, text: str) -> str:
    return f"{text} {100 * done / total:.0f} %" if 0 < done < total else text
