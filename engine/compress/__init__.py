"""Turns a model into a compressed one: quantised, pruned, adapted layers, and files of packed codes."""

from engine.compress.layers import (
    FakeQuantize,
    QuantizedEmbedding,
    QuantizedLinear,
    quantized_layers,
    stacking_key,
)
from engine.compress.packed import pack_model
from engine.compress.prune import Pruning, prune_model
from engine.compress.quantize import quantize_model
from engine.compress.report import LayerReport, layer_report, summarize
from engine.compress.selection import LayerFormats
from engine.compress.storage import load, save

__all__ = [
    "FakeQuantize",
    "LayerFormats",
    "LayerReport",
    "Pruning",
    "QuantizedEmbedding",
    "QuantizedLinear",
    "layer_report",
    "load",
    "pack_model",
    "prune_model",
    "quantize_model",
    "quantized_layers",
    "save",
    "stacking_key",
    "summarize",
]
