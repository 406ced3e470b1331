"""Convolutions in Wanda's scores and beside low-rank adapters, beside the same worked out by hand."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress.layers import quantized_layer
from engine.compress.lora import LoraSettings, add_lora, merge_lora
from engine.compress.prune_scores import scored
from engine.formats import parse
from engine.store import load
from tests.tasks.pictures import write_model


class Wrapped(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


@pytest.mark.parametrize(
    "how",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": (3, 1), "padding": "same", "dilation": 2},
        {"kernel_size": 2, "groups": 2},
        {"kernel_size": 3, "groups": 4, "padding": 1},
    ],
)
def test_a_weights_norm_is_of_the_inputs_that_it_meets(how: dict[str, Any]) -> None:
    """The output of a convolution with one weight alone, 1, is what that weight meets."""
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 8, bias=False, **how)
    x = torch.randn(3, 4, 7, 6)
    found = dict(scored("wanda", Wrapped(layer), ["layer"], 0, [{"x": x}]))["layer"]
    expected = torch.empty_like(layer.weight)
    probe = nn.Conv2d(4, 8, bias=False, **how)
    with torch.no_grad():
        for place in range(layer.weight.numel()):
            probe.weight.zero_()
            probe.weight.view(-1)[place] = 1
            expected.view(-1)[place] = layer.weight.view(-1)[place].abs() * probe(x).norm()
    torch.testing.assert_close(found, expected.flatten(1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec", ["mxint8", "bfp(4,16)", "int(4)", "fixed(4,2)"])
def test_blocks_of_an_input_run_over_its_channels(spec: str) -> None:
    """A 1 x 1 convolution is a linear layer at each place."""
    torch.manual_seed(0)
    layer, x = nn.Conv2d(48, 5, 1), torch.randn(2, 48, 3, 4) * torch.logspace(-2, 2, 48)[:, None, None]
    linear = nn.Linear(48, 5)
    linear.load_state_dict({"weight": layer.weight.data.flatten(1), "bias": layer.bias.data})
    found = quantized_layer(layer, parse(spec), None, parse(spec))(x)
    expected = quantized_layer(linear, parse(spec), None, parse(spec))(x.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(found, expected)


def test_adapters_stand_beside_convolutions_and_are_merged(tmp_path: Path) -> None:
    model = load(str(write_model(tmp_path / "net"))).model
    x = torch.randn(2, 3, 16, 16)
    expected = model(pixel_values=x).logits
    names = add_lora(model, LoraSettings(2))
    assert names
    assert all("encoder.stages" in name for name in names)
    torch.testing.assert_close(model(pixel_values=x).logits, expected)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.1)
    tuned = model(pixel_values=x).logits
    assert not torch.allclose(tuned, expected)
    merge_lora(model)
    assert not any("lora" in name for name, _ in model.named_parameters())
    torch.testing.assert_close(model(pixel_values=x).logits, tuned, rtol=1e-4, atol=1e-5)
