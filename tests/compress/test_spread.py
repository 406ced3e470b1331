"""Everything that is done to a model, on one whose blocks lie on a GPU and another device: `pytest -m gpu`.

The other is a second GPU, or the CPU where there is none: torch refuses whatever has not followed.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune import Pruning, prune_model
from engine.preparing import parse_preparing
from engine.training.evaluate import evaluate
from engine.training.objective import NextTokens
from engine.training.spread import place
from engine.training.windows import Windows

pytestmark = pytest.mark.gpu
IDS = torch.randint(64, (8, 16), generator=torch.Generator().manual_seed(1))
MASK = torch.ones_like(IDS).index_put((torch.tensor([0]),), torch.tensor(0))


def llama(tied: bool) -> nn.Module:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=4,
        num_attention_heads=4,
        tie_word_embeddings=tied,
        use_cache=False,
    )
    return LlamaForCausalLM(config).eval()


def batches() -> list[dict[str, torch.Tensor]]:
    parts = (slice(0, 4), slice(4, 8))
    return [{"input_ids": IDS[part].cuda(), "attention_mask": MASK[part].cuda()} for part in parts]


def quantized(spec: str, **how: Any) -> Callable[[nn.Module], nn.Module]:
    if "preparing" in how:
        how["preparing"] = parse_preparing(how["preparing"], 0)
    return lambda model: quantize_model(model, LayerFormats(spec, spec, spec), batches(), shared=True, **how)


def pruned(method: str) -> Callable[[nn.Module], nn.Module]:
    return lambda model: prune_model(model, Pruning(method=method, exclude=("*head*",)), batches())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda model: model,
        quantized("mxfp4"),
        quantized("fixed(8)"),
        quantized("int(8)", method="gptq"),
        quantized("int(8)", method="gptq_act_order"),
        quantized("int(8)", method="gptq", preparing="awq"),
        quantized("int(8)", preparing="smooth(0.5)"),
        quantized("int(8)", preparing="hadamard"),
        pruned("l1"),
        pruned("wanda"),
        pruned("sparsegpt"),
    ],
    ids=["as it is", "mx", "fixed", "gptq", "act_order", "awq", "smooth", "hadamard", "l1", "wanda", "sparsegpt"],
)
def test_two_devices_give_what_one_gives(change: Callable[[nn.Module], nn.Module], tied: bool) -> None:
    other = "cuda:1" if torch.cuda.device_count() > 1 else "cpu"
    losses = []
    for devices in (("cuda:0",), ("cuda:0", other)):
        model = llama(tied)
        place(model, devices)
        changed = change(model)
        assert {str(tensor.device) for tensor in changed.parameters()} == set(devices)
        losses.append(evaluate(changed, Windows(IDS.int()), NextTokens(), batch_size=4, device="cuda:0").loss)
    assert losses[1] == pytest.approx(losses[0], abs=2e-3)
