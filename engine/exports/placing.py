"""Where an export goes: written beside under a name of its own, then put in place whole, or not at all."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import InputError
from engine.runtime.files import discard, is_disk_full, sync_folder, sync_tree

MARK = "labtui-export.json"
"""Stands in a folder that was exported, so that a later export may replace it and nothing else."""


def check_place(path: Path, folder: bool) -> None:
    """Raises InputError where nothing can be put at `path`, or something is there that no export made."""
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputError(f"{parent} is no folder; make it first, or name another place.")
    if folder and path.exists() and not (path / MARK).is_file():
        raise InputError(f"{path} exists and is no export of labtui; name a new folder.")
    if not folder and path.is_dir():
        raise InputError(f"{path} is a folder; name a file.")


@contextmanager
def placed(path: Path, target: str, folder: bool) -> Iterator[Path]:
    """Gives a path to write to; once the block has ended well, what is there takes the place of `path`.

    Raises:
        InputError: the disk is full; nothing stays then.
    """
    beside = Path(tempfile.mkdtemp(dir=path.absolute().parent, prefix=".labtui-"))
    try:
        partial = beside / path.name
        yield partial
        if folder:
            (partial / MARK).write_text(json.dumps({"target": target}), encoding="utf-8")
        sync_tree(partial)
        if path.is_dir():  # a rename replaces files, but no folder that holds anything
            path.rename(beside / "former")
        partial.replace(path)
        sync_folder(path.absolute().parent)
    except Exception as error:
        if is_disk_full(error):
            raise InputError(f"the disk of {path} is full; make room and export again.") from None
        raise
    finally:
        discard(beside)


def bytes_of(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(file.stat().st_size for file in files)
