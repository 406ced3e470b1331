"""Turns a model into a compressed one: quantised layers, what they do to each layer, and files of packed codes."""

from engine.compress.layers import FakeQuantize, QuantizedEmbedding, QuantizedLinear, quantized_layers
from engine.compress.quantize import quantize_model
from engine.compress.report import LayerReport, layer_report, summarize
from engine.compress.selection import LayerFormats
from engine.compress.storage import load, save

__all__ = [
    "FakeQuantize",
    "LayerFormats",
    "LayerReport",
    "QuantizedEmbedding",
    "QuantizedLinear",
    "layer_report",
    "load",
    "quantize_model",
    "quantized_layers",
    "save",
    "summarize",
]
