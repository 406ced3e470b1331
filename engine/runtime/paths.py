"""Paths that somebody typed: any text can be asked for, whatever its length, its letters or the user it names."""

import os
from pathlib import Path


def expanded(text: str) -> Path:
    """The path with `~` as the home folder; a user that is not known stays as it was written."""
    return Path(os.path.expanduser(text))  # noqa: PTH111  # pathlib's raises for a user that it does not know


def existing(text: str) -> Path | None:
    """The path if there is something, None for everything else, such as a name that no file can have."""
    path = expanded(text)
    return path if text.strip() and os.path.exists(path) else None  # noqa: PTH110  # likewise for what is too long


def absolute(text: str) -> str:
    """The absolute path of what exists; any other text as it is."""
    path = existing(text)
    return text if path is None else str(path.absolute())
