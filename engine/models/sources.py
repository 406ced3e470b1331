"""Where a model or a data set is: `builtin`, a local path, a Python file, what a run kept, or an id of the hub."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import InputError
from engine.models.opening import format_of
from engine.models.python_file import absolute_python, is_python, parts
from engine.runtime.paths import absolute, existing, expanded
from engine.runtime.references import PREFIX, kept_model

BUILTIN = "builtin"
BUILTINS = (BUILTIN, "builtin:lm", "builtin:vision")
LONGEST_ID = 96  # of the hub
_SHOWN = 200
_HUB_ID = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*(?::\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """`path` is set where `kind` is local, or a Python file that makes the model (`python`), whose function is `part`.

    Of a data set on the hub `part` is the configuration, written `id:part`.
    """

    kind: Literal["builtin", "local", "python", "hub"]
    name: str
    path: Path = Path()
    part: str | None = None


def locate(source: str) -> Source:
    """Which of these a source is. What exists locally is local, and so is `run:ID/POINT`, which a run kept.

    Raises:
        InputError: a path that does not exist, a point without a model, or neither a path nor a hub id.
    """
    if source in BUILTINS:
        return Source("builtin", source)
    if source.startswith(PREFIX):
        return Source("local", source, kept_model(source))
    if is_python(source):
        file, function = parts(source)
        return Source("python", source, expanded(file), function)
    if (path := existing(source)) is not None:
        return Source("local", source, path)
    if source.startswith(("/", "~", ".")) or source.endswith("/") or source.count("/") > 1 or format_of(Path(source)):
        raise InputError(
            f"{_short(source)} does not exist; name a folder or file that does, a Hugging Face id, or builtin."
        )
    if not _HUB_ID.fullmatch(source) or len(source.partition(":")[0]) > LONGEST_ID:
        raise InputError(
            f"{_short(source)!r} is neither a path nor a Hugging Face id such as owner/name; check its spelling."
        )
    name, _, part = source.partition(":")
    return Source("hub", name, part=part or None)


def absolute_source(source: str) -> str:
    """What is here, named so that it is found from any folder; any other source as it is."""
    return absolute_python(source) if is_python(source) else absolute(source)


def _short(source: str) -> str:
    return source if len(source) <= _SHOWN else f"{source[:_SHOWN]}… ({len(source):,} characters)"
