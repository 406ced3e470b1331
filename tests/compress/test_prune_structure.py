"""Neurons and heads that are cut: the same outputs as masked ones, smaller layers, smaller files."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification

from engine.compress import LayerFormats, QuantizedLinear, quantize_model
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of
from engine.compress.prune_report import overall, sparsity_report
from engine.compress.prune_structure import blocks, cut, cut_shapes
from engine.compress.prune_units import Kind
from engine.models.classifier import Classifier
from engine.store import load, save

Batches = list[dict[str, torch.Tensor]]


def outputs(model: nn.Module, batches: Batches) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(**batch).logits for batch in batches])


@pytest.fixture
def distilbert() -> DistilBertForSequenceClassification:
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=50, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=20)
    return DistilBertForSequenceClassification(config).eval()


def linear_names(model: nn.Module) -> list[str]:
    return [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("kind", ["neurons", "heads"])
@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_a_cut_model_says_what_a_masked_one_says(
    request: pytest.FixtureRequest, batches: Batches, family: str, kind: Kind
) -> None:
    model: nn.Module = request.getfixturevalue(family)
    found = blocks(model, kind, linear_names(model))
    assert len(found) == 2
    generator = torch.Generator().manual_seed(7)
    kept = [torch.rand(block.units, generator=generator) < 0.6 for block in found]
    for units in kept:
        units[0], units[1] = True, False
    masked = copy.deepcopy(model)
    for block, units in zip(found, kept, strict=True):  # what nobody reads might as well not be there
        gone = torch.ones(block.taken.numel(), dtype=torch.bool)
        gone[block.places(units)] = False
        with torch.no_grad():
            masked.get_submodule(block.columns).weight[:, gone] = 0  # type: ignore[union-attr, index, operator]
    small = copy.deepcopy(model)
    cut(small, found, kept)
    assert torch.allclose(outputs(small, batches), outputs(masked, batches), atol=1e-6)
    assert not torch.allclose(outputs(small, batches), outputs(model, batches), atol=1e-6)
    for block, units in zip(found, kept, strict=True):
        size = int(units.sum()) * block.taken.shape[1]
        for name in block.rows:
            assert small.get_submodule(name).weight.shape == (size, 32)  # type: ignore[union-attr]
            assert small.get_submodule(name).bias.shape == (size,)  # type: ignore[union-attr]
        assert small.get_submodule(block.columns).weight.shape == (32, size)  # type: ignore[union-attr]


def test_neurons_go_by_the_sum_of_what_goes_with_them(bert: BertForSequenceClassification) -> None:
    small = prune_model(bert, Pruning("l1", 0.25, "neurons"))
    for number in range(2):
        layer, cut_down = bert.bert.encoder.layer[number], small.bert.encoder.layer[number]
        up, down = layer.intermediate.dense.weight.double(), layer.output.dense.weight.double()
        norm = up.abs().sum(1) + down.abs().sum(0)
        kept = norm.argsort()[12:].sort().values
        assert torch.equal(cut_down.intermediate.dense.weight, layer.intermediate.dense.weight[kept])
        assert torch.equal(cut_down.intermediate.dense.bias, layer.intermediate.dense.bias[kept])
        assert torch.equal(cut_down.output.dense.weight, layer.output.dense.weight[:, kept])


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("sparsity", [0.5, 0.98])
def test_no_block_is_left_without_any(bert: nn.Module, batches: Batches, scope: str, sparsity: float) -> None:
    for kind in ("neurons", "heads"):
        small = prune_model(bert, Pruning("l1", sparsity, kind, scope))  # type: ignore[arg-type]
        assert outputs(small, batches).isfinite().all()
        assert all(min(shape) >= 1 for shape in cut_shapes(small).values())


@pytest.mark.parametrize("kind", ["neurons", "heads"])
def test_a_cut_model_is_saved_smaller_and_loads(
    classifier: Classifier, batches: Batches, tmp_path: Path, kind: Kind
) -> None:
    whole = save(classifier, tmp_path / "whole")
    small = prune_model(classifier.model, Pruning("l1", 0.5, kind))
    written = save(dataclasses.replace(classifier, model=small), tmp_path / "small")
    gone = sum(one.numel() for one in classifier.model.parameters()) - sum(one.numel() for one in small.parameters())
    assert written == pytest.approx(whole - 4 * gone, abs=600)
    loaded = load(tmp_path / "small").model
    assert torch.equal(outputs(loaded, batches), outputs(small, batches))
    layers = sparsity_report(loaded, classifier.model)
    assert overall(layers) == pytest.approx(0.5, abs=0.01)
    assert all(layer.map.endswith("_") == (layer.columns == 32 and layer.rows < 48) for layer in layers)


def test_cut_quantised_and_masked_at_once(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    model = prune_model(classifier.model, Pruning("l1", 0.5))
    model = quantize_model(model, LayerFormats("fixed(6)", "fixed(8)", "fixed(8)"), batches)
    model = prune_model(model, Pruning("l1", 0.5, "neurons"))
    layer = model.get_submodule("bert.encoder.layer.0.intermediate.dense")
    mask = mask_of(layer)
    assert mask is not None
    assert mask.shape == (24, 32)
    assert isinstance(layer, QuantizedLinear)
    assert layer.input_format is not None
    save(dataclasses.replace(classifier, model=model), tmp_path)
    loaded = load(tmp_path).model
    assert torch.equal(outputs(loaded, batches), outputs(model, batches))
    again = prune_model(loaded, Pruning("l1", 0.5, "neurons"))
    assert cut_shapes(again)["bert.encoder.layer.0.intermediate.dense"] == (12, 32)
