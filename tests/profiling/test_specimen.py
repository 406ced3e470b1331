"""Models, blocks and their random inputs."""

from typing import get_args

import pytest
import torch
from torch.nn import functional

from engine.errors import InputError
from engine.experiments.profile.fields import Block
from engine.profiling.layer_blocks import BLOCKS, Attention, Encoder
from engine.profiling.specimen import model_of, outputs, specimen


def test_the_blocks_are_those_that_can_be_chosen() -> None:
    assert tuple(BLOCKS) == get_args(Block)


@pytest.mark.parametrize("what", BLOCKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_block_keeps_the_shape_and_takes_the_type(what: str, dtype: torch.dtype) -> None:
    one = specimen(what, model_of(what, 16), dtype=dtype, device="cpu", batch=2, sequence=5)
    (out,) = outputs(one())
    assert (tuple(out.shape), out.dtype) == ((2, 5, 16), dtype)


def test_attention_is_softmax_of_scaled_products() -> None:
    torch.manual_seed(0)
    block, x = Attention(128), torch.randn(2, 7, 128)
    q, k, v = (layer(x).view(2, 7, 2, 64).transpose(1, 2) for layer in (block.query, block.key, block.value))
    mixed = torch.softmax(q @ k.transpose(-1, -2) / 8, -1) @ v
    expected = functional.linear(mixed.transpose(1, 2).reshape(2, 7, 128), block.out.weight, block.out.bias)
    assert torch.allclose(block(x), expected, atol=1e-5)


def test_an_encoder_with_idle_parts_passes_its_input_on() -> None:
    block, x = Encoder(16), torch.randn(1, 3, 16)
    for layer in (block.attention.out, block.mlp.down):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    assert torch.equal(block(x), x)


def test_a_model_gets_tokens_of_its_vocabulary_drawn_by_seed(small_pair: dict[str, str]) -> None:
    model = model_of(small_pair["model"])
    first, again, other = (
        specimen("m", model, dtype=torch.float32, device="cpu", batch=3, sequence=9, seed=seed) for seed in (1, 1, 2)
    )
    assert tuple(first.inputs["input_ids"].shape) == (3, 9)
    assert first.inputs["input_ids"].max() < model.config.vocab_size
    assert torch.equal(first.inputs["input_ids"], again.inputs["input_ids"])
    assert not torch.equal(first.inputs["input_ids"], other.inputs["input_ids"])
    assert [tuple(out.shape) for out in outputs(first())] == [(3, 2)]


def test_as_many_tokens_as_are_usual_and_the_model_takes(small_pair: dict[str, str]) -> None:
    model = model_of(small_pair["model"])
    assert specimen("m", model, dtype=torch.float32, device="cpu", batch=1, sequence=None).tokens == 32
    block = model_of("mlp", 16)
    assert specimen("mlp", block, dtype=torch.float32, device="cpu", batch=1, sequence=None).tokens == 128


def test_what_a_model_cannot_take_is_told(small_pair: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(small_pair["model"])
    with pytest.raises(InputError, match="m takes 32 tokens at most, not 33"):
        specimen("m", model, dtype=torch.float32, device="cpu", batch=1, sequence=33)
    monkeypatch.setattr(type(model), "main_input_name", "input_values")
    monkeypatch.setattr(type(model), "forward", lambda self, input_values: input_values)
    with pytest.raises(InputError, match="there is no input 'input_values'"):
        specimen("m", model, dtype=torch.float32, device="cpu", batch=1, sequence=8)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="does not exist"):
        model_of("./nowhere")
