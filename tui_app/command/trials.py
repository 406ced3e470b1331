"""`labtui extend` and `labtui enqueue`: more trials of a search, and trials by hand."""

from collections.abc import Sequence

import click

from engine.errors import InputError
from engine.experiments import asking
from engine.runtime.runs import find_run
from tui_app.command.completing import complete_runs
from tui_app.command.numbers import Whole
from tui_app.command.say import say


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("count", type=Whole(1))
def extend(run: str, count: int) -> None:
    """Add COUNT trials to every curve of RUN, a search. One that has finished goes on."""
    path = find_run(run)
    asking.extend(path, count)
    say(f"{path.name} gets {count} more trials of each curve.", err=True)


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("parameters", nargs=-1, required=True, metavar="NAME=VALUE...")
def enqueue(run: str, parameters: Sequence[str]) -> None:
    """Try these parameters next in RUN, a search; sampler=, mode= or family= say in which curve."""
    params: dict[str, str] = {}
    for parameter in parameters:
        name, sign, value = parameter.partition("=")
        if not sign:
            raise InputError(f"A parameter is written NAME=VALUE; {parameter!r} is not.")
        params[name.strip()] = value.strip()
    path = find_run(run)
    asking.enqueue(path, params)
    say(f"{path.name} tries it next.", err=True)
