"""Files between the driver and the nodes, in pieces and with a hash: each arrives whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runtime.cluster.messages import PIECE, WHOLE, packed
from engine.runtime.files import discard, open_private, private_folder, sync_folder, write_patiently

PIECE_BYTES = 1 << 20
_OF_THE_NODE = (".lock", ".failed")  # what `Context.once` keeps beside its files means nothing on another machine


class BrokenFileError(ValueError):
    """A file has arrived with another hash than it had, or under a name that leads outside."""


def pieces(path: Path) -> Iterator[bytes]:
    """A file's bytes, at most `PIECE_BYTES` at a time. Nothing for a file that is gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def inside(folder: Path, relative: str) -> Path:
    """The path under `folder`. Raises BrokenFileError for one that leads outside."""
    parts = relative.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise BrokenFileError(f"{relative!r} is not a path inside a run")
    return folder.joinpath(*parts)


def files_in(folder: Path) -> list[Path]:
    """The files of a folder at any depth, or the file itself, oldest first; none that is hidden or of one machine."""
    found = []
    for path in (folder, *folder.rglob("*")):
        own = any(part.startswith(".") for part in path.relative_to(folder.parent).parts)
        if not own and path.suffix not in _OF_THE_NODE and path.is_file() and not path.is_symlink():
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file on its way to a node: `parts` are references to its pieces in the cluster's object store."""

    name: str
    digest: str
    parts: Sequence[Any]

    @classmethod
    def of(cls, path: Path, name: str, put: Callable[[bytes], Any]) -> "Parcel":
        """The file at `path`, stored with `put`."""
        digest, parts = hashlib.sha256(), []
        for piece in pieces(path):
            digest.update(piece)
            parts.append(put(piece))
        return cls(name, digest.hexdigest(), parts)

    def plain(self) -> list[Any]:
        """As it travels: a machine without labtui can read it too."""
        return [self.name, self.digest, list(self.parts)]

    def unpack(self, folder: Path, get: Callable[[Any], bytes]) -> None:
        """Writes it to its name under `folder`, on disk when this returns. Raises BrokenFileError."""
        path, digest = inside(folder, self.name), hashlib.sha256()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for part in self.parts:
                piece = get(part)
                digest.update(piece)
                write_patiently(descriptor, piece)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if digest.hexdigest() != self.digest:
            raise BrokenFileError(f"{self.name} has arrived with another hash than it had")


class Outgoing:
    """A node's end: the files of a folder that have changed since this was last asked."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known = {path: self._stamp(path) for path in files_in(folder)}

    def messages(self) -> Iterator[bytes]:
        """Each changed file in pieces, then its hash; oldest first, so that none comes before what it builds on."""
        for path in files_in(self._folder):
            try:
                stamp = self._stamp(path)
            except FileNotFoundError:
                continue
            if self._known.get(path) != stamp:
                self._known[path] = stamp
                yield from self._sent(path)

    def _sent(self, path: Path) -> Iterator[bytes]:
        name, digest = path.relative_to(self._folder).as_posix(), hashlib.sha256()
        for piece in pieces(path):
            digest.update(piece)
            yield packed(PIECE, piece)
        yield packed(WHOLE, name=name, digest=digest.hexdigest())

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int]:
        found = path.stat()
        return found.st_mtime_ns, found.st_size


class Arrivals:
    """The driver's end for one task: pieces are laid aside in `aside`, whole files put in place under `folder`."""

    def __init__(self, folder: Path, aside: Path):
        self._folder, self._aside = folder, aside
        self._size, self._digest = 0, hashlib.sha256()

    def piece(self, data: bytes) -> None:
        """Adds to the file that is coming in. On a full disk: OSError, and nothing is added."""
        private_folder(self._aside.parent)
        descriptor = open_private(self._aside, os.O_WRONLY | os.O_CREAT)
        try:
            os.ftruncate(descriptor, self._size)
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], self._size + written)
        finally:
            os.close(descriptor)
        self._size += len(data)
        self._digest.update(data)

    def whole(self, name: str, digest: str) -> None:
        """Puts the file in place, on disk when this returns. Raises BrokenFileError."""
        path = inside(self._folder, name)
        if self._digest.hexdigest() != digest:
            raise BrokenFileError(f"{name} has arrived with another hash than it had")
        if not self._size:
            self.piece(b"")
        folder = private_folder(self._folder)
        for part in path.relative_to(self._folder).parts[:-1]:
            folder = private_folder(folder / part)
        descriptor = open_private(self._aside, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path.is_dir():
            discard(path)
        self._aside.replace(path)
        sync_folder(path.parent)
        self._size, self._digest = 0, hashlib.sha256()

    def discard(self) -> None:
        """Drops what has not become whole."""
        discard(self._aside)
