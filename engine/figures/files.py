"""Files that are there whole or not at all."""

import errno
import json
import math
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import InputError

_DESCRIPTORS = {"-": 1, "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED = re.compile(r"(?:/dev|/proc/self)/fd/(\d+)")
_UNSHOWN = re.compile("[\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` at the end. Its folder is made, but none around that.

    A file keeps its mode, and behind a link it is the file linked to that is replaced. A device, a pipe or a stream
    (`-` is standard output) is written to and stays what it is. Raises InputError where that cannot be.
    """
    try:
        with _streamed(path) if is_stream(path) else _replaced(path) as partial:
            yield partial
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another place.") from error
    except ValueError as error:
        if "null byte" not in str(error):
            raise
        raise InputError("A file's name cannot hold a null character; choose another place.") from error


def is_stream(path: Path) -> bool:
    """Whether writing to `path` adds to something that stays: a device, a pipe, a stream of this process."""
    if _descriptor(path) is not None:
        return True
    with suppress(OSError, ValueError):
        mode = path.stat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text as it stands. Raises InputError where `path` cannot be written."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    target = Path(os.path.realpath(path))
    target.parent.mkdir(exist_ok=True)
    if target.is_symlink():
        raise OSError(errno.ELOOP, "it is a loop of links")
    if target.is_dir():
        raise OSError(errno.EISDIR, "it is a directory")
    partial = target.with_name(f".labtui-{secrets.token_hex(6)}")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield partial
        if target.exists():
            _keep_access(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _keep_access(old: Path, new: Path) -> None:
    """Owner where that is allowed, and mode."""
    before = old.stat()
    with suppress(PermissionError):
        os.chown(new, before.st_uid, before.st_gid)
    new.chmod(stat.S_IMODE(before.st_mode))


@contextmanager
def _streamed(path: Path) -> Iterator[Path]:
    """What is written is copied into the stream at the end, so that a failure before sends nothing."""
    with tempfile.TemporaryDirectory(prefix="labtui-") as folder:
        partial = Path(folder) / "written"
        partial.touch()
        yield partial
        descriptor = _descriptor(path)
        if descriptor is not None:
            sys.stdout.flush()
        out = os.open(path, os.O_WRONLY | os.O_NOCTTY) if descriptor is None else os.dup(descriptor)
        with os.fdopen(out, "wb") as stream, partial.open("rb") as source:
            shutil.copyfileobj(source, stream)


def _descriptor(path: Path) -> int | None:
    """The open file of this process that a path names: opening it by name would begin at its start again."""
    name = str(path)
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered[1]) if numbered else _DESCRIPTORS.get(name)


def to_json(value: Any) -> str:
    r"""Strict JSON, indented: NaN and infinities become null, what a terminal would obey is written as \\uXXXX."""
    text = json.dumps(_strict(value), indent=2, ensure_ascii=False)
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
