"""`labtui show`: one run."""

import click

from engine.runtime.runs import find_run, read_run
from tui_app.command.completing import complete_runs
from tui_app.command.output import print_json, print_run


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON; the schema is in docs/json.md.")
def show(run: str, as_json: bool) -> None:
    """Show RUN (an id, a unique prefix, a name or @last): its state, its best point and its table."""
    record = read_run(find_run(run), metrics=True)
    if as_json:
        from engine.experiments.results import document

        print_json(document(record))
    else:
        print_run(record)
