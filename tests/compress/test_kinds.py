"""Layers of every kind: transposed, shared by several modules, with arithmetic of their own, of half types."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification, T5Config, T5ForSequenceClassification
from transformers.pytorch_utils import Conv1D

from engine.compress import LayerFormats, Quantized, pack_model, quantize_model, quantized_layers
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of
from engine.compress.prune_report import sparsity_report
from engine.compress.prune_units import example_inputs
from engine.formats import parse
from engine.layers import CONV2D, TRANSPOSED, describe_model, kind_of, live_layers, share_of
from engine.models.classifier import Classifier, load_classifier
from engine.models.coverage import coverage
from engine.models.weights import tensors_of, weight_bytes
from engine.store import load, save

EIGHT = LayerFormats("fixed(8)", None, "fixed(8)", include=("Linear", "Embedding"))


@pytest.fixture
def gpt2(classifier: Classifier) -> Classifier:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=20, pad_token_id=0, eos_token_id=1)
    return dataclasses.replace(classifier, model=GPT2ForSequenceClassification(config).eval())


@pytest.fixture
def t5(classifier: Classifier) -> Classifier:
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    config = T5Config(**sizes, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    return dataclasses.replace(classifier, model=T5ForSequenceClassification(config).eval())


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(**example_inputs(model)).logits


def test_a_transposed_layer_is_a_linear_layer_like_any_other(gpt2: Classifier, tmp_path: Path) -> None:
    """GPT-2's own passed the check before the start and were left as they were, and the run said nothing was lost."""
    model = quantize_model(gpt2.model, LayerFormats("fixed(4)", "fixed(8)", "fixed(8)"), [example_inputs(gpt2.model)])
    layer = model.get_submodule("transformer.h.0.mlp.c_fc")
    assert isinstance(layer, Quantized)
    assert layer.input_sqnr is not None
    rows = parse("mxint8").quantize(layer.weight.detach().t()).t()
    assert not torch.equal(parse("mxint8").quantize(layer.weight.detach()), rows), "blocks run along the inputs"
    again = quantize_model(gpt2.model, LayerFormats("mxint8", include=("transformer.h.0.mlp.c_fc",)))
    assert torch.equal(again.get_submodule("transformer.h.0.mlp.c_fc").quantized()[0], rows)  # type: ignore[operator]
    assert share_of(gpt2.model, quantized_layers(model)) > 0.8
    written = save(dataclasses.replace(gpt2, model=model), tmp_path / "q")
    assert torch.equal(logits(load(tmp_path / "q").model), logits(model))
    assert written < save(gpt2, tmp_path / "whole") / 2


def test_a_transposed_layer_is_pruned_along_its_inputs_and_packed(gpt2: Classifier, tmp_path: Path) -> None:
    model = prune_model(gpt2.model, Pruning("l1", granularity="n:m", pattern=(2, 4)))
    mask = mask_of(model.get_submodule("transformer.h.0.mlp.c_fc"))
    assert mask is not None
    assert mask.shape == (32, 128)
    assert (mask.t().reshape(-1, 4).sum(1) == 2).all()
    (first, *_) = [one for one in sparsity_report(model, gpt2.model) if one.name.endswith("mlp.c_fc")]
    assert (first.rows, first.columns) == (128, 32)
    save(dataclasses.replace(gpt2, model=model), tmp_path / "p")
    assert torch.equal(logits(load(tmp_path / "p").model), logits(model))
    packed = pack_model(gpt2.model)
    torch.testing.assert_close(logits(packed), logits(gpt2.model), rtol=0.1, atol=0.05)
    save(dataclasses.replace(gpt2, model=packed), tmp_path / "packed")
    assert torch.equal(logits(load(tmp_path / "packed").model), logits(packed))


def test_a_shared_table_is_quantised_counted_and_written_once(t5: Classifier, tmp_path: Path) -> None:
    """T5 has one table under three names; at 8 bits its file grew to three times the size."""
    names = live_layers(t5.model)["transformer.shared"]
    assert len(names) == 3
    model = quantize_model(t5.model, EIGHT)
    assert "transformer.shared" in quantized_layers(model)
    assert not set(names[1:]) & set(quantized_layers(model))
    with torch.no_grad():
        used = [model.get_submodule(name).quantized()[0] for name in names]  # type: ignore[operator]
    assert used[0] is used[1]
    assert used[0] is used[2]
    whole = save(t5, tmp_path / "whole")
    assert save(dataclasses.replace(t5, model=model), tmp_path / "q") < whole / 3
    assert (
        sum(name.startswith("transformer") and "embed_tokens" in name for name in tensors_of(str(tmp_path / "q"))) == 0
    )
    again = load(tmp_path / "q").model
    assert torch.equal(logits(again), logits(model))
    assert len(list(again.parameters())) == len(list(t5.model.parameters()))
    chained = quantize_model(again, dataclasses.replace(EIGHT, weight="fixed(4)"))
    save(dataclasses.replace(t5, model=chained), tmp_path / "chain")
    assert torch.equal(logits(load(tmp_path / "chain").model), logits(chained))


@pytest.mark.parametrize("name", ["transformer.shared", "transformer.encoder.embed_tokens", "*.embed_tokens"])
def test_a_shared_table_is_meant_by_any_of_its_names(t5: Classifier, name: str) -> None:
    model = quantize_model(t5.model, dataclasses.replace(EIGHT, include=(name,)))
    assert list(quantized_layers(model)) == ["transformer.shared"]
    without = quantize_model(t5.model, dataclasses.replace(EIGHT, exclude=(name,)))
    assert "transformer.shared" not in quantized_layers(without)


def test_a_shared_table_is_masked_under_all_its_names(t5: Classifier, tmp_path: Path) -> None:
    model = prune_model(t5.model, Pruning("l1", 0.5, include=("Embedding",)))
    model = quantize_model(model, EIGHT)
    for name in live_layers(t5.model)["transformer.shared"]:
        assert (model.get_submodule(name).weight == 0).float().mean() >= 0.5  # type: ignore[union-attr, operator]
    save(dataclasses.replace(t5, model=model), tmp_path / "p")
    assert torch.equal(logits(load(tmp_path / "p").model), logits(model))


def test_a_layer_keeps_its_own_arithmetic() -> None:
    class Scaled(nn.Embedding):
        def forward(self, ids: torch.Tensor, offset: int = 0) -> torch.Tensor:
            return super().forward(ids + offset) * self.factor

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.image, self.turned = Scaled(10, 4, padding_idx=0), nn.Conv2d(3, 4, 3), Conv1D(5, 4)
            self.table.factor = 3.0

    model = Model().eval()
    quantized = quantize_model(model, LayerFormats("fixed(28)", include=("Linear", "Conv2d", "Embedding")))
    ids, picture = torch.tensor([[1, 2]]), torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(quantized.table(ids, offset=2), model.table(ids, offset=2))
    torch.testing.assert_close(quantized.image(picture), model.image(picture))
    torch.testing.assert_close(quantized.turned(picture[..., :4]), model.turned(picture[..., :4]))
    assert quantized.table.padding_idx == 0
    assert kind_of(quantized.image) is CONV2D
    assert kind_of(quantized.turned) is TRANSPOSED
    assert torch.equal(copy.deepcopy(quantized).image(picture), quantized.image(picture))


def test_what_is_untouched_costs_no_more_than_in_its_source(t5: Classifier, tmp_path: Path) -> None:
    """A model that came in bfloat16 grew, since what was not quantised was written in float32."""
    half = dataclasses.replace(t5, model=copy.deepcopy(t5.model).bfloat16())
    half.save(tmp_path / "half")
    source = weight_bytes(str(tmp_path / "half"))
    loaded = load_classifier(str(tmp_path / "half"))
    assert loaded.stored == "bfloat16"
    assert source is not None
    model = quantize_model(loaded.model, dataclasses.replace(EIGHT, include=("Linear",), bias=None))
    written = save(dataclasses.replace(loaded, model=model), tmp_path / "q")
    assert written < source
    assert torch.equal(logits(load(tmp_path / "q").model), logits(model))


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_coverage_is_known_before_the_start(request: pytest.FixtureRequest, family: str, tmp_path: Path) -> None:
    one: Classifier = request.getfixturevalue(family)
    one.save(tmp_path / "m")
    for include in (("Linear",), ("Linear", "Embedding"), ("Embedding",)):
        found = coverage(str(tmp_path / "m"), include)
        model = quantize_model(one.model, dataclasses.replace(EIGHT, include=include))
        assert found is not None
        assert found.layers == len(quantized_layers(model))
        assert found.share == pytest.approx(share_of(one.model, quantized_layers(model)))
        assert sum(found.left.values()) + found.covered == found.total
    few = coverage(str(tmp_path / "m"), ["score" if family == "gpt2" else "classification_head.out_proj"])
    assert few is not None
    assert "too little to say what that costs" in few.sentences[0]
    assert "Embedding (not among layers)" in few.sentences[0]
    assert len(describe_model(one.model)) > few.layers == 1
