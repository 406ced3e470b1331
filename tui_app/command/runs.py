"""`labtui runs`: the list of runs."""

from collections.abc import Iterator

import click

from engine.errors import InputError
from engine.runtime.records import RunRecord
from engine.runtime.runs import list_runs, read_run
from tui_app.command.output import print_json, print_runs


@click.command()
@click.option("-q", "query", default="", help="Filter, as on Home: words, state:running, acc>=0.8, -word, a|b.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def runs(query: str, as_json: bool) -> None:
    """List runs, newest first."""
    from tui_app.runs.filter import parse_filter
    from tui_app.runs.summary import summarize

    wanted = parse_filter(query)
    found = [run for run in _readable() if wanted(summarize(run))]
    if as_json:
        keys = ("id", "name", "experiment", "state", "created", "started", "ended")
        print_json(
            [{key: getattr(run, key) for key in keys} | {"done": run.done, "points": len(run.points)} for run in found]
        )
    else:
        print_runs(found)


def _readable() -> Iterator[RunRecord]:
    """Every run that can be read; the others are named on stderr and stop nothing."""
    for path in list_runs():
        try:
            yield read_run(path)
        except InputError as error:
            click.echo(f"{path.name}: {error}", err=True)
