"""Files that are there whole or not at all."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import InputError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` at the end. Its folder is made, but none around that.

    Raises InputError where that cannot be.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another place.") from error


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text as it stands. Raises InputError where `path` cannot be written."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def to_json(value: Any) -> str:
    """Strict JSON, indented: NaN and infinities become null."""
    return json.dumps(_strict(value), indent=2, ensure_ascii=False)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
