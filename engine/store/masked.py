"""Masked weights: whole, or a bit for each weight and the survivors alone, whichever is smaller."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.compress.layers import quantized_layers
from engine.compress.prune_masks import mask_layers, mask_of, masked_layers
from engine.formats import Format, parse
from engine.formats.base import Packed
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.held import Held, held_of
from engine.models.manifest import MaskedEntry
from engine.store.record import Record, Stored, as_parameter, kind_at


class MaskedRecord(Record):
    """Masks over weights, which may have formats too."""

    def has(self, model: nn.Module) -> bool:
        """Whether a layer has a mask."""
        return bool(masked_layers(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """The smallest form of each masked weight, as rows."""
        layers = quantized_layers(model)
        for name, layer in masked_layers(model).items():
            mask, kind = mask_of(layer), kind_at(model, name)
            assert mask is not None
            number_format = layers[name].weight_format.format if name in layers else None
            rows = kind.rows(stored.tensors.pop(f"{name}.weight"))
            parts, stored.manifest.masks[name] = pack_masked(rows, kind.rows(mask), number_format)
            stored.tensors |= {f"{name}.weight.{part}": tensor.contiguous() for part, tensor in parts.items()}

    def unpack(self, model: nn.Module, stored: Stored) -> None:
        """Weights with their zeros, and the masks."""
        entries = stored.manifest.quantized
        for name, entry in stored.manifest.masks.items():
            weight, layer = f"{name}.weight", entries.get(name)
            parts, spec = stored.take(weight), None if layer is None else layer.weight
            if layer is not None and layer.held:
                stored.held[name] = held_of(parse(layer.weight), packed_masked(parts, entry, layer.weight))
            values, mask = unpack_masked(parts, entry, spec)
            stored.tensors[weight] = as_parameter(model, weight, values)
            stored.masks[name] = as_parameter(model, weight, mask)

    def apply(self, model: nn.Module, stored: Stored) -> None:
        """Lays the masks over their weights."""
        mask_layers(model, stored.masks)


def pack_masked(values: Tensor, mask: Tensor, number_format: Format | None) -> tuple[dict[str, Tensor], MaskedEntry]:
    """The smallest of the ways to store `values`, zero where `mask` is False: tensors by part, and what was chosen.

    The mask is written only where the zeros among the stored values do not tell it.
    """
    mask = mask.cpu()
    bits = {"mask": pack_bits(mask.flatten().int(), 1)}
    whole, exact = _packed(values, number_format)
    ways = [("whole", whole if torch.equal(exact != 0, mask) else whole | bits)]
    if mask.any() and not isinstance(number_format, Held):  # its parameters are those of whole rows
        kept, survivors = _packed(values[mask], number_format)
        if torch.equal(survivors, exact[mask]):  # a format with blocks may group them otherwise
            ways.append(("kept", kept | bits))
    form, parts = min(ways, key=lambda way: sum(part.numel() * part.element_size() for part in way[1].values()))
    rows, columns = values.shape
    return parts, MaskedEntry(shape=(rows, columns), form=form)


def unpack_masked(parts: Mapping[str, Tensor], entry: MaskedEntry, spec: str | None) -> tuple[Tensor, Tensor]:
    """The values and the mask again."""
    shape = entry.shape
    mask = unpack_bits(parts["mask"], 1, torch.Size(shape).numel()).bool().view(shape) if "mask" in parts else None
    if entry.form == "whole":
        values = _unpacked(parts, spec, shape)
        return values, values != 0 if mask is None else mask
    if mask is None:
        raise ValueError("a mask is missing")
    values = torch.zeros(shape)
    values[mask] = _unpacked(parts, spec, (int(mask.sum()),))
    return values, mask


def packed_masked(parts: Mapping[str, Tensor], entry: MaskedEntry, spec: str) -> Packed:
    """The codes of a masked weight in a format, as rows with their zeros."""
    if entry.form == "whole":
        return Packed(spec, entry.shape, {name: part for name, part in parts.items() if name != "mask"})
    return parse(spec).pack(unpack_masked(parts, entry, spec)[0])


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
