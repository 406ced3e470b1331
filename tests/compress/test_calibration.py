"""Formats of inputs that were calibrated once: for more layers, for other points, in another process."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, layer_report, quantize_model
from engine.compress import calibration as module
from engine.compress.calibration import calibrated
from engine.compress.selection import select_layers
from engine.experiments.launch import configure
from engine.experiments.shared.quantizing import quantized
from engine.experiments.shared.workbench import Workbench
from engine.formats import parse
from engine.runtime.context import RecordingContext
from tests.formats.oracle import same_bits
from tests.formats.test_properties import SPECS

Batches = list[dict[str, torch.Tensor]]


@pytest.mark.parametrize("spec", SPECS)
def test_what_was_fitted_is_read_again_from_its_spec(spec: str) -> None:
    x = torch.randn(6, 40, generator=torch.Generator().manual_seed(3)) * 1.7
    fitted = parse(spec).fit(x)
    again = parse(str(fitted))
    assert str(again) == str(fitted)
    assert same_bits(again.quantize(3 * x), fitted.quantize(3 * x))


@pytest.mark.parametrize(
    "formats",
    [
        LayerFormats("fixed(4)", "fixed(4)", "fixed(4)"),
        LayerFormats("int(8)", "uint(4,tensor)", input_range="error"),
        LayerFormats("mxfp4", {"*pooler*": "fp32", "*": "int(4,tensor)"}),
    ],
)
def test_inputs_of_more_layers_serve_for_each(bert: nn.Module, batches: Batches, formats: LayerFormats) -> None:
    known = calibrated(bert, select_layers(bert, formats), formats, batches)
    for layer in ("bert.encoder.layer.1.attention.self.key", "classifier"):
        one = LayerFormats(formats.weight, formats.activation, formats.bias, (layer,), (), formats.input_range)
        alone = quantize_model(bert, one, batches)
        assert layer_report(quantize_model(bert, one, (), inputs=known)) == layer_report(alone)
        with torch.no_grad():
            logits = [
                one_of(**batches[0]).logits for one_of in (alone, quantize_model(bert, one, batches, inputs=known))
            ]
        assert torch.equal(*logits)


@pytest.mark.usefixtures("builtin")
def test_points_of_a_run_calibrate_a_format_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, config = configure("quantize", {"calibration_samples": 8, "eval_samples": 16})
    passes: list[int] = []
    watch = module.watch_inputs
    monkeypatch.setattr(module, "watch_inputs", lambda *args: (passes.append(1), watch(*args)))

    def made(spec: str, shared: bool) -> nn.Module:
        bench = Workbench(config, RecordingContext(tmp_path), lambda *_: None)
        return quantized(bench, LayerFormats(spec, spec, spec), shared=shared)

    first = made("fixed(4)", True)
    assert len(passes) == 2  # to fit fractions, and to measure what they cost
    assert layer_report(made("fixed(4)", False)) == layer_report(first)
    assert len(passes) == 2
    made("fixed(5)", True)
    assert len(passes) == 4
