"""Layers that compute with MXINT8 codes: their tensors stand as they are."""

import torch
from torch import nn

from cuda_kernels import MXInt8Linear
from cuda_kernels.api import groups_in
from engine.compress.layers import replace_layers
from engine.compress.packed import packed_layers
from engine.models.manifest import PACKED, Manifest, PackedEntry
from engine.store.record import Record, Stored


class PackedRecord(Record):
    """Groups and shapes."""

    def has(self, model: nn.Module) -> bool:
        """Whether a layer computes with codes."""
        return bool(packed_layers(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """An entry for each layer."""
        stored.manifest.layers |= {
            name: PackedEntry(kind=PACKED, group=layer.group, shape=(layer.out_features, layer.in_features))
            for name, layer in packed_layers(model).items()
        }

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """Packed layers, their values yet to be read."""
        entries = manifest.packed

        def replacement(name: str, layer: nn.Module) -> nn.Module | None:
            if (entry := entries.get(name)) is None:
                return None
            rows, columns = entry.shape
            mantissa = torch.zeros(rows, columns, dtype=torch.int8)
            scale = torch.zeros(rows, groups_in(columns, entry.group), dtype=torch.uint8)
            bias = None if layer.bias is None else nn.Parameter(torch.zeros(rows))
            return MXInt8Linear(mantissa, scale, bias, entry.group)

        replace_layers(model, replacement)
