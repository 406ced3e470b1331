"""A run on a module of the user's own keeps the text of its Python file, and all its tasks run that text."""

from engine.errors import InputError
from engine.models.own_source import NOTE, changed, python_of
from engine.models.python_file import read_python
from engine.runtime.context import Context


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
