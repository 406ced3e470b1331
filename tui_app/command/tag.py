"""`labtui tag`: words by which runs are found again."""

from collections.abc import Sequence

import click

from engine.runtime.label import read_label, write_label
from engine.runtime.runs import find_run
from tui_app.command.completing import complete_runs
from tui_app.command.output import print_json
from tui_app.command.say import say


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("tags", nargs=-1, metavar="[TAG]...")
@click.option("--remove", "-r", multiple=True, metavar="TAG", help="Take a tag away.")
@click.option("--note", metavar="TEXT", help='Write a note in place of the one before; "" takes it away.')
@click.option("--json", "as_json", is_flag=True, help="Print tags and note as JSON.")
def tag(run: str, tags: Sequence[str], remove: Sequence[str], note: str | None, as_json: bool) -> None:
    """Write tags on RUN and print those it has. `labtui runs -q tag:NAME` finds them again."""
    path = find_run(run)
    before = read_label(path)
    label = before.tagged(tags, remove)
    label = label if note is None else label.noted(note)
    if label != before:
        write_label(path, label)
    if as_json:
        print_json({"id": path.name, "tags": label.tags, "note": label.note})
        return
    for line in filter(None, (" ".join(label.tags), label.note)):
        say(line)
