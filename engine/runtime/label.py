"""`label.json`: the tags and the note that people give a run. Anyone may replace it; nothing depends on it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace

MOST, LONGEST_NOTE = 20, 2000
_TAG = re.compile(r"[\w][\w./+-]{0,39}")


@dataclass(frozen=True, slots=True)
class Label:
    """Tags in the order in which they were given, and a note of any words."""

    tags: tuple[str, ...] = ()
    note: str = ""

    def tagged(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> "Label":
        """With more tags, without others. InputError for what is no tag."""
        gone = set(remove)
        tags = tuple(dict.fromkeys(tag for tag in (*self.tags, *map(checked, add)) if tag not in gone))
        if len(tags) > MOST:
            raise InputError(f"A run has {MOST} tags at most; remove some first.")
        return Label(tags, self.note)

    def noted(self, note: str) -> "Label":
        """With another note; empty for none."""
        if len(note) > LONGEST_NOTE:
            raise InputError(f"A note has {LONGEST_NOTE} characters at most; this one has {len(note)}.")
        return Label(self.tags, note.strip())


def checked(tag: str) -> str:
    """The tag, without a # before it. InputError where it is none."""
    tag = tag.strip().removeprefix("#")
    if not _TAG.fullmatch(tag):
        raise InputError(f"{tag!r} is no tag; write up to 40 letters, digits and . _ - + /, a letter or digit first.")
    return tag


def read_label(directory: Path) -> Label:
    """The label of a run; blank where there is none that can be read."""
    try:
        found = loads(read_private(directory / "label.json"))
        return Label(tuple(tag for tag in found["tags"] if isinstance(tag, str)), str(found["note"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Label()


def write_label(directory: Path, label: Label) -> None:
    """Gives the run another label, on disk when this returns."""
    replace(directory / "label.json", dumps({"tags": list(label.tags), "note": label.note}).encode() + b"\n")
