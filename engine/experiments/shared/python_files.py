"""A run on a module of the user's own keeps the text of its Python file, and all its tasks run that text."""

from engine.errors import InputError
from engine.models.python_file import is_python, read_python
from engine.runtime.context import Context


def hold_to_file(context: Context, source: str) -> None:
    """Notes file, function, SHA-256 and text the first time in a run; nothing for any other model.

    Raises:
        InputError: the file has changed since, or cannot be read any more.
    """
    if not is_python(source):
        return
    file = read_python(source)
    kept = context.once("module", lambda: dict(file.record))
    if kept["file"] == file.record["file"] and kept["sha256"] != file.digest:
        raise InputError(
            f"{file.path} has changed since this run began (SHA-256 {kept['sha256'][:12]}… then, {file.digest[:12]}… "
            "now); put it back as it was, or start a new run."
        )
