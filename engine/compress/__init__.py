"""Turns a model into a compressed one: quantised, pruned, adapted layers."""

from engine.compress.fake_quantize import FakeQuantize
from engine.compress.layers import (
    Quantized,
    QuantizedEmbedding,
    QuantizedLinear,
    quantized_layer,
    quantized_layers,
    stacking_key,
)
from engine.compress.packed import pack_model
from engine.compress.prune import Pruning, prune_model
from engine.compress.quantize import quantize_model
from engine.compress.report import LayerReport, layer_report, summarize
from engine.compress.selection import LayerFormats

__all__ = [
    "FakeQuantize",
    "LayerFormats",
    "LayerReport",
    "Pruning",
    "Quantized",
    "QuantizedEmbedding",
    "QuantizedLinear",
    "layer_report",
    "pack_model",
    "prune_model",
    "quantize_model",
    "quantized_layer",
    "quantized_layers",
    "stacking_key",
    "summarize",
]
