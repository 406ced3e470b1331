"""Runs that build on runs: a setting `run:ID/POINT` names what another run keeps."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.runs import list_runs, read_run
from engine.runtime.spec import RunSpec

PREFIX = "run:"
_PINNED = re.compile(r"run:([a-z]-\d{4,})/(\d+)")


def named(value: Any) -> tuple[str, int] | None:
    """The run's id and the point that a setting names; None for any other value."""
    match = _PINNED.fullmatch(value) if isinstance(value, str) else None
    return (match[1], int(match[2])) if match else None


def users(path: Path) -> dict[str, set[int]]:
    """Runs with work left to do whose settings name points of the run at `path`: the points, by run id."""
    found: dict[str, set[int]] = {}
    for later in takewhile(lambda run: run.name != path.name, list_runs()):
        points = {point for run, point in _names(later) if run == path.name}
        if points and read_run(later).state not in ("finished", "failed", "cancelled"):
            found[later.name] = points
    return found


def _names(path: Path) -> Iterator[tuple[str, int]]:
    try:
        config = RunSpec.read(path).config
    except InputError:
        return
    yield from filter(None, map(named, config.values()))
