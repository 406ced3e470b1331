"""Which Python file makes a model: one that is named, or of `run:ID/POINT` the one that the run was given. No torch.

No file that a model's folder names is ever run: what counts is what the user named for the run, which noted its text.
"""

from collections.abc import Mapping

from engine.errors import InputError
from engine.models.python_file import PythonFile, is_python, parts, read_python
from engine.runtime.paths import existing
from engine.runtime.records import RunRecord
from engine.runtime.references import PREFIX, named
from engine.runtime.runs import find_run, read_run

NOTE = "module"
"""What a run calls its note of the file: `PythonFile.record`."""


def is_own(source: str) -> bool:
    """Whether a model is a module of the user's own: a function of a Python file, or what a run on one kept.

    Raises:
        InputError: there is no such run.
    """
    return is_python(source) or _kept_by(source) is not None


def python_of(source: str) -> str | None:
    """The `file.py:function` that makes a model; None of one that is no module of the user's own.

    Raises:
        InputError: there is no such run, or the file is not what it was when the run kept the model.
    """
    if is_python(source):
        return source
    if (run := _kept_by(source)) is None:
        return None
    kept, model = run.notes[NOTE], str(run.config.get("model"))
    python = model if is_python(model) else f"{kept['file']}:{kept['function']}"
    path, _ = parts(python)
    if existing(path) is None:
        raise InputError(f"{source} is a module of {path}, which does not exist any more; put the file back.")
    if (change := changed(read_python(python), kept)) is not None:
        raise InputError(f"{source} is a module of {path}, which has changed since {change}; put it back as it was.")
    return python


def changed(file: PythonFile, kept: Mapping[str, str]) -> str | None:
    """How the text of a file differs from what a run noted of it, by its digests; None where it does not."""
    if kept["sha256"] == file.digest:
        return None
    return f"(SHA-256 {kept['sha256'][:12]}… then, {file.digest[:12]}… now)"


def _kept_by(source: str) -> RunRecord | None:
    """The run that kept a module of the user's own."""
    if not source.startswith(PREFIX) or (found := named(source)) is None:
        return None
    run = read_run(find_run(found[0]))
    return run if NOTE in run.notes else None
