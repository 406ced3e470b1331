"""A run on a module of the user's own keeps the text of its Python file; all its tasks run that text, on one model."""

from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.models.own_source import NOTE, changed, python_of
from engine.models.python_file import read_python
from engine.runtime.context import Context

if TYPE_CHECKING:
    from torch import nn


def hold_to_file(context: Context, source: str) -> None:
    """Notes file, function, SHA-256 and text the first time in a run; nothing for any other model.

    Raises:
        InputError: the file has changed since, or cannot be read any more.
    """
    if (python := python_of(source)) is None:
        return
    file = read_python(python)
    kept = context.once(NOTE, lambda: dict(file.record))
    if kept["file"] == file.record["file"] and (change := changed(file, kept)) is not None:
        raise InputError(
            f"{file.path} has changed since this run began {change}; put it back as it was, or start a new run."
        )


def hold_to_weights(context: Context, source: str, model: "nn.Module") -> None:
    """Sees to it that all tasks of a run have the same weights; nothing for any model but what a file makes.

    Raises:
        InputError: the function made others for an earlier task.
    """
    from engine.models.digests import digest_of_state

    if python_of(source) is None:
        return
    digest = digest_of_state(model)
    if context.shared("weights", lambda: {"digest": digest})["digest"] != digest:
        raise InputError(
            f"{source} makes other weights each time that it is called, and points must begin with the same: load them "
            "from a file, or seed what they are drawn by."
        )
