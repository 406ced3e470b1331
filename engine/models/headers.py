"""What the headers of a model's weights say, compared with its config and this machine before anything is built."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.facts import NESTED, WIDTH_FIELDS, layers_named
from engine.models.labels import Head
from engine.models.weights import read_header
from engine.runtime.free_memory import available_memory

_INDEX = "model.safetensors.index.json"
_BLOCK = re.compile(r"(.*?)\.(\d+)\.")
FLOAT = 4  # bytes of a weight as it is computed with

Shapes = Mapping[str, Sequence[int]]


def model_shapes(folder: Path, source: str, *, partly: bool = False) -> dict[str, Sequence[int]]:
    """Shapes of the tensors of a model that is saved in safetensors; empty where it is not.

    They are empty too where files are missing of a model that may be here `partly`, as in the hub's cache.

    Raises:
        InputError: a file is damaged, or one that the index names is missing.
    """
    index = folder / _INDEX
    if index.is_file():
        try:
            files = {str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{_INDEX} of {source} cannot be read; copy or save the model again.") from None
        for name in sorted(files):
            if not (folder / name).is_file():
                if partly:
                    return {}
                raise InputError(f"{name} of {source} is missing, which its index names; copy it too.")
    shapes: dict[str, Sequence[int]] = {}
    for file in sorted(folder.glob("model*.safetensors")):
        try:
            shapes |= {name: tensor.shape for name, tensor in read_header(file)}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError):
            raise InputError(
                f"{file.name} of {source} is damaged or cut short; copy or save the model again."
            ) from None
    return shapes


def check_weights(shapes: Shapes, facts: Mapping[str, Any], head: Head | None, source: str) -> None:
    """Compares a model's tensors with its config, as far as names and sizes tell.

    Raises:
        InputError: they cannot belong together, layers or the head are missing, or the memory is too small.
    """
    _check_embedding(shapes, facts, source)
    _check_widths(shapes, facts, source)
    _check_layers(shapes, facts, source)
    if head is not None and not has_head(shapes, head):
        raise no_head(source, head)
    check_size_of(shapes, source)


def no_head(source: str, head: Head) -> InputError:
    """The sentence for weights without the head that their config promises."""
    return InputError(
        f"{source} has no trained classification head: its config.json says {head.classes} classes and none of its "
        "tensors is a head for them; labtui run finetune trains a new one."
    )


def check_size_of(shapes: Shapes, source: str) -> None:
    """Raises InputError where a model of tensors of these shapes does not fit in the free memory."""
    check_memory(FLOAT * sum(math.prod(shape) for shape in shapes.values()), source)


def check_memory(size: int, source: str) -> None:
    """Raises InputError where a model of so many bytes does not fit in what is free."""
    if size > (free := available_memory()):
        raise InputError(
            f"{source} takes {size / 1e9:,.1f} GB in float32 and {free / 1e9:,.1f} GB of memory are free; take a "
            "smaller model or a larger machine."
        )


def has_head(shapes: Shapes, head: Head) -> bool:
    """Whether a tensor has a row for each class; embeddings and what stands inside the layers are none."""
    return any(
        len(shape) in (1, 2) and shape[0] == head.classes and "embed" not in name and not _in_layers(name)
        for name, shape in shapes.items()
    )


def _in_layers(name: str) -> bool:
    found = _BLOCK.match(name)
    return found is not None and not re.search("class|score|head|summary|logits", found[1])


def _check_embedding(shapes: Shapes, facts: Mapping[str, Any], source: str) -> None:
    """The table of words has a row for each; its width has a field of a name that differs between model types."""
    words, width = facts.get("vocab_size"), facts.get("hidden_size") or facts.get("dim")
    widths = [value for value in facts.values() if isinstance(value, int)]
    for name, shape in shapes.items():
        if not name.endswith("word_embeddings.weight") or words is None or width is None:
            continue
        if len(shape) != 2 or shape[0] != words or shape[1] not in widths:
            raise InputError(
                f"{name} of {source} has the shape {list(shape)} and config.json says {[words, width]}: the weights "
                "belong to another model; take the config.json that was saved with them."
            )


def _check_widths(shapes: Shapes, facts: Mapping[str, Any], source: str) -> None:
    largest = max((size for shape in shapes.values() for size in shape), default=0)
    nested = facts.get(NESTED)
    for part in (facts, nested if isinstance(nested, Mapping) else {}):
        for name in WIDTH_FIELDS:
            if isinstance(value := part.get(name), int) and value > largest > 0:
                raise InputError(
                    f"config.json of {source} says {name} {value:,} and no tensor of its weights is larger than "
                    f"{largest:,}: they belong to different models; take the config.json that was saved with them."
                )


def _check_layers(shapes: Shapes, facts: Mapping[str, Any], source: str) -> None:
    """Whether the weights hold as many layers as the config says; layers that share weights are left to the loading."""
    counts: dict[str, set[int]] = {}
    for name in shapes:
        if found := _BLOCK.match(name):
            counts.setdefault(found[1], set()).add(int(found[2]))
    for prefix, indices in counts.items():
        if gaps := sorted(set(range(max(indices))) - indices)[:1]:
            raise InputError(
                f"the weights of {source} have no {prefix}.{gaps[0]}, and {prefix}.{max(indices)} is there: a layer is "
                "missing; copy or save the model again."
            )
    told = layers_named(facts)
    if told is None or "num_hidden_groups" in facts or not counts:
        return
    field, layers = told
    if any(len(indices) == layers for indices in counts.values()):
        return
    prefix = max(counts, key=lambda one: len(counts[one]))
    raise InputError(
        f"config.json of {source} says {field} {layers:,} and its weights hold {len(counts[prefix]):,} "
        f"({prefix}.0 to {prefix}.{max(counts[prefix])}): tensors are missing or left over; take the config.json that "
        "was saved with them."
    )
