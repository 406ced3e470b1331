"""The tensors of a model as they are written: each once, under the names of a model without masks."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.compress.prune_masks import mask_of
from engine.layers import weight_of


def plain_state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state dict under the names of a model without masks, masked weights with their zeros; on the CPU.

    A tensor that has several names is there once, under the first; the second mapping gives that for each other name.
    What is on the CPU already is not copied unless it shares memory with another: safetensors takes no two that do.
    """
    masked = {name: layer for name, layer in model.named_modules(remove_duplicate=False) if mask_of(layer) is not None}
    hidden = tuple(f"{name}.parametrizations." for name in masked)
    state = model.state_dict(keep_vars=True)
    found = [(name, tensor, tensor) for name, tensor in state.items() if not name.startswith(hidden)]
    for name, layer in masked.items():
        weight = layer.weight
        assert isinstance(weight, Tensor)
        found.append((f"{name}.weight", weight, weight_of(layer)))
    first: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}
    again: dict[str, str] = {}
    taken: set[int] = set()
    for name, tensor, origin in found:
        if (kept := first.setdefault(id(origin), name)) == name:
            tensors[name] = _alone(tensor.detach().cpu().contiguous(), taken)
        else:
            again[name] = kept
    return tensors, again


def _alone(tensor: Tensor, taken: set[int]) -> Tensor:
    """The tensor, or a copy where its memory holds more than it, or is one of those that are `taken`."""
    memory = tensor.untyped_storage()
    if memory.nbytes() > tensor.numel() * tensor.element_size() or memory.data_ptr() in taken:
        return tensor.clone()
    taken.add(memory.data_ptr())
    return tensor


def as_stored(tensors: Mapping[str, Tensor], stored: str) -> dict[str, Tensor]:
    """Float32 tensors in the type that the model came in, where that loses nothing: untouched they cost no more."""
    kind = getattr(torch, stored)

    def narrowed(tensor: Tensor) -> Tensor:
        if tensor.dtype != torch.float32 or kind not in (torch.float16, torch.bfloat16):
            return tensor
        narrow = tensor.to(kind)
        return narrow if torch.equal(narrow.float(), tensor) else tensor

    return {name: narrowed(tensor) for name, tensor in tensors.items()}


def tie(model: nn.Module, again: Mapping[str, str]) -> None:
    """Makes one tensor again of those that were."""
    for name, kept in again.items():
        place, _, own = name.rpartition(".")
        first, _, other = kept.rpartition(".")
        held = model.get_submodule(first)
        for kind in ("_parameters", "_buffers"):
            if other in getattr(held, kind):
                getattr(model.get_submodule(place), kind)[own] = getattr(held, kind)[other]
