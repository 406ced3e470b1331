"""Quantised layers: values, caching, training, copies."""

import copy
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.compress import FakeQuantize, Quantized, quantized_layer
from engine.formats import parse
from engine.formats.families.fixed import Fixed


def linear(weight: str = "fixed(4,3)", bias: str | None = "fixed(6,4)", inputs: str | None = "fixed(8,4)") -> Quantized:
    torch.manual_seed(0)
    formats = [None if spec is None else parse(spec) for spec in (bias, inputs)]
    return quantized_layer(nn.Linear(8, 5), parse(weight), *formats)


def quantised(spec: str, x: torch.Tensor) -> torch.Tensor:
    return parse(spec).quantize(x)


def test_output_is_the_linear_map_of_quantised_parts() -> None:
    layer, x = linear().eval(), torch.randn(3, 4, 8)
    expected = functional.linear(
        quantised("fixed(8,4)", x), quantised("fixed(4,3)", layer.weight), quantised("fixed(6,4)", layer.bias)
    )
    with torch.inference_mode():
        assert torch.equal(layer(x), expected)
    assert torch.equal(layer.train()(x), expected)


def test_bias_and_input_may_stay_as_they_are() -> None:
    layer, x = linear(bias=None, inputs=None), torch.randn(3, 8)
    assert torch.equal(layer(x), functional.linear(x, quantised("fixed(4,3)", layer.weight), layer.bias))
    no_bias = quantized_layer(nn.Linear(8, 5, bias=False), parse("fixed(4,3)"), parse("fixed(4,3)"), None)
    assert no_bias.bias is None
    assert no_bias(x).shape == (3, 5)


def test_weight_is_quantised_once_per_evaluation() -> None:
    layer, x = linear(inputs=None).eval(), torch.randn(3, 8)
    with (
        torch.inference_mode(),
        patch.object(FakeQuantize, "forward", autospec=True, side_effect=FakeQuantize.forward) as call,
    ):
        for _ in range(5):
            layer(x)
    assert call.call_count == 2  # the weight and the bias


@pytest.mark.parametrize("change", ["in place", "loaded", "data"])
def test_a_change_is_seen(change: str) -> None:
    layer, x = linear(inputs=None).eval(), torch.randn(3, 8)
    with torch.no_grad():
        before = layer(x)
        if change == "in place":
            layer.weight.mul_(-1)
        elif change == "loaded":
            layer.load_state_dict({"weight": -layer.weight, "bias": layer.bias})
        else:
            layer.weight = nn.Parameter(-layer.weight)
        after = layer(x)
    assert not torch.equal(before, after)


def test_training_after_inference_gives_gradients() -> None:
    layer, x = linear().eval(), torch.randn(3, 8)
    with torch.inference_mode():
        layer(x)
    layer.train()
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None


def test_frozen_weight_lets_gradients_through_to_its_input() -> None:
    layer = linear().eval().requires_grad_(False)
    x = torch.randn(3, 8, requires_grad=True)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    assert x.grad is not None


def test_training_moves_the_master_weights_not_the_grid() -> None:
    layer = linear()
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-3)
    before = layer.weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(16, 8)).square().sum().backward()
        optimizer.step()
    assert not torch.equal(layer.weight, before)
    assert str(layer.weight_format.format) == "fixed(4,3)"


@pytest.mark.parametrize("fused", [True, False])
def test_an_evaluation_between_steps_sees_the_new_weights(fused: bool) -> None:
    """Fused optimisers change a weight without its version: what was held must not outlast a training step."""
    layer, x = linear(inputs=None), torch.randn(3, 8)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.3, fused=fused)
    outputs = []
    for _ in range(3):
        with torch.inference_mode():
            outputs.append(layer.eval()(x).clone())
            assert torch.equal(outputs[-1], copy.deepcopy(layer)(x))
        layer.train()(x).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert not torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[1], outputs[2])


def test_a_copy_is_independent() -> None:
    layer, x = linear().eval(), torch.randn(3, 8)
    with torch.no_grad():
        before = layer(x)
        twin = copy.deepcopy(layer)
        twin.weight.mul_(-1)
        assert torch.equal(layer(x), before)
        assert not torch.equal(twin(x), before)


def test_state_dict_is_that_of_the_plain_layer() -> None:
    assert set(linear().state_dict()) == {"weight", "bias"}


def test_many_configurations_at_once_equal_one_at_a_time() -> None:
    """Stacked weights and format scalars under vmap: one training step of several variants."""
    layers = [linear(f"fixed({w},{f})", f"fixed({w},{f})", f"fixed({w},{f - 1})") for w, f in ((3, 2), (4, 3), (8, 6))]
    x = torch.randn(16, 8)
    parameters, buffers = torch.func.stack_module_state(layers)
    template = copy.deepcopy(layers[0])

    def loss(parameters: dict[str, torch.Tensor], buffers: dict[str, torch.Tensor]) -> torch.Tensor:
        output: torch.Tensor = torch.func.functional_call(template, (parameters, buffers), (x,))
        return output.square().mean()

    gradients, losses = torch.func.vmap(torch.func.grad_and_value(loss))(parameters, buffers)
    for i, layer in enumerate(layers):
        one = layer(x).square().mean()
        one.backward()
        assert torch.allclose(losses[i], one)
        assert layer.weight.grad is not None
        assert torch.allclose(gradients["weight"][i], layer.weight.grad, atol=1e-6)


def test_embedding_looks_up_quantised_rows() -> None:
    table = nn.Embedding(10, 6, padding_idx=0)
    layer = quantized_layer(table, parse("fixed(4,2)")).eval()
    ids = torch.tensor([[1, 0, 9]])
    with torch.inference_mode():
        assert torch.equal(layer(ids), quantised("fixed(4,2)", table.weight)[ids])
    layer.train()(ids).sum().backward()
    assert layer.weight.grad is not None


def test_the_numbers_of_a_format_are_buffers() -> None:
    assert [float(value) for value in FakeQuantize(Fixed(8, 4)).buffers()] == [16.0, -128.0, 127.0]
    assert {value.dtype for value in FakeQuantize(parse("log(4,3)")).buffers()} == {torch.int32}
    assert list(FakeQuantize(parse("nf4(16)")).buffers()) == []
