"""`labtui pause`, `resume`, `cancel` and `rm`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from engine.errors import InputError
from engine.runtime import control
from engine.runtime.records import RunState
from engine.runtime.runs import find_run, look
from engine.text import clean_line
from tui_app.command.completing import complete_runs
from tui_app.command.say import say

ENDED_BEFORE: dict[RunState | None, str] = {"finished": "had finished before.", "failed": "had failed before."}


def _verb(name: str, act: Callable[[Path], RunState | None], text: str, done: str) -> click.Command:
    def callback(run: str) -> None:
        path = find_run(run)
        state = act(path)
        say(f"{path.name} {ENDED_BEFORE.get(state, done)}", err=True)

    return click.Command(
        name, callback=callback, params=[click.Argument(["run"], shell_complete=complete_runs)], help=text
    )


pause = _verb(
    "pause",
    control.pause,
    "Finish the running points of RUN, then free its device.",
    "pauses after its running points.",
)
resume = _verb("resume", control.resume, "Go on with RUN, paused or interrupted, where it stopped.", "goes on.")
cancel = _verb("cancel", control.cancel, "Stop RUN at once, for good. What it has recorded stays.", "is cancelled.")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_runs)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(runs: Sequence[str], yes: bool) -> None:
    """Remove each RUN with all its files: results, logs and saved models."""
    records = [look(path) for path in dict.fromkeys(map(find_run, runs))]
    if not yes and sys.stdin.isatty():
        what = [clean_line(f"{one.id} ({one.name or 'damaged'}, {one.done} points)") for one in records]
        click.confirm(f"Remove {', '.join(what)} for good?", abort=True, err=True)
    gone, stayed = control.remove_all(record.path for record in records)
    for name in gone:
        say(f"{name} is removed.", err=True)
    if stayed:
        raise InputError(" ".join(stayed))
