"""The second-order score against the outputs of layers that are really rounded."""

import pytest
import torch
from torch import Tensor
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, quantize_model, quantized_layers
from engine.compress.methods.second_order import second_order
from engine.errors import InputError


def test_it_is_twice_the_mean_squared_change_of_outputs(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    specs = ("int(3)", "mxfp4")
    quantised = {spec: quantize_model(bert, LayerFormats(spec, "fp32", "fp32"), batches, shared=True) for spec in specs}
    scores = second_order(bert, quantised, batches)
    assert scores.keys() == {(spec, name) for spec in specs for name in quantized_layers(quantised[spec])}
    for name in ("classifier", "bert.encoder.layer.0.intermediate.dense"):
        seen: list[Tensor] = []
        hook = bert.get_submodule(name).register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
        with torch.no_grad():
            for batch in batches:
                bert(**batch)
                inside = batch["attention_mask"].bool()
                if seen[-1].dim() == 3:
                    seen[-1] = seen[-1][inside]
        hook.remove()
        rows = torch.cat(seen).double()
        for spec in specs:
            layer = quantized_layers(quantised[spec])[name]
            weight = layer.weight.detach()
            missed = (layer.weight_format.format.quantize(weight) - weight).double()
            assert scores[spec, name] == pytest.approx(2 * float((rows @ missed.T).square().sum(1).mean()), rel=1e-4)


def test_tables_have_none_and_batches_are_needed(
    bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    formats = LayerFormats("int(4)", "fp32", "fp32", include=("Embedding",))
    tables = quantize_model(bert, formats, batches, shared=True)
    assert second_order(bert, {"int(4)": tables}, batches) == {}
    with pytest.raises(InputError, match="calibrated on training data"):
        second_order(bert, {"int(4)": quantize_model(bert, LayerFormats("int(4)"), batches, shared=True)}, [])
