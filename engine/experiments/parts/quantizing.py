"""Quantised copies of a workbench's model, calibrated on a few of its training texts."""

from typing import TYPE_CHECKING

from engine.experiments.parts.classification import Workbench, sampled

if TYPE_CHECKING:
    from torch import nn

    from engine.compress import LayerFormats
    from engine.training.tokens import Batch

CALIBRATION_BATCHES = 4

WARM_FORMATS = ("engine.formats.table", "engine.formats.kernels.elementwise", "engine.formats.kernels.errors")
"""What a host imports beside `WARM` where number formats are used."""


def quantized(bench: Workbench, formats: "LayerFormats", model: "nn.Module | None" = None) -> "nn.Module":
    """A copy of the workbench's model, or of another, with quantised layers, on its device."""
    from engine.compress import quantize_model

    bench.report(0, 1, "calibrating")
    return quantize_model(model or bench.classifier.model, formats, calibration(bench))


def calibration(bench: Workbench) -> "list[Batch]":
    """A few batches of training texts, drawn by seed, on the workbench's device."""
    from engine.training.tokens import batches

    config = bench.config
    sample = sampled(bench.splits.train, CALIBRATION_BATCHES * config.batch_size, config.seed)
    return list(batches(sample.to(bench.context.device), config.batch_size, pad_id=bench.classifier.pad_id))
