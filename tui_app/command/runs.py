"""`labtui runs`: the list of runs."""

import click

from engine.runtime.label import read_label
from engine.runtime.runs import list_runs, look
from tui_app.command.output import print_json, print_runs


@click.command()
@click.option("-q", "query", default="", help="Filter, as on Home: words, state:running, acc>=0.8, -word, a|b.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def runs(query: str, as_json: bool) -> None:
    """List runs, newest first."""
    from tui_app.runs.filter import check_filter, parse_filter
    from tui_app.runs.summary import summarize

    wanted = parse_filter(query)
    known = [(run, summarize(run)) for run in map(look, list_runs())]
    check_filter(query, (summary for _, summary in known))
    found = [run for run, summary in known if wanted(summary)]
    if as_json:
        keys = ("id", "name", "experiment", "state", "created", "started", "ended", "problem")
        print_json(
            [
                {key: getattr(run, key) for key in keys}
                | {"done": run.done, "points": len(run.points), "tags": read_label(run.path).tags}
                for run in found
            ]
        )
    else:
        print_runs(found)
