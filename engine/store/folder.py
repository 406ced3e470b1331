"""A compressed model as a folder: packed codes in safetensors, a manifest that says what they are.

    config.json, tokenizer files       as save_pretrained writes them
    compressed.safetensors             `<parameter>.codes` and `<parameter>.scales` of packed parameters, the rest as is
    compression.json                   `engine.models.manifest.Manifest`

A masked weight is stored as `<parameter>.mask`, a bit each, and its survivors (`.values`, or packed), or whole where
that is smaller. Packed and masked weights are stored as rows, one for each output channel, whatever the layer's own
shape. A tensor with several names is written once. What is not packed is written in the type that the model came in,
where that loses nothing.

The weights are not called model.safetensors: a library that knows nothing of the manifest must fail on the folder, not
read half of it and invent the rest.
"""

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from engine.errors import InputError
from engine.formats.base import Packed
from engine.models.manifest import MANIFEST, Manifest, read_manifest
from engine.models.python_file import RECIPE
from engine.runtime.files import write_durably
from engine.store.masked import MaskedRecord, packed_masked
from engine.store.packed import PackedRecord
from engine.store.quantized import QuantizedRecord, hold
from engine.store.record import Record, Stored
from engine.store.small import (
    CacheRecord,
    ChannelsRecord,
    CutRecord,
    FoldedRecord,
    PreparedRecord,
    SkippedRecord,
    ThresholdRecord,
)
from engine.store.tensors import as_stored, plain_state, tie
from engine.training.forward import raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from engine.tasks.base import Restorer, Subject

WEIGHTS = "compressed.safetensors"
RECORDS: tuple[Record, ...] = (
    FoldedRecord(),
    ChannelsRecord(),
    CutRecord(),
    SkippedRecord(),
    PackedRecord(),
    ThresholdRecord(),
    MaskedRecord(),
    PreparedRecord(),
    QuantizedRecord(),
    CacheRecord(),
)
"""In the order in which they are written. They are applied the other way round: a mask lies over a layer's format."""


def save(subject: "Subject", folder: Path) -> int:
    """Writes a model, packed where layers are quantised or pruned; returns the bytes of the weights as written.

    Everything is counted: embeddings, norms, scales, masks and the file's header. A model without such layers is
    written as `Subject.save` does. The folder appears whole and on disk; a model saved there before gives way.

    Raises:
        InputError: the folder holds something that is no saved model.
    """
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if held and not held & {"config.json", RECIPE, WEIGHTS}:
        raise InputError(f"{folder} holds something other than a model; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if any(record.has(subject.model) for record in RECORDS):
        stored = _stored(subject)
        write_durably(folder, lambda partial: _write(subject, stored, partial))
    else:
        write_durably(folder, subject.save)
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _stored(subject: "Subject") -> Stored:
    """What the two files of a model hold."""
    tensors, again = plain_state(subject.model)
    stored = Stored(tensors, Manifest(tied=again))
    for record in RECORDS:
        record.store(subject.model, stored)
    stored.tensors = as_stored(stored.tensors, subject.stored)
    return stored


def _write(subject: "Subject", stored: Stored, folder: Path) -> None:
    from transformers import PreTrainedModel

    folder.mkdir()
    save_file(stored.tensors, folder / WEIGHTS)
    (folder / MANIFEST).write_text(json.dumps(stored.manifest.written(), indent=1), encoding="utf-8")
    if isinstance(subject.model, PreTrainedModel):
        config = copy.deepcopy(subject.model.config)
        config.architectures, config.dtype = [type(subject.model).__name__], subject.stored
        config.save_pretrained(folder)
    subject.save_companions(folder)


def load(
    source: str | Path,
    progress: "Callable[..., None] | None" = None,
    task: str | None = None,
    module: "str | nn.Module | None" = None,
) -> Any:
    """A compressed folder, with the same outputs bit for bit as what was saved, or whatever its task loads.

    The task is the one named, or read off the model. Gives what that task calls its models: `Classifier`, say. A folder
    of a module of the user's own takes the `module` again: as `path/to/file.py:function`, or the module itself, which
    gets the weights; `run:ID/POINT` takes the file that the run was given. No file that the folder names is ever run.

    Raises:
        InputError: nothing there, a folder that cannot be read, or one of a module without the `module`.
    """
    from engine.models.check import check_config
    from engine.models.own_source import python_of
    from engine.models.sources import locate
    from engine.tasks.base import Restorer
    from engine.tasks.kinds import get, task_of

    located = locate(str(source))
    folder = located.path
    if located.kind == "local" and (folder / RECIPE).is_file():
        return _own(folder, str(source), python_of(str(source)) if module is None else module)
    kind = get(task or task_of(str(source)), str(source))
    if located.kind != "local" or not (folder / MANIFEST).is_file() or not isinstance(kind, Restorer):
        return kind.load(str(source), progress)
    check_config(folder, str(source))
    return _whole(str(source), lambda: _load(folder, str(source), kind))


def packed_parameters(folder: Path) -> dict[str, Packed]:
    """The codes of a compressed folder's quantised parameters by name, weights as rows; nothing of any other folder.

    Of masked weights, whose survivors may be stored alone, the codes are those of all rows, zeros among them. A
    parameter with several names is there under the first.
    """
    if (manifest := read_manifest(folder)) is None:
        return {}
    stored = Stored(load_file(folder / WEIGHTS), manifest)
    found: dict[str, Packed] = {}
    for name, entry in manifest.quantized.items():
        for own, spec in (("weight", entry.weight), ("bias", entry.bias)):
            parameter = f"{name}.{own}"
            first = manifest.tied.get(parameter, parameter)
            masked = manifest.masks.get(first.removesuffix(".weight"))
            if spec is None or first in found:
                continue
            if masked is not None:
                found[first] = packed_masked(stored.take(first), masked, spec)
            elif first in manifest.shapes:
                found[first] = Packed(spec, manifest.shapes[first], stored.take(first))
    return found


def _own(folder: Path, source: str, module: "str | nn.Module | None") -> Any:
    """What a folder with a recipe holds, in the user's module."""
    from engine.tasks.own import Remade

    if module is None:
        raise InputError(
            f"{source} holds the weights of a module of somebody's own; load it with engine.store.load(folder, "
            "module='path/to/file.py:function')."
        )
    task = Remade(folder, source, module)
    compressed = (folder / MANIFEST).is_file()
    return _whole(source, lambda: _load(folder, source, task) if compressed else task.load(source))


def _whole(source: str, read: "Callable[[], Any]") -> Any:
    try:
        return read()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # a damaged manifest or config makes anything of any code
        reason = raised(error).rstrip(".")
        raise InputError(f"{source} is not a complete compressed model ({reason}); save it again.") from None


def _load(folder: Path, source: str, task: "Restorer") -> "Subject":
    manifest = read_manifest(folder)
    assert manifest is not None
    model, dtype = task.bare(folder, source)
    for record in RECORDS:
        record.shape(model, manifest)
    stored = Stored(load_file(folder / WEIGHTS), manifest)
    for record in RECORDS:
        record.unpack(model, stored)
    model.load_state_dict(stored.tensors | {name: stored.tensors[kept] for name, kept in manifest.tied.items()})
    tie(model, manifest.tied)
    for record in reversed(RECORDS):
        record.apply(model, stored)
    hold(model)
    return task.dressed(model.eval(), folder, source, dtype)
