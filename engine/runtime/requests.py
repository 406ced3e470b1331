"""`want`: what people ask of a run. Level-triggered: it survives crashes and repeats.

The file has its full size from the start and is rewritten in place: a request needs no free byte and no inode. Whoever
makes one holds the file's lock from looking at the run until the request stands and somebody sees to it.
"""

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from engine.errors import InputError
from engine.runtime.files import discard, open_private, open_regular

Want = Literal["run", "pause", "cancel"]
_BYTES = 64
_TEXT = re.compile(rb"(run|pause|cancel)(?: ([0-9]{1,18}))?\s*")
_ODD = (errno.ELOOP, errno.EISDIR, errno.ENXIO)
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `number` counts requests, so that the same one made again is another one."""

    want: Want = "run"
    number: int = 0


class Desk:
    """The file, locked: nobody else makes a request meanwhile."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    @property
    def request(self) -> Request:
        """What was asked for last."""
        return _parsed(os.pread(self._descriptor, _BYTES, 0))

    def write(self, want: Want) -> None:
        """Asks for this, on disk when it returns."""
        text = f"{want} {self.request.number + 1}"
        os.pwrite(self._descriptor, text.encode().ljust(_BYTES - 1) + b"\n", 0)
        os.fsync(self._descriptor)


@contextmanager
def asking(directory: Path) -> Iterator[Desk]:
    """The run's desk. InputError where another process keeps it for longer than any request takes."""
    descriptor = _locked(directory / "want")
    try:
        yield Desk(descriptor)
    finally:
        os.close(descriptor)


def ask(directory: Path, want: Want) -> None:
    """Asks for this, whatever was asked for before."""
    with asking(directory) as desk:
        desk.write(want)


def read_request(directory: Path) -> Request:
    """What was asked for last; to run where nobody has asked for anything that can be read."""
    try:
        descriptor = open_regular(directory / "want")
    except OSError:
        return Request()
    try:
        return _parsed(os.pread(descriptor, _BYTES, 0))
    finally:
        os.close(descriptor)


def _parsed(data: bytes) -> Request:
    match = _TEXT.fullmatch(data)
    return Request(cast(Want, match[1].decode()), int(match[2] or 0)) if match else Request()


def _locked(path: Path) -> int:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                name = path.parent.name
                raise InputError(f"another process has been changing {name} for a while; try again later.") from None
        os.close(descriptor)
        time.sleep(0.01)


def _opened(path: Path) -> int:
    """The file, made where it is missing; what is no file makes room for one."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
    try:
        descriptor = open_private(path, flags)
        if path.is_file():
            return descriptor
        os.close(descriptor)
    except OSError as error:
        if error.errno not in _ODD:
            raise
    discard(path)
    return open_private(path, flags)
