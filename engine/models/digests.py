"""What files hold, as a digest. A file that has not changed since it was last read is not read again."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.runtime.files import private_folder, read_private, replace
from engine.runtime.home import cache_dir

if TYPE_CHECKING:
    from torch import nn

SETTLED = 2.0
"""Seconds after a change during which another one might leave the file's times as they are: it is not trusted yet."""


def digest_of(path: Path) -> str:
    """BLAKE2b of a file's bytes, in hexadecimal. Raises OSError where it cannot be read."""
    before = _stamp(path)
    note = _note(path)
    if note is not None:
        with suppress(OSError, ValueError, LookupError, TypeError):
            known = json.loads(read_private(note))
            if known["stamp"] == before:
                return str(known["digest"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "blake2b").hexdigest()
    if note is not None and _stamp(path) == before and time.time() - before[-1] / 1e9 > SETTLED:
        with suppress(OSError):  # on a full disk it is read again next time
            replace(note, json.dumps({"stamp": before, "digest": digest}).encode())
    return digest


def digests_of(folder: Path, paths: Sequence[Path]) -> list[str]:
    """The digests of many small files below a folder, with one note for all of them.

    Raises:
        OSError: one of them cannot be read.
    """
    stamps = [_stamp(path) for path in paths]
    listed = [[str(path.relative_to(folder)) for path in paths], stamps]
    state = hashlib.blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest()
    note = _note(folder)
    if note is not None:
        with suppress(OSError, ValueError, LookupError, TypeError):
            known = json.loads(read_private(note))
            if known["stamp"] == state:
                return [str(digest) for digest in known["digests"]]
    digests = [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths]
    newest = max((stamp[-1] for stamp in stamps), default=0)
    if note is not None and time.time() - newest / 1e9 > SETTLED:
        with suppress(OSError):  # on a full disk they are read again next time
            replace(note, json.dumps({"stamp": state, "digests": digests}).encode())
    return digests


def digest_of_state(model: "nn.Module") -> str:
    """What the tensors of a model's state hold, names, types and shapes included."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fingerprint(settings: Any, files: Iterable[Path] = ()) -> str:
    """One key for settings, which JSON can write, and the contents of files in their order."""
    digest = hashlib.blake2b(json.dumps(settings).encode(), digest_size=16)
    for path in files:
        digest.update(digest_of(path).encode())
    return digest.hexdigest()


def _stamp(path: Path) -> list[int]:
    """What changes with a file: the time of the last change of contents or facts, which nobody can set, stands last."""
    facts = path.stat()
    return [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]


def _note(path: Path) -> Path | None:
    """Where a file's digest is kept; None where nothing can be."""
    name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
    try:
        return private_folder(cache_dir() / "digests") / f"{name}.json"
    except (OSError, InputError):
        return None
