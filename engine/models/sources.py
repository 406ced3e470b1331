"""Where a model or a data set is: `builtin`, a local path, what a run kept, or an id of the Hugging Face hub."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import InputError
from engine.models.kept import kept_model
from engine.runtime.chain import PREFIX

BUILTIN = "builtin"
DATA_SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".arrow")
_HUB_ID = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*(?::\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """`path` is set where `kind` is local. `part` is the configuration of a hub data set, written `id:part`."""

    kind: Literal["builtin", "local", "hub"]
    name: str
    path: Path = Path()
    part: str | None = None


def locate(source: str) -> Source:
    """Which of the three a source is. What exists locally is local, and so is `run:ID/POINT`, which a run kept.

    Raises:
        InputError: a path that does not exist, a point without a model, or neither a path nor a hub id.
    """
    if source == BUILTIN:
        return Source("builtin", source)
    if source.startswith(PREFIX):
        return Source("local", source, kept_model(source))
    path = Path(source).expanduser()
    if source.strip() and path.exists():
        return Source("local", source, path)
    if source.startswith(("/", "~", ".")) or source.endswith(("/", *DATA_SUFFIXES)) or source.count("/") > 1:
        raise InputError(f"{source} does not exist; name a folder or file that does, a Hugging Face id, or builtin.")
    if not _HUB_ID.fullmatch(source):
        raise InputError(f"{source!r} is neither a path nor a Hugging Face id such as owner/name; check its spelling.")
    name, _, part = source.partition(":")
    return Source("hub", name, part=part or None)
