"""GPTQ over a whole model: better outputs, exact files, and a calibration that goes on where it was killed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, layer_report, quantize_model, quantized_layers
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of
from engine.errors import InputError
from engine.layers import weight_of
from engine.models.classifier import Classifier
from engine.store import load, save

SPECS = ("int(3)", "uint(3,16)", "nf4(16)", "bfp(3,16)", "fixed(4)", "mxfp4", "nvfp4", "log(4)", "ternary")


class KilledError(Exception):
    pass


class Memory:
    """A checkpoint in memory that dies after so many stages."""

    def __init__(self, stages: int) -> None:
        self.left, self.kept = stages, (0, {})

    def load(self) -> tuple[int, Mapping[str, Tensor]]:
        return self.kept

    def save(self, stage: int, tensors: Mapping[str, Tensor]) -> None:
        self.kept = stage, dict(tensors)
        self.left -= 1
        if self.left == 0:
            raise KilledError


def logits(model: torch.nn.Module, batches: list[dict[str, Tensor]]) -> Tensor:
    with torch.no_grad():
        return torch.cat([model(**batch).logits for batch in batches])


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_saved_is_read_again_and_saved_again(
    spec: str, classifier: Classifier, batches: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    model = quantize_model(classifier.model, LayerFormats(spec), batches, "gptq")
    save(replace(classifier, model=model), tmp_path / "once")
    again = load(tmp_path / "once", task="text-classification")
    assert torch.equal(logits(model, batches), logits(again.model, batches))
    save(again, tmp_path / "twice")
    first, second = ((tmp_path / name / "compressed.safetensors").read_bytes() for name in ("once", "twice"))
    assert first == second


@pytest.mark.parametrize("spec", ["int(4,16)", "mxfp4"])
def test_a_pruned_model_keeps_its_zeros(
    spec: str, classifier: Classifier, batches: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    pruned = prune_model(classifier.model, Pruning(sparsity=0.5))
    model = quantize_model(pruned, LayerFormats(spec), batches, "gptq")
    for name, layer in quantized_layers(model).items():
        mask = mask_of(layer)
        assert mask is not None
        assert (weight_of(layer)[~mask] == 0).all(), name
    save(replace(classifier, model=model), tmp_path / "once")
    again = load(tmp_path / "once", task="text-classification")
    assert torch.equal(logits(model, batches), logits(again.model, batches))


def test_a_killed_calibration_goes_on_with_the_same_numbers(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    formats = LayerFormats("int(3,16)")
    whole = quantize_model(bert, formats, batches, "gptq_act_order")
    memory = Memory(1)
    with pytest.raises(KilledError):
        quantize_model(bert, formats, batches, "gptq_act_order", memory)
    resumed = quantize_model(bert, formats, batches, "gptq_act_order", memory)
    assert memory.kept[0] > 1
    assert torch.equal(logits(whole, batches), logits(resumed, batches))
    assert layer_report(whole) == layer_report(resumed)


def test_outputs_are_nearer_and_the_original_is_untouched(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    before = {name: one.clone() for name, one in bert.state_dict().items()}
    formats = LayerFormats("int(3)", activation="fp32", bias="fp32")
    missed = [
        float((logits(quantize_model(bert, formats, batches, method), batches) - logits(bert, batches)).norm())
        for method in ("nearest", "gptq")
    ]
    assert missed[1] < missed[0]
    assert all(torch.equal(one, before[name]) for name, one in bert.state_dict().items())
    model = quantize_model(bert, formats, batches, "gptq")
    assert all(layer.sqnr_weight_db is not None and layer.sqnr_weight_db < 40 for layer in layer_report(model))
    assert any(layer.short for layer in quantized_layers(model).values())  # the pooler sees one token of each text


def test_what_cannot_be_rounded_is_said(bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]) -> None:
    with pytest.raises(InputError, match="binary keeps signs alone"):
        quantize_model(bert, LayerFormats("binary"), batches, "gptq")
    with pytest.raises(InputError, match="training data"):
        quantize_model(bert, LayerFormats("int(4)", activation="fp32"), [], "gptq")


def test_each_layer_may_have_its_own_method(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    """The first layer of the model, so that it sees the same inputs whatever the others are rounded by."""
    first, last = "bert.encoder.layer.0.attention.self.query", "classifier"
    formats = LayerFormats("int(3)")
    mixed = quantized_layers(quantize_model(bert, formats, batches, {first: "gptq", last: "nearest"}))
    moved = quantized_layers(quantize_model(bert, formats, batches, "gptq"))
    nearest = quantized_layers(quantize_model(bert, formats, batches))
    assert torch.equal(mixed[first].quantized()[0], moved[first].quantized()[0])
    assert not torch.equal(mixed[first].quantized()[0], nearest[first].quantized()[0])
    for name in set(nearest) - {first}:
        assert torch.equal(mixed[name].quantized()[0], nearest[name].quantized()[0])
    with pytest.raises(InputError, match="nothing for gptq to round"):
        quantize_model(bert, LayerFormats({first: "binary", "*": "int(3)"}), batches, {first: "gptq"})
