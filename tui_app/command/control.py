"""`labtui pause`, `resume`, `cancel` and `rm`."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from engine.runtime import control
from engine.runtime.runs import find_run, read_run


def _verb(name: str, act: Callable[[Path], None], text: str, done: str) -> click.Command:
    def callback(run: str) -> None:
        path = find_run(run)
        act(path)
        click.echo(f"{path.name} {done}", err=True)

    return click.Command(name, callback=callback, params=[click.Argument(["run"])], help=text)


pause = _verb(
    "pause",
    control.pause,
    "Finish the running points of RUN, then free its device.",
    "pauses after its running points.",
)
resume = _verb("resume", control.resume, "Go on with RUN, paused or interrupted, where it stopped.", "goes on.")
cancel = _verb("cancel", control.cancel, "Stop RUN at once, for good. What it has recorded stays.", "is cancelled.")


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(run: str, yes: bool) -> None:
    """Remove RUN with all its files: results, logs and saved models."""
    path = find_run(run)
    record = read_run(path)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {record.id} ({record.name}, {record.done} points) for good?", abort=True, err=True)
    control.remove(path)
    click.echo(f"{record.id} is removed.", err=True)
