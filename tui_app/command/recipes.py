"""`labtui recipes`: whole tasks with their settings, and published values to compare with."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table

from tui_app.command.completing import Items, among
from tui_app.command.output import print_json
from tui_app.command.say import CleanConsole, results_console

if TYPE_CHECKING:
    from engine.recipes.book import Recipe


def complete_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Recipes by name, each with its title."""
    from engine.recipes import book

    return among({name: book.get(name).title for name in book.names()}, incomplete)


@click.command()
@click.argument("name", required=False, shell_complete=complete_recipes)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def recipes(name: str | None, as_json: bool) -> None:
    """List the recipes, or show one: its runs, settings and published values.

    `labtui run --recipe NAME` starts one.
    """
    from engine.recipes import book

    found = [book.get(one) for one in ([name] if name else book.names())]
    if as_json:
        print_json([asdict(one) for one in found])
        return
    console = results_console()
    if name:
        _print(console, found[0])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Recipe", no_wrap=True)
    table.add_column("Runs", justify="right", no_wrap=True)
    table.add_column("Published", justify="right", no_wrap=True)
    table.add_column("What it does", style="dim")
    for recipe in found:
        published = sum(len(step.published) for step in recipe.runs)
        table.add_row(recipe.name, str(len(recipe.runs)), str(published or "-"), recipe.summary)
    console.print(table)


def _print(console: CleanConsole, recipe: "Recipe") -> None:
    """One recipe in full."""
    from engine.experiments.launch import command

    for text in filter(None, (recipe.title, recipe.summary, recipe.source, recipe.protocol)):
        console.print(text, markup=False, highlight=False)
    for step in recipe.runs:
        console.print(f"\n{step.name}", markup=False, style="bold", highlight=False)
        console.print(f"  {command(step.experiment, step.settings)}", markup=False, highlight=False, soft_wrap=True)
        for one in step.published:
            line = f"  published: {one.label} {one.value:g}, within {100 * one.tolerance:g} %"
            console.print(line, markup=False, highlight=False)
    offline = " --offline" if recipe.offline else ""
    console.print(f"\nlabtui run --recipe {recipe.name}{offline}", markup=False, style="dim", highlight=False)
