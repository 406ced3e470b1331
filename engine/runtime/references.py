"""Models that runs make: where a point keeps its model, and the name `run:ID/POINT` that other runs give it."""

import re
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.attempts import point_folder
from engine.runtime.records import RunRecord
from engine.runtime.runs import find_run, list_runs, look, read_run
from engine.runtime.spec import RunSpec

PREFIX = "run:"
MODEL = "model"
"""What a result calls the folder of its model, and the folder's name."""
_PINNED = re.compile(r"run:([a-z]-\d{4,})/(\d+)")


def keeps_models(path: Path) -> bool:
    """Whether a point of the run at `path` keeps a model."""
    return any(point_folder(path, 0).parent.glob(f"*/{MODEL}"))


def named(value: Any) -> tuple[str, int] | None:
    """The run's id and the point that a setting names; None for any other value."""
    match = _PINNED.fullmatch(value) if isinstance(value, str) else None
    return (match[1], int(match[2])) if match else None


def pinned(source: str, best: Callable[[RunRecord], int | None]) -> str:
    """`run:NAME`, `run:NAME/best` and `run:NAME/POINT` as `run:ID/POINT`; any other source as it is.

    NAME is an id, a unique prefix of one, a name, or `@last`; without a point the one that the run chose is meant,
    which `best` gives. So the same model is meant tomorrow.

    Raises:
        InputError: no such run, a run that has chosen nothing, or a point that keeps no model.
    """
    if not source.startswith(PREFIX):
        return source
    name, _, point = source.removeprefix(PREFIX).rpartition("/")
    if point != "best" and not point.isdecimal():
        name, point = source.removeprefix(PREFIX), "best"
    run = read_run(find_run(name))
    index = int(point) if point.isdecimal() else None
    if index is None:
        if not run.finished:
            raise InputError(f"{run.id} has finished no point yet; wait for its first or name another run.")
        index = best(run)
        if index is None:
            raise InputError(f"{run.id} is a run of {run.experiment}, which chooses no point; name another run.")
    found = f"{PREFIX}{run.id}/{index}"
    kept_model(found)
    return found


def kept_model(source: str) -> Path:
    """The folder of the model that a run's point kept.

    Raises:
        InputError: not written `run:ID/POINT`, no such run or point, a point that has not finished or keeps no model.
    """
    found = named(source)
    if found is None:
        raise InputError(f"{source} names no point of a run; write run:ID/POINT, for example run:q-0007/3.")
    identifier, index = found
    run = read_run(find_run(identifier))
    if index >= len(run.points):
        raise InputError(f"{run.id} has no point {index}; its points are 0 to {len(run.points) - 1}.")
    point = run.points[index]
    if point.result is None:
        raise InputError(f"point {index} of {run.id} is {point.state} and has no model; take one that has finished.")
    if MODEL not in point.result:
        raise InputError(f"{run.id} is a run of {run.experiment}, which keeps no models; name another run.")
    folders = {one.index: run.path / str((one.result or {}).get(MODEL)) for one in run.finished}
    if not folders[index].is_dir():
        kept = ", ".join(str(one) for one, folder in folders.items() if folder.is_dir())
        others = f"the points that do are {kept}" if kept else "no point of it does"
        raise InputError(f"point {index} of {run.id} keeps no model any more: another one beats it; {others}.")
    return folders[index]


def users(path: Path) -> dict[str, set[int]]:
    """Runs with work left to do whose settings name points of the run at `path`: the points, by run id."""
    found: dict[str, set[int]] = {}
    for later in takewhile(lambda run: run.name != path.name, list_runs()):
        points = {point for run, point in _names(later) if run == path.name}
        if points and look(later).state not in ("finished", "failed", "cancelled", "damaged"):
            found[later.name] = points
    return found


def _names(path: Path) -> Iterator[tuple[str, int]]:
    try:
        config = RunSpec.read(path).config
    except InputError:
        return
    for value in config.values():
        yield from filter(None, map(named, value if isinstance(value, list) else [value]))
