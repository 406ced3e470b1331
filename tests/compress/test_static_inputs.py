"""One scale for all inputs of a layer: fixed by calibration, kept in training, on disk and in the report."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, layer_report, quantize_model
from engine.compress.layers import Quantized, quantized_layers
from engine.formats import parse
from engine.models.classifier import Classifier
from engine.models.manifest import read_manifest
from engine.store import load, save

Batches = list[dict[str, torch.Tensor]]
LAYER = "bert.pooler.dense"


def entering(model: nn.Module, batches: Batches) -> torch.Tensor:
    """All that enters one layer, `[rows, features]`."""
    seen: list[torch.Tensor] = []
    hook = model.get_submodule(LAYER).register_forward_pre_hook(lambda _, args: seen.append(args[0].reshape(-1, 32)))
    with torch.no_grad():
        for batch in batches:
            model(**batch)
    hook.remove()
    return torch.cat(seen)


def layer_of(model: nn.Module) -> Quantized:
    layer = model.get_submodule(LAYER)
    assert isinstance(layer, Quantized)
    assert layer.input_format is not None
    return layer


def scales(model: nn.Module) -> dict[str, list[float]]:
    return {
        name: [float(value) for one in (layer.weight_format, layer.input_format) if one for value in one.scalars]
        for name, layer in quantized_layers(model).items()
    }


def test_calibration_fixes_the_range_of_all_that_comes_in(bert: nn.Module, batches: Batches) -> None:
    x = entering(bert, batches)
    signed = layer_of(quantize_model(bert, LayerFormats("int(8,tensor)", "int(8,tensor)"), batches)).input_format
    assert signed is not None
    assert signed.format.scalars()["scale"] == float(x.abs().max() / 127)
    unsigned = layer_of(quantize_model(bert, LayerFormats("int(8)", "uint(4,tensor)"), batches)).input_format
    assert unsigned is not None
    step = (x.max() - x.min()) / 15
    assert unsigned.format.scalars()["scale"] == float(step)
    assert unsigned.format.scalars()["zero"] == float((-x.min() / step).round())


@pytest.mark.parametrize(
    ("spec", "settled"),
    [
        ("int(4,tensor)", "int(4,tensor,{scale:.9g})"),
        ("uint(4,tensor)", "uint(4,tensor,{scale:.9g},{zero:.0f})"),
        ("nvfp4", "nvfp4({scale:.9g})"),
    ],
)
def test_the_least_error_is_that_of_no_other_part_of_the_range(
    bert: nn.Module, batches: Batches, spec: str, settled: str
) -> None:
    x = entering(bert, batches)
    whole = {"zero": 0, **parse(spec).fit(x).scalars()}
    quantized = quantize_model(bert, LayerFormats("int(8)", spec, input_range="error"), batches)
    chosen = layer_of(quantized).input_format
    assert chosen is not None
    errors = {}
    for step in range(33):
        candidate = parse(settled.format(**whole | {"scale": whole["scale"] * 2 ** (-step / 8)}))
        errors[str(candidate)] = float((candidate.quantize(x).double() - x).square().sum())
    least = min(errors.values())
    assert errors[str(chosen.format)] <= least * (1 + 1e-9)
    assert least < next(iter(errors.values())) or spec == "nvfp4"  # blocks of nvfp4 follow small inputs anyway


def test_without_calibration_each_token_has_its_own(bert: nn.Module) -> None:
    for spec, instead in (("int(8,tensor)", "int(8)"), ("uint(4,tensor)", "uint(4)")):
        model = quantize_model(bert, LayerFormats("fp32", spec))
        assert {str(layer.input_format.format) for layer in quantized_layers(model).values() if layer.input_format} == {
            instead
        }


def test_scales_are_settled_before_training_and_stay(bert: nn.Module, batches: Batches) -> None:
    model = quantize_model(bert, LayerFormats("int(4,tensor)", "int(8,tensor)"), batches)
    before = scales(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for batch in batches[:2]:
        optimizer.zero_grad()
        model(**batch).logits.square().sum().backward()
        optimizer.step()
    assert scales(model) == before
    layer = layer_of(model)
    codes = layer.quantized()[0].detach() / before[LAYER][0]
    assert torch.allclose(codes, codes.round(), atol=1e-5)
    assert float(codes.abs().max()) <= 8


def test_they_are_saved_and_loaded_to_the_last_bit_and_named(
    classifier: Classifier, batches: Batches, tmp_path: Path
) -> None:
    formats = LayerFormats("int(8,tensor)", "uint(8,tensor)", "int(8,tensor)")
    model = quantize_model(classifier.model, formats, batches)
    save(dataclasses.replace(classifier, model=model), tmp_path / "model")
    loaded = load(tmp_path / "model").model
    assert scales(loaded) == scales(model)
    manifest = read_manifest(tmp_path / "model")
    assert manifest is not None
    entry, inputs = manifest.quantized[LAYER], layer_of(model).input_format
    assert inputs is not None
    assert entry.input == str(inputs.format)
    assert parse(entry.input).scalars() == inputs.format.scalars()
    report = next(one for one in layer_report(model) if one.name == LAYER)
    assert (report.spec, report.inputs) == (entry.weight, entry.input)
    assert report.spec.startswith("int(8,tensor,0.")
