from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.identity import Skipped, skip_layers, skipped_layers, square_layers
from engine.models.classifier import Classifier
from engine.store import load, save

QUERY, DENSE = "bert.encoder.layer.0.attention.self.query", "bert.pooler.dense"


def test_square_layers_are_those_with_as_many_outputs_as_inputs(classifier: Classifier) -> None:
    names = square_layers(classifier.model)
    parts = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
    assert names == [*(f"bert.encoder.layer.{number}.{part}" for number in (0, 1) for part in parts), DENSE]


def test_a_skipped_layer_passes_on_what_comes_in(classifier: Classifier) -> None:
    skip_layers(classifier.model, [QUERY])
    assert skipped_layers(classifier.model) == [QUERY]
    x = torch.randn(2, 3, 32)
    assert torch.equal(classifier.model.get_submodule(QUERY)(x), x)


def test_a_model_with_skipped_layers_is_saved_and_read_back(
    classifier: Classifier, batches: list[dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    whole = save(classifier, tmp_path / "whole")
    skip_layers(classifier.model, [QUERY, DENSE])
    for name, model in (("plain", classifier.model), ("fixed", _quantized(classifier.model, batches))):
        written = save(replace(classifier, model=model), tmp_path / name)
        again = load(str(tmp_path / name)).model
        assert skipped_layers(again) == [QUERY, DENSE]
        assert isinstance(again.get_submodule(QUERY), Skipped)
        with torch.inference_mode():
            for batch in batches:
                assert torch.equal(again(**batch).logits, model(**batch).logits)
        if name == "plain":
            assert whole - written > 2 * 32 * 32 * 4 - 1024, "the weights that are gone take no room"


def _quantized(model: nn.Module, batches: list[dict[str, torch.Tensor]]) -> nn.Module:
    return quantize_model(model, LayerFormats("fixed(8)", "fixed(8)", "fixed(8)"), batches)
