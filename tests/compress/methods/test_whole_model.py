"""A whole model rounded by GPTQ, inputs, weights and biases in coarse formats, beside a calibration written apart.

At two bits GPTQ may lower the loss and the accuracy at once; this holds the numbers to be those of the method.
"""

import copy

import pytest
import torch
from torch import Tensor, nn
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, quantize_model, quantized_layers
from tests.compress.methods.test_apply import logits


def symmetric(x: Tensor, bits: int, scale: Tensor | None = None) -> Tensor:
    """int(bits): a scale for each row of the last dimension, or the one that is given."""
    high = 2 ** (bits - 1) - 1
    scale = x.abs().amax(-1, keepdim=True) / high if scale is None else scale
    return (x / scale.where(scale > 0, 1.0)).round().clamp(-high - 1, high) * scale


def surgery(weight: Tensor, hessian: Tensor, bits: int) -> Tensor:
    """Columns rounded one by one; what is left of the inverse of H is eliminated step by step, without a factor."""
    dead, identity = hessian.diag() == 0, torch.eye(len(hessian), dtype=torch.float64)
    damped = hessian + 0.01 * hessian.diag().mean() * identity + dead.double().diag()
    weight = weight * ~dead
    w, inverse = weight.double(), torch.linalg.inv(damped)
    scale = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    rounded = torch.zeros_like(weight)
    for j in range(len(hessian)):
        rounded[:, j : j + 1] = symmetric(w[:, j : j + 1].float(), bits, scale)
        error = (w[:, j] - rounded[:, j].double()) / inverse[j, j]
        w = w - error[:, None] * inverse[j] * (torch.arange(len(hessian)) >= j)
        inverse = inverse - torch.outer(inverse[:, j], inverse[j]) / inverse[j, j]
    return rounded


def calibrated(model: nn.Module, bits: int, batches: list[dict[str, Tensor]]) -> nn.Module:
    """A block of the encoder after the other, then the pooler and the head, on what the blocks before give by then."""
    model = copy.deepcopy(model)
    layers = {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear)}
    for one in layers.values():
        one.register_forward_pre_hook(lambda _, args: (symmetric(args[0], bits), *args[1:]))
        one.bias.data = symmetric(one.bias.data, bits)
    for part in ("bert.encoder.layer.0.", "bert.encoder.layer.1.", "bert.pooler.", "classifier"):
        seen: dict[str, list[Tensor]] = {name: [] for name in layers if name.startswith(part)}
        hooks = [
            layers[name].register_forward_pre_hook(lambda _, args, kept=kept: kept.append(args[0].flatten(0, -2)))
            for name, kept in seen.items()
        ]
        logits(model, batches)
        for hook in hooks:
            hook.remove()
        for name, kept in seen.items():
            x = torch.cat(kept).double()
            layers[name].weight.data = surgery(layers[name].weight.data, 2 * x.T @ x / len(x), bits)
    return model


@pytest.mark.parametrize("bits", [2, 4])
def test_a_whole_model_has_the_values_of_a_calibration_written_apart(
    bits: int, bert: BertForSequenceClassification, batches: list[dict[str, Tensor]]
) -> None:
    with torch.no_grad():
        for name, one in bert.named_parameters():
            if name.endswith("bias"):
                one.normal_(std=0.05)
    found = quantize_model(bert, LayerFormats(f"int({bits})", f"int({bits})", f"int({bits})"), batches, "gptq")
    expected = calibrated(bert, bits, batches)
    for name, one in quantized_layers(found).items():
        same = one.quantized()[0] == expected.get_submodule(name).weight
        assert float(same.float().mean()) > 0.995, name
    torch.testing.assert_close(logits(found, batches), logits(expected, batches), rtol=1e-3, atol=1e-3)
