"""What a picker offers: models, data sets and curves in the folders around."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from engine.models.opening import format_of, name_of
from engine.models.sources import BUILTIN, BUILTINS

Kind = Literal["model", "data", "curve"]

DEPTH = 3
MOST_FOLDERS = 2000


def built_in(kind: Literal["model", "data"]) -> tuple[str, ...]:
    """What is made here on first use. Each built-in model has data of its own, which are all called `builtin`."""
    return BUILTINS if kind == "model" else (BUILTIN,)


def found_near(kind: Literal["model", "data"], around: Path, limit: int = 100) -> list[str]:
    """What lies in `around` or up to three folders below it.

    Models are folders with config.json; data are folders with a file called train…, and single data files.
    """
    found: list[str] = []
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


def holds(kind: Kind, names: Collection[str]) -> bool:
    """Whether a folder with these files can be named as a model, as data, or as curves."""
    model = "config.json" in names
    match kind:
        case "model":
            return model
        case "data":
            return not model and any(map(is_data, names))
        case "curve":
            return any(map(is_events, names))


def reads(kind: Kind, name: str) -> bool:
    """Whether a file of this name can be named as such."""
    return (kind != "model" and is_data(name)) or (kind == "curve" and is_events(name))


def is_data(name: str) -> bool:
    """Whether a file of this name is read as data."""
    return bool(format_of(Path(name)))


def is_events(name: str) -> bool:
    """Whether a file of this name is one of TensorBoard's."""
    return "tfevents" in name


def _folders(around: Path) -> Iterator[tuple[Path, list[str]]]:
    depth = len(around.parts)
    for count, (folder, below, names) in enumerate(os.walk(around)):
        path = Path(folder)
        deep = len(path.parts) - depth >= DEPTH
        below[:] = [] if deep else sorted(name for name in below if not name.startswith((".", "__")))
        yield path, sorted(names)
        if count >= MOST_FOLDERS:
            return
