"""What a picker offers: models and data sets in the folders around."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from engine.models.opening import format_of, name_of
from engine.models.sources import BUILTIN

DEPTH = 3
MOST_FOLDERS = 2000


def found_near(kind: Literal["model", "data"], around: Path, limit: int = 100) -> list[str]:
    """`builtin`, then what lies in `around` or up to three folders below it.

    Models are folders with config.json; data are folders with a file called train…, and single data files.
    """
    found = [BUILTIN]
    for folder, names in _folders(around):
        if kind == "model" and "config.json" in names:
            found.append(str(folder))
        elif kind == "data" and "config.json" not in names:
            files = [name for name in names if is_data(name)]
            split = any(name_of(Path(name)).lower().startswith("train") for name in files)
            found += [str(folder)] if split else [str(folder / name) for name in files]
        if len(found) >= limit:
            break
    return found[:limit]


def holds(kind: Literal["model", "data"], names: Collection[str]) -> bool:
    """Whether a folder with these files can be named as a model, or as data."""
    model = "config.json" in names
    return model if kind == "model" else not model and any(map(is_data, names))


def is_data(name: str) -> bool:
    """Whether a file of this name is read as data."""
    return bool(format_of(Path(name)))


def _folders(around: Path) -> Iterator[tuple[Path, list[str]]]:
    depth = len(around.parts)
    for count, (folder, below, names) in enumerate(os.walk(around)):
        path = Path(folder)
        deep = len(path.parts) - depth >= DEPTH
        below[:] = [] if deep else sorted(name for name in below if not name.startswith((".", "__")))
        yield path, sorted(names)
        if count >= MOST_FOLDERS:
            return
