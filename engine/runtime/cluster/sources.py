"""Models and data on their way to the nodes: to each once, found there by the hash of what they hold."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.cluster.parcels import Parcel
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import discard, open_private, private_folder, read_private, replace, sync_folder
from engine.runtime.home import cache_dir


def listing(path: Path) -> list[list[Any]]:
    """Name, bytes and time of change of each file that a source consists of; hidden ones are no part of it."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    found = []
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        if not any(part.startswith(".") for part in name.split("/")):
            state = file.stat()
            found.append([name, state.st_size, state.st_mtime_ns])
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder named by a setting. `digest` is that of the names and contents of its files."""

    path: str
    folder: bool
    files: list[list[Any]]
    digest: str
    parcels: Sequence[Parcel]

    @classmethod
    def of(cls, path: Path, put: Callable[[bytes], Any]) -> "Source":
        """What lies at `path`, stored in the cluster with `put`."""
        files = listing(path)
        parcels = [Parcel.of(path / name if path.is_dir() else path, name, put) for name, *_ in files]
        text = dumps([path.name, [[parcel.name, parcel.digest] for parcel in parcels]])
        return cls(str(path), path.is_dir(), files, hashlib.sha256(text.encode()).hexdigest(), parcels)

    def plain(self) -> dict[str, Any]:
        """As it travels."""
        parcels = [parcel.plain() for parcel in self.parcels]
        return {
            "path": self.path,
            "folder": self.folder,
            "files": self.files,
            "digest": self.digest,
            "parcels": parcels,
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Source":
        """What `plain` gave."""
        return cls(**{**plain, "parcels": [Parcel(*one) for one in plain["parcels"]]})

    def place(self, get: Callable[[Any], bytes]) -> Path:
        """Where it is on this machine: under its own path where a shared file system has it, else in the cache."""
        path = Path(self.path)
        if path.exists() and path.is_dir() == self.folder and listing(path) == self.files:
            return path
        folder = private_folder(cache_dir() / "sources") / self.digest
        guard = open_private(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not folder.is_dir():
                partial = folder.with_name(f".{folder.name}.partial")
                discard(partial)
                inner = private_folder(private_folder(partial) / path.name) if self.folder else private_folder(partial)
                for parcel in self.parcels:
                    parcel.unpack(inner, get)
                partial.rename(folder)
                sync_folder(folder.parent)
        finally:
            os.close(guard)
        return folder / path.name


def hold(path: Path, sources: Mapping[str, Source]) -> None:
    """Notes at `path`, the first time, what a run's sources hold. InputError where one has changed since."""
    now = {text: source.digest for text, source in sources.items()}
    if not path.exists():
        replace(path, dumps(now).encode())
    kept = loads(read_private(path))
    for text, digest in now.items():
        if kept.get(text) != digest:
            raise InputError(f"{text} has changed since this run began; put it back as it was, or start a new run.")


def replaced(value: Any, places: Mapping[str, str]) -> Any:
    """A setting with the sources that it names where they are on this machine."""
    if isinstance(value, list | tuple):
        return [replaced(one, places) for one in value]
    if isinstance(value, dict):
        return {key: replaced(one, places) for key, one in value.items()}
    return places.get(value, value) if isinstance(value, str) else value
