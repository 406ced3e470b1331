"""`labtui logs`: what the workers of a run wrote."""

import os
import time
from contextlib import suppress
from pathlib import Path

import click

from engine.runtime.files import open_regular
from engine.runtime.runs import find_run, look
from tui_app.command.completing import complete_runs
from tui_app.command.say import say

POLL_SECONDS = 0.2
LONGEST_LINE = 1 << 16  # bytes: what is longer is printed in pieces


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.option("-f", "--follow", is_flag=True, help="Go on printing while the run is active.")
def logs(run: str, follow: bool) -> None:
    """Print the output of RUN's workers and its driver, each line after the file that it stands in."""
    path = find_run(run)
    offsets: dict[Path, int] = {}
    while True:
        active = look(path).active
        for file in sorted((path / "logs").glob("*.log"), key=lambda file: file.lstat().st_mtime):
            with suppress(OSError):  # what is no file, or is gone, has no lines
                _print_new(file, offsets)
        if not (follow and active):
            return
        time.sleep(POLL_SECONDS)


def _print_new(file: Path, offsets: dict[Path, int]) -> None:
    with os.fdopen(open_regular(file), "rb") as stream:
        stream.seek(offsets.get(file, 0))
        while (line := stream.readline(LONGEST_LINE)).endswith(b"\n") or len(line) == LONGEST_LINE:
            offsets[file] = stream.tell()
            say(f"{file.stem}: {line.decode('utf-8', 'replace').rstrip()}")
