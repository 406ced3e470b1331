"""What a module of the user's own is, known before a run: a process of its own runs the file and says so. No torch."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.layers import KINDS, Layer
from engine.models.python_file import PythonFile, read_python
from engine.own import command
from engine.runtime.files import private_folder, replace
from engine.runtime.home import cache_dir
from engine.runtime.processes import import_environment

LAYOUT = 2
SECONDS = 600.0
"""A function that takes longer has begun to do something else than making a module."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`input` is the name of what the module is called with, `inputs` the shapes that the file's `inputs()` has.

    `classes` are those that it tells apart, None where no input was known. `tensors` are shapes and bytes.
    `activations` are how many numbers its innermost modules give for a sample, the most that one of them takes and
    gives, and those of all; None where no input was known.
    """

    name: str
    input: str
    inputs: Mapping[str, tuple[int, ...]]
    classes: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layers: Mapping[str, Layer]
    tensors: Mapping[str, tuple[tuple[int, ...], int]]
    activations: tuple[int, int] | None


def probed(source: str, size: Sequence[int] | None = None) -> Facts:
    """The facts of a module; its file is run for it, unless that was done of the same text before.

    `size` is height and width of an image; without it `inputs()` of the file is looked at, if there is one.

    Raises:
        InputError: whatever is wrong with the file, its function or what comes back, in a sentence.
    """
    file = read_python(source)
    note = _note(file, size)
    if (known := _read(note)) is not None:
        return known
    words = command("engine.models.probing", source, *([",".join(map(str, size))] if size is not None else []))
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=import_environment(),
            timeout=SECONDS,
            check=False,
        )
        said: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise InputError(f"{source} did not return within {SECONDS / 60:.0f} minutes; let it return sooner.") from None
    except ValueError:
        raise InputError(f"{source} ended the process that ran it (exit code {done.returncode}); correct it.") from None
    if "error" in said:
        raise InputError(said["error"])
    private_folder(note.parent)
    replace(note, json.dumps(said["facts"]).encode())
    if size is not None:  # what needs no size is asked for without one
        replace(_note(file, None), json.dumps({**said["facts"], "classes": None}).encode())
    return _facts(said["facts"])


def noted(source: str) -> Facts | None:
    """What was found out of a module before; None where its file has not been run since it was last changed."""
    try:
        return _read(_note(read_python(source), None))
    except InputError:
        return None


def check_classes(model: str, classes: int, data: str, found: int) -> None:
    """Raises InputError where data have another number of classes than a module tells apart."""
    if classes != found:
        raise InputError(
            f"{model} tells {classes:,} classes apart and {data} has {found:,}; let the function make a module for "
            "these data, or name other data."
        )


def _note(file: PythonFile, size: Sequence[int] | None) -> Path:
    key = f"{LAYOUT} {file.path} {file.function} {file.digest} {None if size is None else list(size)}"
    return cache_dir() / "modules" / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.json"


def _read(note: Path) -> Facts | None:
    try:
        return _facts(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _facts(said: Mapping[str, Any]) -> Facts:
    return Facts(
        said["class"],
        said["input"],
        {name: tuple(shape) for name, shape in said["inputs"].items()},
        said["classes"],
        tuple(said["mean"]),
        tuple(said["std"]),
        {name: Layer(KINDS[kind], tuple(shape)) for name, (kind, shape) in said["layers"].items()},
        {name: (tuple(shape), size) for name, (shape, size) in said["tensors"].items()},
        None if said["activations"] is None else (said["activations"][0], said["activations"][1]),
    )
