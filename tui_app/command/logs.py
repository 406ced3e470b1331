"""`labtui logs`: what the workers of a run wrote."""

import sys
import time
from pathlib import Path

import click

from engine.runtime.runs import find_run, read_run
from engine.runtime.text import clean

POLL_SECONDS = 0.2


@click.command()
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on printing while the run is active.")
def logs(run: str, follow: bool) -> None:
    """Print the output of RUN's workers and its driver, each line after the file that it stands in."""
    path = find_run(run)
    offsets: dict[Path, int] = {}
    while True:
        active = read_run(path).active
        for file in sorted((path / "logs").glob("*.log"), key=lambda file: file.stat().st_mtime):
            _print_new(file, offsets)
        if not (follow and active):
            return
        time.sleep(POLL_SECONDS)


def _print_new(file: Path, offsets: dict[Path, int]) -> None:
    with file.open("rb") as stream:
        stream.seek(offsets.get(file, 0))
        data = stream.read()
    end = data.rfind(b"\n") + 1
    offsets[file] = offsets.get(file, 0) + end
    for line in data[:end].decode("utf-8", "replace").splitlines():
        sys.stdout.write(f"{file.stem}: {clean(line)}\n")
    sys.stdout.flush()
