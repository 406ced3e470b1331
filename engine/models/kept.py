"""Models that runs keep, by the name `run:ID/POINT`."""

from pathlib import Path

from engine.errors import InputError
from engine.runtime.chain import named
from engine.runtime.runs import find_run, read_run


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
    if "model" not in point.result:
        raise InputError(f"{run.id} is a run of {run.experiment}, which keeps no models; name another run.")
    folders = {one.index: run.path / str((one.result or {}).get("model")) for one in run.finished}
    if not folders[index].is_dir():
        kept = ", ".join(str(one) for one, folder in folders.items() if folder.is_dir())
        others = f"the points that do are {kept}" if kept else "no point of it does"
        raise InputError(f"point {index} of {run.id} keeps no model any more: another one beats it; {others}.")
    return folders[index]
