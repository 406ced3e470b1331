"""How much disk a run needs: asked for before it starts, and again before each of its tasks. No torch."""

from typing import Any

from engine.errors import InputError
from engine.experiments.api import AnyExperiment, ExperimentConfig
from engine.figures.units import in_bytes
from engine.models.sources import BUILTINS
from engine.runtime.files import free_bytes, has_inodes
from engine.runtime.home import home

UNKNOWN = 1 << 30
"""Bytes for a task whose model is not on this machine yet."""
RUN, POINT, TASK = 2 << 20, 64 << 10, 1 << 20
"""Bytes that index and locks take, the logs and the rows of a point, and a task beside its models."""
BUILTIN, BUILTIN_CACHE = 3 << 20, 8 << 20
"""Bytes of the built-in model, and of it with its data and tokens in the cache, where they are still to be made."""


def task_bytes(experiment: AnyExperiment, config: ExperimentConfig, points: int) -> int:
    """What a task of so many points writes at most: models that it keeps, and checkpoints of what it trains."""
    source: Any = getattr(config, "model", None)
    if not experiment.copies or not isinstance(source, str) or not source:
        return TASK
    size = model_bytes(source)
    return UNKNOWN if size is None else TASK + experiment.copies * points * size


def model_bytes(source: str) -> int | None:
    """Bytes of a model's weights; None where it is not on this machine yet."""
    from engine.models.weights import weight_bytes

    try:
        found = weight_bytes(source)
    except (InputError, OSError):
        found = None
    return found or (BUILTIN if source in BUILTINS else None)


def check_room(experiment: AnyExperiment, config: ExperimentConfig, points: int, task: int) -> None:
    """InputError where the state folder's disk has no room for the first task, of `task` bytes, and for the logs."""
    folder = home()
    needed = RUN + points * POINT + task
    named = {str(getattr(config, name, "")) for name in ("model", "data")}
    needed += sum(BUILTIN_CACHE for name in BUILTINS if name in named and not _is_made(name))
    free = free_bytes(folder)
    elsewhere = "make room, or set LABTUI_HOME to a folder on another disk."
    if free < needed:
        raise InputError(
            f"the run needs about {in_bytes(needed)} and {in_bytes(free)} are free at {folder}; {elsewhere}"
        )
    if not has_inodes(folder):
        raise InputError(f"the disk of {folder} has no inode left: it can hold no more files; {elsewhere}")


def _is_made(source: str) -> bool:
    from engine.models.builtin import made_model

    return made_model(source) is not None
