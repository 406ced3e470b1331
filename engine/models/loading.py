"""What transformers says of a model that it has loaded: whether every tensor is there, and only those."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from engine.errors import InputError
from engine.models.headers import FLOAT, check_memory

_LEFT_OVER = (
    "pooler.",
    "position_ids",
    "token_type_ids",
    "inv_freq",
    "masked_bias",
    "attn.bias",
    "num_batches_tracked",
)
"""In the names of tensors that many sound files hold beyond what the model computes with."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class NewHead:
    """A head to make in place of what a model has: of how many classes, by what names, drawn by seed."""

    classes: int
    names: tuple[str, ...]
    seed: int


def set_classes(config: Any, head: NewHead) -> None:
    """Makes a config one of a model with the new head."""
    names = head.names or tuple(f"LABEL_{number}" for number in range(head.classes))
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = None  # that of the head which is replaced


def renew_head(model: Any, classes: int) -> None:
    """Draws the layers anew that give a value for each class: a file may hold such ones for another task."""
    for name, child in model.named_children():
        if name == model.base_model_prefix:
            continue
        for module in child.modules():
            own = list(module.parameters(recurse=False))
            for parameter in own:  # transformers leaves alone what it takes for loaded
                parameter._is_hf_initialized = all(one.shape[:1] != (classes,) for one in own)
        with torch.no_grad():
            child.apply(model._init_weights)
        for parameter in child.parameters():
            del parameter._is_hf_initialized


def check_size(auto: Any, config: Any, source: str) -> None:
    """Builds the model without memory and compares its size with what is free.

    Raises:
        InputError: it does not fit.
    """
    try:
        with torch.device("meta"):
            model = auto.from_config(config)
    except Exception:  # what a model's code cannot do without values, loading it will say
        return
    tensors = {id(tensor): tensor.numel() for tensor in (*model.parameters(), *model.buffers())}
    check_memory(FLOAT * sum(tensors.values()), source)


def check_loaded(info: Mapping[str, Any], model: Any, source: str, new_head: bool) -> None:
    """Raises InputError that names the tensors which a trained model lacks, has too many of or has in another shape.

    With a `new_head` that is judged of its body alone: the head is new, and the file may hold another one.
    """
    body = f"{model.base_model_prefix}."

    def counts(name: str) -> bool:
        return not new_head or (name.startswith(body) and "pooler." not in name)

    if missing := sorted(filter(counts, info["missing_keys"])):
        raise InputError(
            f"{source} lacks {_named(missing)}, which the model of its config.json has: it would be made up; "
            "copy or save the model again."
        )
    if shapes := [one for one in info["mismatched_keys"] if counts(one[0])]:
        name, stored, wanted = shapes[0]
        raise InputError(
            f"{name} of {source} has the shape {list(stored)} and the model of its config.json {list(wanted)}"
            f"{_others(len(shapes))}: they belong to different models; take the config.json that was saved with them."
        )
    left = sorted(name for name in info["unexpected_keys"] if not any(part in name for part in _LEFT_OVER))
    if not new_head and left:
        raise InputError(
            f"{source} holds {_named(left)}, which the model of its config.json has no place for: its results would "
            "not be this model's; take the config.json that was saved with the weights."
        )


def _named(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_SHOWN]) + _others(len(names) - _SHOWN + 1)


def _others(count: int) -> str:
    return f" and {count - 1:,} more tensors" if count > 1 else ""
