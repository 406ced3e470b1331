"""Rounded keys and values beside attention written out, for models of several kinds."""

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MambaConfig, OPTConfig

from engine.compress import LayerFormats, quantize_model
from engine.compress.key_values import CacheFormat, cache_of, cache_shapes, quantize_cache
from engine.errors import InputError
from engine.formats import parse
from engine.models.classifier import Classifier
from engine.models.language import LanguageModel
from engine.store import load, save

CONFIGS = {
    "llama": LlamaConfig(
        vocab_size=60,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
    ),
    "gpt2": GPT2Config(vocab_size=60, n_positions=64, n_embd=32, n_layer=2, n_head=4),
    "opt": OPTConfig(
        vocab_size=60,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        word_embed_proj_dim=32,
    ),
}


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = AutoModelForCausalLM.from_config(CONFIGS[kind]).eval()
    return model


IDS = torch.randint(1, 60, (2, 20), generator=torch.Generator().manual_seed(1))


def logits(model: nn.Module, ids: Tensor = IDS) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=ids).logits
    return found


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_format_that_loses_nothing_changes_nothing(kind: str) -> None:
    model = made(kind)
    before = logits(model)
    quantize_cache(model, CacheFormat("fp32"))
    assert torch.allclose(logits(model), before, atol=1e-5)
    quantize_cache(model, CacheFormat("int(4)"))
    assert not torch.allclose(logits(model), before, atol=1e-3)


@pytest.mark.parametrize("spec", ["int(8)", "int(3)", "uint(4)", "int(4,8)", "mxfp8_e4m3", "fixed(8,4)"])
@pytest.mark.parametrize("axis", ["token", "channel"])
def test_attention_reads_what_an_oracle_rounds(spec: str, axis: str) -> None:
    """The first layer of GPT-2 by hand, in float64, from its own projections."""
    model = made("gpt2")
    block, heads, size = model.transformer.h[0], 4, 8  # type: ignore[union-attr, index]
    seen: list[Tensor] = []
    block.attn.c_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))  # type: ignore[union-attr]
    entered: list[Tensor] = []
    block.attn.c_attn.register_forward_hook(lambda _m, _i, out: entered.append(out.clone()))  # type: ignore[union-attr]
    quantize_cache(model, CacheFormat(spec, axis))  # type: ignore[arg-type]
    logits(model)
    q, k, v = entered[0].view(2, 20, 3, heads, size).permute(2, 0, 3, 1, 4)
    rounded = parse(spec)
    turned = k.transpose(-1, -2) if axis == "channel" else k
    k = rounded.quantize(turned.contiguous())
    k = k.transpose(-1, -2) if axis == "channel" else k
    v = rounded.quantize(v.contiguous())
    scores = q.double() @ k.double().transpose(-1, -2) / math.sqrt(size)
    scores.masked_fill_(torch.ones(20, 20, dtype=torch.bool).triu(1), -torch.inf)
    expected = (scores.softmax(-1) @ v.double()).transpose(1, 2).reshape(2, 20, 32)
    assert torch.allclose(seen[0].double(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_text_is_generated_with_the_rounded_cache(kind: str) -> None:
    """Token by token the same as over the whole text, whose keys and values are rounded a token at a time."""
    model = made(kind)
    quantize_cache(model, CacheFormat("int(4)"))
    grown = model.generate(IDS[:, :6], max_new_tokens=6, do_sample=False, use_cache=True)  # type: ignore[operator]
    for length in range(6, 12):
        assert torch.equal(logits(model, grown[:, :length])[:, -1].argmax(-1), grown[:, length])


def test_a_copy_has_it_too_and_the_original_is_left_alone() -> None:
    model = made("llama")
    before, other = logits(model), copy.deepcopy(model)
    quantize_cache(other, CacheFormat("int(2)"))
    again = copy.deepcopy(other)
    assert torch.equal(logits(model), before)
    assert torch.equal(logits(again), logits(other))
    assert (cache_of(model), cache_of(again)) == (None, CacheFormat("int(2)"))
    quantize_cache(other, CacheFormat("int(8)"))
    assert cache_of(other) == CacheFormat("int(8)")


@pytest.mark.parametrize(
    ("spec", "axis", "tokens", "expected"),
    [
        ("int(8)", "token", 100, 2 * (2 * 2 * 100 * 8 + 2 * 2 * 100 * 4)),  # layers, K and V: codes and a scale a row
        ("int(4)", "token", 100, 2 * (2 * 2 * 100 * 4 + 2 * 2 * 100 * 4)),
        ("int(4)", "channel", 100, 2 * (2 * 100 * 4 + 2 * 8 * 4 + 2 * 100 * 4 + 2 * 100 * 4)),
        ("fp32", "token", 64, 2 * 2 * 2 * 64 * 8 * 4),
    ],
)
def test_bytes_are_counted_by_hand(spec: str, axis: str, tokens: int, expected: int) -> None:
    shapes = cache_shapes(made("llama"), {"input_ids": IDS})
    assert shapes == [(2, 8)] * 4
    assert CacheFormat(spec, axis).bytes(shapes, tokens) == expected  # type: ignore[arg-type]


def test_what_cannot_be_rounded_is_said() -> None:
    with pytest.raises(InputError, match="is fitted to data, and a cache"):
        quantize_cache(made("llama"), CacheFormat("fixed(8)"))
    config = MambaConfig(vocab_size=60, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(InputError, match="MambaForCausalLM keeps no keys and values"):
        cache_shapes(AutoModelForCausalLM.from_config(config).eval(), {"input_ids": IDS})


def test_training_passes_gradients_through() -> None:
    model = made("llama")
    quantize_cache(model, CacheFormat("int(4)"))
    model(input_ids=IDS, labels=IDS).loss.backward()
    gradient = model.model.layers[0].self_attn.k_proj.weight.grad  # type: ignore[union-attr, index]
    assert gradient is not None
    assert bool(gradient.abs().sum() > 0)


@pytest.mark.parametrize("formats", [None, "int(8)"])
def test_a_saved_model_has_its_cache_again(tmp_path: Path, classifier: Classifier, formats: str | None) -> None:
    model = made("llama")
    if formats is not None:
        model = quantize_model(model, LayerFormats(weight=formats, activation="fp32", bias="fp32"))
    quantize_cache(model, CacheFormat("int(4,8)", "channel"))
    save(LanguageModel(classifier.tokenizer, model=model, source="test"), tmp_path / "model")
    again = load(str(tmp_path / "model")).model
    assert cache_of(again) == CacheFormat("int(4,8)", "channel")
    assert torch.equal(logits(again), logits(model))
