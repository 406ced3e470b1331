"""`labtui formats`: the number formats."""

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from tui_app.command.output import print_json
from tui_app.command.say import results_console, say

WIDE = 120


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--figures", type=click.Path(path_type=Path), metavar="DIR", help="Draw their pitfalls as PNG instead.")
def formats(as_json: bool, figures: Path | None) -> None:
    """Print the number formats: how each is written, and bits, smallest and largest magnitude of an example."""
    if figures is not None:
        from engine.experiments.shared.pitfalls import write_figures

        for path in write_figures(figures):
            say(path)
        return
    from engine.formats.catalogue import catalogue

    entries = catalogue()
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    console = results_console()
    wide = console.width >= WIDE
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Written", no_wrap=True)
    for name in ("Bits", "Smallest", "Largest"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("Example", no_wrap=True)
        table.add_column("What it is", style="dim")
    for entry in entries:
        smallest, largest = ("by data" if x is None else f"{x:.5g}" for x in (entry.smallest, entry.largest))
        described = (entry.example, entry.summary) if wide else ()
        table.add_row(entry.signature, f"{entry.bits:g}", smallest, largest, *described)
    console.print(table)
