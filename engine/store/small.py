"""Compression that stands in the manifest alone: layers cut, folded or left out, inputs zeroed, caches rounded."""

from torch import nn

from engine.compress.channel_sizes import numbers_of, resize, sizes_of
from engine.compress.fold import folded_norms, mark_folded
from engine.compress.identity import skip_layers, skipped_layers
from engine.compress.key_values import CacheFormat, cache_of, quantize_cache
from engine.compress.layers import Quantized, absorbed_layers
from engine.compress.preparation import Absorbed, channels_of, empty, prepared_layers
from engine.compress.prune_masks import set_threshold, thresholds
from engine.compress.prune_structure import cut_numbers, cut_shapes, shrink
from engine.models.manifest import AbsorbedEntry, CacheEntry, Manifest
from engine.preparing import parse_preparing
from engine.store.record import Record, Stored


class CutRecord(Record):
    """Layers that are smaller than the config says."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(cut_shapes(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """Their shapes, and what the modules around them count."""
        stored.manifest.cut, stored.manifest.cut_numbers = cut_shapes(model), cut_numbers(model)

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """The same sizes again."""
        shrink(model, manifest.cut, manifest.cut_numbers)


class FoldedRecord(Record):
    """Batch norms that were folded into convolutions."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(folded_norms(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """The norms, and the layers that have a bias since."""
        stored.manifest.folded = folded_norms(model)

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """Takes the norms out and makes room for the biases."""
        mark_folded(model, manifest.folded)


class ChannelsRecord(Record):
    """Convolutions and norms that lost channels."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(sizes_of(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """Shapes by module, and what these say of their sizes."""
        stored.manifest.sizes, stored.manifest.size_numbers = sizes_of(model), numbers_of(model)

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """The same sizes again."""
        resize(model, manifest.sizes, manifest.size_numbers)


class SkippedRecord(Record):
    """Layers that are left out."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(skipped_layers(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """Their names."""
        stored.manifest.skipped = tuple(skipped_layers(model))

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """Leaves them out."""
        skip_layers(model, manifest.skipped)


class ThresholdRecord(Record):
    """Layers whose small inputs are zeroed."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(thresholds(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """The thresholds by layer."""
        stored.manifest.thresholds = thresholds(model)

    def apply(self, model: nn.Module, stored: Stored) -> None:
        """Zeros them from now on."""
        for name, threshold in stored.manifest.thresholds.items():
            set_threshold(model.get_submodule(name), threshold)


class PreparedRecord(Record):
    """Layers that divide or rotate their inputs, with tensors of their own, or have that done by what comes before."""

    def has(self, model: nn.Module) -> bool:
        """Whether there are any."""
        return bool(prepared_layers(model) or absorbed_layers(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """How each is prepared, and by which module where that is not itself."""
        found, absorbed = prepared_layers(model), absorbed_layers(model)
        stored.manifest.prepared = {name: str(preparation.preparing) for name, preparation in found.items()}
        stored.manifest.absorbed = {
            name: AbsorbedEntry(prepare=str(one.preparing), by=one.by) for name, one in absorbed.items()
        }

    def shape(self, model: nn.Module, manifest: Manifest) -> None:
        """Makes room for the tensors."""
        for name, text in manifest.prepared.items():
            layer = model.get_submodule(name)
            if (preparing := parse_preparing(text)) is None:
                raise ValueError(f"{name} is prepared by nothing")
            layer.add_module("preparation", empty(preparing, channels_of(layer)))

    def apply(self, model: nn.Module, stored: Stored) -> None:
        """Notes of the layers whose inputs come prepared that they do."""
        for name, entry in stored.manifest.absorbed.items():
            layer, preparing = model.get_submodule(name), parse_preparing(entry.prepare)
            if preparing is None or not isinstance(layer, Quantized):
                raise ValueError(f"{name} has nothing absorbed")
            layer.absorbed = Absorbed(preparing, entry.by)


class CacheRecord(Record):
    """Keys and values in a format."""

    def has(self, model: nn.Module) -> bool:
        """Whether they have one."""
        return cache_of(model) is not None

    def store(self, model: nn.Module, stored: Stored) -> None:
        """The format, and what its rows are."""
        if (cache := cache_of(model)) is not None:
            stored.manifest.cache = CacheEntry(spec=cache.spec, axis=cache.axis)

    def apply(self, model: nn.Module, stored: Stored) -> None:
        """Rounds them from now on."""
        if (entry := stored.manifest.cache) is not None:
            quantize_cache(model, CacheFormat(entry.spec, entry.axis))
