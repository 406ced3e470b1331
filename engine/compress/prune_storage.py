"""Masked weights as bytes: whole, or a bit for each weight and the survivors alone, whichever is smaller."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.prune_masks import mask_of, masked_layers
from engine.formats import Format, parse
from engine.formats.base import Packed
from engine.formats.bits import pack_bits, unpack_bits

Entry = dict[str, Any]


def plain_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict under the names of a model without masks, masked weights with their zeros; on the CPU, copied.

    A copy each: safetensors takes no two tensors that share memory.
    """
    masked = masked_layers(model)
    hidden = tuple(f"{name}.parametrizations." for name in masked)
    found = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(hidden)}
    for name, layer in masked.items():
        weight = layer.weight
        assert isinstance(weight, Tensor)
        found[f"{name}.weight"] = weight
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in found.items()}


def pack_masked(values: Tensor, mask: Tensor, number_format: Format | None) -> tuple[dict[str, Tensor], Entry]:
    """The smallest of the ways to store `values`, zero where `mask` is False: tensors by part, and what was chosen.

    The mask is written only where the zeros among the stored values do not tell it.
    """
    mask = mask.cpu()
    bits = {"mask": pack_bits(mask.flatten().int(), 1)}
    whole, exact = _packed(values, number_format)
    ways = [("whole", whole if torch.equal(exact != 0, mask) else whole | bits)]
    if mask.any():
        kept, survivors = _packed(values[mask], number_format)
        if torch.equal(survivors, exact[mask]):  # a format with blocks may group them otherwise
            ways.append(("kept", kept | bits))
    form, parts = min(ways, key=lambda way: sum(part.numel() * part.element_size() for part in way[1].values()))
    return parts, {"shape": list(values.shape), "form": form}


def unpack_masked(parts: Mapping[str, Tensor], entry: Mapping[str, Any], spec: str | None) -> tuple[Tensor, Tensor]:
    """The values and the mask again."""
    shape = tuple(entry["shape"])
    mask = unpack_bits(parts["mask"], 1, torch.Size(shape).numel()).bool().view(shape) if "mask" in parts else None
    if entry["form"] == "whole":
        values = _unpacked(parts, spec, shape)
        return values, values != 0 if mask is None else mask
    if mask is None:
        raise ValueError("a mask is missing")
    values = torch.zeros(shape)
    values[mask] = _unpacked(parts, spec, (int(mask.sum()),))
    return values, mask


def masks(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The masks of a model by layer."""
    for name, layer in masked_layers(model).items():
        mask = mask_of(layer)
        assert mask is not None
        yield name, mask


def _packed(values: Tensor, number_format: Format | None) -> tuple[dict[str, Tensor], Tensor]:
    """The stored parts, and the values that they stand for."""
    if number_format is None:
        return {"values": values}, values
    packed = number_format.pack(values)
    return dict(packed.tensors), number_format.unpack(packed)


def _unpacked(parts: Mapping[str, Tensor], spec: str | None, shape: tuple[int, ...]) -> Tensor:
    if spec is None:
        return parts["values"].view(shape)
    return parse(spec).unpack(Packed(spec, shape, {name: part for name, part in parts.items() if name != "mask"}))
