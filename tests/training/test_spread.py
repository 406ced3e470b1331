"""A model over several devices: which blocks lie where, what follows them, and that the numbers stay the same.

The second device is `meta`, which holds no values, where it matters what has moved, and the CPU itself where numbers
are compared.
"""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model
from engine.errors import InputError
from engine.training import spread
from engine.training.spread import place, settle

LAYERS = 4


def bert() -> nn.Module:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=LAYERS, num_attention_heads=4
    )
    return BertForSequenceClassification(config).eval()


def llama() -> nn.Module:
    """One tensor is its table of inputs and of outputs."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        tie_word_embeddings=True,
        use_cache=False,
    )
    return LlamaForCausalLM(config).eval()


def inputs() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.arange(18).reshape(2, 9), "attention_mask": torch.ones(2, 9, dtype=torch.int64)}


def devices_seen(model: nn.Module, name: str) -> set[str]:
    """Where all is that a module is given in a pass that ends there."""
    found: set[str] = set()

    class Seen(Exception):  # noqa: N818
        pass

    def look(_module: nn.Module, args: Any, kwargs: Any) -> None:
        given = (*args, *kwargs.values())
        found.update(one.device.type for one in given if isinstance(one, torch.Tensor))
        raise Seen

    hook = model.get_submodule(name).register_forward_pre_hook(look, with_kwargs=True)
    try:
        with pytest.raises(Seen):
            model(**inputs())
    finally:
        hook.remove()
    return found


def test_blocks_are_parted_between_devices_and_what_they_are_given_follows() -> None:
    model = bert()
    place(model, ("cpu", "meta"))
    for one in (model, copy.deepcopy(model)):
        for number, device in ((0, "cpu"), (LAYERS - 1, "meta")):
            block = f"bert.encoder.layer.{number}"
            assert {tensor.device.type for tensor in one.get_submodule(block).parameters()} == {device}
            assert devices_seen(one, block) == {device}


def test_a_table_that_is_input_and_output_stays_one_tensor_and_what_enters_it_comes_back() -> None:
    model = llama()
    place(model, ("cpu", "meta"))
    formats = LayerFormats(weight="int(4)", include=("lm_head",))
    for one in (model, quantize_model(model, formats, shared=True)):
        head = one.get_submodule("lm_head")
        assert head.weight is one.get_submodule("model.embed_tokens").weight
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
            head(torch.ones(1, 32, device="meta"))


@pytest.mark.parametrize("make", [bert, llama])
@pytest.mark.parametrize("count", [2, 3])
def test_a_spread_model_gives_the_same_bits(make: Any, count: int) -> None:
    model, whole = make(), make()
    place(model, ("cpu",) * count)
    held = [hook for module in model.modules() for hook in module._forward_pre_hooks.values()]
    assert len(held) > count
    assert torch.equal(model(**inputs()).logits, whole(**inputs()).logits)


def test_a_spread_model_stays_where_it_is_and_another_moves() -> None:
    model = bert()
    settle(model, "meta")
    assert {tensor.device.type for tensor in model.parameters()} == {"meta"}
    model = bert()
    place(model, ("cpu", "meta"))
    settle(model, "cpu")
    assert {tensor.device.type for tensor in model.parameters()} == {"cpu", "meta"}


def test_a_model_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "_free_memory", lambda _device: 100_000)
    with pytest.raises(InputError, match=r"the model's 212 kB and .* do not fit into the 180 kB that are free on 2"):
        place(bert(), ("cpu", "meta"))


def test_a_model_that_does_not_name_its_blocks_is_refused() -> None:
    with pytest.raises(InputError, match=r"Sequential cannot be spread over several GPUs: .*; use gpus=1"):
        place(nn.Sequential(nn.Linear(2, 2)), ("cpu", "meta"))
