"""Models that are measured as one score what each scores alone."""

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model, stacking_key
from engine.compress.layers import settled
from engine.formats.mix import parse_mix
from engine.preparing import parse_preparing
from engine.training.evaluate import evaluate, evaluate_variants
from engine.training.objective import Classes, NextTokens
from engine.training.variants import Variants
from engine.training.windows import Windows
from tests.training.small import small_model, small_tokens

SPECS = ("fixed(4,2)", "fixed(6,3)", "fixed(12,8)")
TOKENS = small_tokens(100)


def quantized(spec: str, model: nn.Module, **more: object) -> nn.Module:
    wanted = parse_mix(spec)
    return quantize_model(model, LayerFormats(weight=wanted, activation=wanted, bias=wanted), shared=True, **more)  # type: ignore[arg-type]


def weights_alone(spec: str, model: nn.Module) -> nn.Module:
    return quantize_model(model, LayerFormats(weight=parse_mix(spec), activation=None), shared=True)


def test_each_scores_what_it_scores_alone() -> None:
    base = small_model()
    models = [quantized(spec, base) for spec in SPECS]
    variants = Variants([settled(model) for model in models])
    together = evaluate_variants(variants, TOKENS, Classes(), batch_size=16)
    for model, found in zip(models, together, strict=True):
        alone = evaluate(model, TOKENS, Classes(), batch_size=16, device="cpu")
        assert found is not None
        assert torch.equal(found.outcomes, alone.outcomes)
        assert found.loss == pytest.approx(alone.loss, abs=1e-5)
        assert (found.value, found.low, found.high, found.n) == (alone.value, alone.low, alone.high, alone.n)
    assert len({one.loss for one in together if one is not None}) == len(SPECS)


def test_windows_too() -> None:
    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    ).eval()
    windows = Windows(torch.randint(0, 40, (9, 12), dtype=torch.int32))
    models = [quantized(spec, base) for spec in SPECS]
    variants = Variants([settled(model) for model in models])
    for model, found in zip(models, evaluate_variants(variants, windows, NextTokens(), batch_size=4), strict=True):
        alone = evaluate(model, windows, NextTokens(), batch_size=4, device="cpu")
        assert found is not None
        assert torch.allclose(found.outcomes, alone.outcomes, atol=1e-4)
        assert found.value == pytest.approx(alone.value, rel=1e-4)


def test_of_one_that_is_not_finite_nothing_is_said() -> None:
    base = small_model()
    models = [settled(quantized(spec, base)) for spec in SPECS]
    with torch.no_grad():
        models[1].classifier.bias.fill_(torch.nan)
    found = evaluate_variants(Variants(models), TOKENS, Classes(), batch_size=16)
    assert [one is None for one in found] == [False, True, False]


@pytest.mark.parametrize("how", ["none", "smooth", "hadamard"])
@pytest.mark.parametrize("spec", ["fixed(5,3)", "mxint8", "int(4)"])
def test_a_settled_model_computes_the_same(spec: str, how: str) -> None:
    inputs = next(TOKENS.batches(8)).inputs
    model = quantized(spec, small_model(), calibration=[inputs], preparing=parse_preparing(how))
    with torch.no_grad():
        assert torch.equal(settled(model)(**inputs).logits, model(**inputs).logits)


def test_weights_of_any_formats_can_be_stacked_where_inputs_are_left() -> None:
    base = small_model()
    specs = ("fixed(4,2)", "mxint8", "int(4)", "bert=fixed(3)")
    models = [weights_alone(spec, base) for spec in specs]
    assert len({stacking_key(model) for model in models}) == len(specs)
    assert len({stacking_key(model, trained=False) for model in models}) == 1
    found = evaluate_variants(Variants([settled(one) for one in models]), TOKENS, Classes(), batch_size=16)
    for model, one in zip(models, found, strict=True):
        assert one is not None
        assert one.loss == pytest.approx(evaluate(model, TOKENS, Classes(), batch_size=16, device="cpu").loss, abs=1e-5)


def test_inputs_in_formats_of_other_kinds_cannot() -> None:
    base = small_model()
    models = [quantized(spec, base) for spec in ("fixed(4,2)", "mxint8", "mxfp8_e4m3")]
    assert len({stacking_key(model, trained=False) for model in models}) == len(models)


def test_what_models_share_is_neither_copied_nor_computed_for_each() -> None:
    base = small_model()
    variants = Variants([settled(quantized(spec, base)) for spec in SPECS])
    table = base.bert.embeddings.word_embeddings.weight
    assert variants.stacked.bert.embeddings.word_embeddings.weight is table
    assert variants.stacked.classifier.weight.shape == (len(SPECS), 2, 32)
    seen: list[torch.Size] = []
    hook = variants.stacked.bert.embeddings.register_forward_hook(lambda *args: seen.append(args[2].shape))
    evaluate_variants(variants, TOKENS.select(range(4)), Classes(), batch_size=4)
    hook.remove()
    assert {len(shape) for shape in seen} == {3}
