"""`MXInt8Linear`: the packed layer is the layer with the rounded weight."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cuda_kernels import MXInt8Linear, cpu, dequantize
from tests.kernels.oracle import DTYPES


def layers(inputs: int = 96, outputs: int = 40, group: int = 32, bias: bool = True) -> tuple[nn.Linear, MXInt8Linear]:
    torch.manual_seed(0)
    linear = nn.Linear(inputs, outputs, bias=bias)
    return linear, MXInt8Linear.from_linear(linear, group)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("inputs", "group"), [(96, 32), (100, 32), (100, 20), (5, 8)])
@pytest.mark.parametrize("shape", [(2,), (3, 7), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_many_rows_are_the_rounded_layer(
    shape: tuple[int, ...], inputs: int, group: int, bias: bool, dtype: torch.dtype
) -> None:
    linear, packed = layers(inputs, group=group, bias=bias)
    x = torch.randn(*shape, inputs).to(dtype)
    expected = functional.linear(x, packed.dequantized(dtype), linear.bias.to(dtype) if bias else None)
    assert torch.equal(packed(x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("inputs", "group"), [(96, 32), (1024, 8), (1024, 512), (100, 32)])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_row_is_read_from_the_packed_weight(
    shape: tuple[int, ...], inputs: int, group: int, dtype: torch.dtype
) -> None:
    linear, packed = layers(inputs, group=group)
    x = torch.randn(*shape, inputs).to(dtype)
    weight = packed.dequantized(torch.float32).double()
    expected = functional.linear(x.double(), weight, linear.bias.to(dtype).double())
    bound = functional.linear(x.double().abs(), weight.abs()) * 2.0**-20  # sums of float32, in any order
    result = packed(x)
    assert result.dtype == dtype
    assert result.shape == (*shape, 40)
    assert ((result - expected).abs() <= bound + expected.abs() * torch.finfo(dtype).eps).all()


@pytest.mark.parametrize("default", [torch.float32, torch.bfloat16, torch.float64])
def test_one_row_is_handed_over_whole_and_in_float32(default: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel sees addresses alone: neither strides nor the type that torch makes tensors of may reach it."""
    _, packed = layers()
    given: list[torch.Tensor] = []

    def noted(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
        given.extend((x, out))
        original(x, mantissa, scale, out, group)

    original = cpu.linear_row
    monkeypatch.setattr(cpu, "linear_row", noted)
    spread = torch.randn(96, 3)
    expected = packed(spread[:, 1].clone())
    previous = torch.get_default_dtype()
    try:
        torch.set_default_dtype(default)
        result = packed(spread[:, 1])
    finally:
        torch.set_default_dtype(previous)
    assert torch.equal(result, expected)
    assert all(tensor.is_contiguous() and tensor.dtype == torch.float32 for tensor in given)


def test_one_row_keeps_nan_and_overflow() -> None:
    mantissa, scale = torch.full((2, 32), 1, dtype=torch.int8), torch.tensor([[255], [254]], dtype=torch.uint8)
    result = MXInt8Linear(mantissa, scale)(torch.full((1, 32), 2.0**10))
    assert result[0, 0].isnan()
    assert result[0, 1] == torch.inf


@pytest.mark.parametrize("rows", [1, 5])
def test_gradient_reaches_x_and_bias(rows: int) -> None:
    linear, packed = layers()
    x = torch.randn(rows, 96, requires_grad=True)
    weights = torch.randn(rows, 40)
    (packed(x) * weights).sum().backward()
    assert torch.equal(x.grad, weights @ packed.dequantized())
    assert torch.allclose(linear.bias.grad, weights.sum(0))
    assert not packed.mantissa.requires_grad


@pytest.mark.parametrize("shape", [(4, 96), (1, 96)])
def test_compiles_without_a_graph_break(shape: tuple[int, ...]) -> None:
    _, packed = layers()
    compiled = torch.compile(packed, fullgraph=True, backend="aot_eager")
    x = torch.randn(*shape, requires_grad=True)
    assert torch.equal(compiled(x), packed(x))
    (gradient,) = torch.autograd.grad(compiled(x).sum(), x)
    assert torch.equal(gradient, torch.autograd.grad(packed(x).sum(), x)[0])


@pytest.mark.slow
def test_the_weight_may_be_folded_into_a_compiled_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler then runs our operators itself, while it compiles."""
    from torch._inductor import config

    monkeypatch.setattr(config, "freezing", True)

    class Unpacking(nn.Module):
        def __init__(self, packed: MXInt8Linear) -> None:
            super().__init__()
            self.packed = packed

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.linear(x, dequantize(self.packed.mantissa, self.packed.scale, dtype=torch.float32))

    unpacking, x = Unpacking(layers(bias=False)[1]).eval(), torch.randn(4, 96)
    with torch.inference_mode():
        assert torch.allclose(torch.compile(unpacking)(x), unpacking(x), atol=1e-6)


@pytest.mark.slow
def test_operator_keeps_the_rules_of_torch() -> None:
    _, packed = layers()
    arguments = (packed.mantissa, packed.scale, packed.bias, 32)
    for rows in (1, 4):
        x = torch.randn(rows, 96, requires_grad=True)
        torch.library.opcheck(torch.ops.labtui.mxint8_linear.default, (x, *arguments))
    torch.library.opcheck(
        torch.ops.labtui.mxint8_dequantize.default, (packed.mantissa, packed.scale, 32, torch.float32)
    )
    torch.library.opcheck(torch.ops.labtui.mxint8_quantize.default, (torch.randn(4, 40), 32))


def test_state_is_packed_and_moves() -> None:
    _, packed = layers()
    assert packed.packed_bytes == 40 * 96 + 40 * 3
    assert {name: t.dtype for name, t in packed.half().state_dict().items()} == {
        "mantissa": torch.int8,
        "scale": torch.uint8,
        "bias": torch.float16,
    }
    assert repr(packed) == "MXInt8Linear(in_features=96, out_features=40, group=32)"


def test_layers_of_different_size_share_the_scratch() -> None:
    small, large = layers(32, 8)[1], layers(96, 40)[1]
    x, y = torch.randn(3, 32), torch.randn(3, 96)
    before = small(x)
    large(y)
    assert torch.equal(small(x), before)


def test_what_cannot_be_used_is_named() -> None:
    _, packed = layers()
    with pytest.raises(TypeError, match="x is float64"):
        packed(torch.zeros(2, 96, dtype=torch.float64))
    with pytest.raises(ValueError, match="its last dimension must be in_features, 96"):
        packed(torch.zeros(2, 95))
    with pytest.raises(ValueError, match="do not fit"):
        MXInt8Linear(packed.mantissa, packed.scale[:, :1], group=32)
