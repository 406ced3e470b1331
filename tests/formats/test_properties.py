"""What holds for every format, on arbitrary tensors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.formats import Format, parse
from engine.formats.registry import FAMILIES
from tests.formats.oracle import awkward, same_bits, same_values

SPECS = [kind.example for kind in FAMILIES.values()] + [
    "fixed(3)",
    "fixed(30,20)",
    "log(6)",
    "minifloat_ieee(8,7)",
    "minifloat_denorm(2,1)",
    "bfp(3,1)",
    "mxfp4(5)",
    "int(4,5)",
    "uint(8)",
    "nf4(7)",
    "int(4,tensor)",
    "uint(8,tensor)",
]
GRIDS = [spec for spec in SPECS if not spec.startswith(("binary", "ternary", "int", "uint"))]
ELEMENTWISE = [spec for spec in SPECS if spec.startswith(("fixed", "minifloat", "log"))]
UNEVEN = ("binary", "int", "uint", "nf4")
"""Formats with more values on one side of zero, and no range outside which they saturate."""
LARGEST = torch.tensor([-torch.finfo(torch.float32).max, torch.finfo(torch.float32).max])
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Row means are float64 sums in either order: the same to the bit where the sum is exact in any order.
ADDABLE = st.integers(-(2**24), 2**24).map(lambda code: code * 2.0**-20) | st.sampled_from([math.nan, math.inf, -0.0])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=9)


def tensors(elements: st.SearchStrategy[float]) -> st.SearchStrategy[torch.Tensor]:
    return hnp.arrays(np.float32, SHAPES, elements=elements).map(torch.from_numpy)


def settled(spec: str, x: torch.Tensor) -> Format:
    return parse(spec).fit(x)


@pytest.mark.parametrize("spec", SPECS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_fused_and_composed_agree_and_keep_the_shape(spec: str, data: st.DataObject) -> None:
    x = data.draw(tensors(ADDABLE if spec.startswith(("binary_", "ternary")) else st.floats(width=32)))
    number_format = settled(spec, x)
    q = number_format.quantize(x)
    assert q.shape == x.shape
    assert q.dtype == torch.float32
    assert same_bits(q, number_format._composed(x))


@pytest.mark.parametrize("spec", SPECS)
def test_large_tensors_are_packed_and_rounded_in_parts_to_the_same_bytes(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(37, 13, generator=torch.Generator().manual_seed(0))
    number_format = settled(spec, x)
    whole, rounded = number_format.pack(x), number_format.quantize(x)
    monkeypatch.setattr("engine.formats.base.PART", 100)
    parts = number_format.parts_of(x)
    assert len(parts) == (5 if number_format.rows_alone else 1)
    assert same_bits(torch.cat([number_format.quantize(part) for part in parts]), rounded)
    packed = number_format.pack_parts(x)
    assert (packed.spec, packed.shape) == (whole.spec, whole.shape)
    assert all(torch.equal(packed.tensors[name], tensor) for name, tensor in whole.tensors.items())


@pytest.mark.parametrize("spec", SPECS)
@given(x=tensors(FINITE))
@settings(max_examples=30, deadline=None)
def test_unpacking_gives_the_quantised_values(spec: str, x: torch.Tensor) -> None:
    if spec in ("binary_scaled", "binary_residual(2)", "ternary"):
        x = x.clamp(-1e30, 1e30)
    number_format = settled(spec, x)
    packed = number_format.pack(x)
    assert packed.shape == tuple(x.shape)
    assert same_values(parse(packed.spec).unpack(packed), number_format.quantize(x))
    assert all(
        tensor.dtype in (torch.uint8, torch.float8_e4m3fn, torch.float16, torch.float32)
        for tensor in packed.tensors.values()
    )


@pytest.mark.parametrize("spec", GRIDS)
@given(x=tensors(FINITE))
@settings(max_examples=30, deadline=None)
def test_quantising_twice_changes_nothing(spec: str, x: torch.Tensor) -> None:
    if spec.startswith("nf4"):  # a scale below float16's normal numbers is rounded by more than two values lie apart
        x = x.where(x.abs() >= 2.0**-13, 0.0)
    number_format = settled(spec, x)
    q = number_format.quantize(x)
    assert same_bits(number_format.quantize(q), q)


@pytest.mark.parametrize("spec", ["binary", "binary_scaled", "ternary"])
def test_signs_are_idempotent_too(spec: str) -> None:
    q = parse(spec).quantize(torch.randn(5, 300))
    assert same_bits(parse(spec).quantize(q), q)


@pytest.mark.parametrize("spec", ELEMENTWISE)
@given(x=hnp.arrays(np.float32, st.integers(2, 40), elements=FINITE))
@settings(max_examples=30, deadline=None)
def test_order_is_kept(spec: str, x: np.ndarray) -> None:
    ascending = torch.from_numpy(np.sort(x))
    q = settled(spec, ascending).quantize(ascending)
    assert (q.diff() >= 0).all()


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith(UNEVEN)])
@given(x=tensors(FINITE))
@settings(max_examples=30, deadline=None)
def test_signs_mirror(spec: str, x: torch.Tensor) -> None:
    number_format = settled(spec, x)
    low, high = number_format.quantize(LARGEST)
    if low != -high:  # one code more below zero, as in two's complement
        x = x[~(number_format.saturated(x) | number_format.saturated(-x))]
    assert same_values(number_format.quantize(-x), -number_format.quantize(x))


@pytest.mark.parametrize("spec", SPECS)
def test_gradient_is_one_where_nothing_saturates(spec: str) -> None:
    x = awkward(2000, 5, 4).reshape(20, 100).requires_grad_()
    number_format = settled(spec, x.detach())
    weights = torch.randn(20, 100)
    q = number_format.fake_quantize(x)
    assert same_bits(q.detach(), number_format.quantize(x))
    (q * weights).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, weights.masked_fill(number_format.saturated(x), 0))
    x.grad = None
    (number_format.fake_quantize(x, clip=False) * weights).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, weights)


@pytest.mark.parametrize("spec", SPECS)
def test_under_vmap_and_grad_the_same(spec: str) -> None:
    x = awkward(2000, 6, 4).reshape(4, 5, 100)
    number_format = settled(spec, x)

    def total(part: torch.Tensor) -> torch.Tensor:
        return (number_format.fake_quantize(part) * torch.arange(100)).sum()

    gradients, values = torch.func.vmap(torch.func.grad_and_value(total))(x)
    for part, gradient, value in zip(x, gradients, values, strict=True):
        leaf = part.clone().requires_grad_()
        one = total(leaf)
        one.backward()
        assert torch.allclose(one, value)
        assert leaf.grad is not None
        assert torch.equal(leaf.grad, gradient)


@pytest.mark.parametrize("spec", SPECS)
def test_many_threads_give_the_same_bits(spec: str) -> None:
    x = awkward(3 * 1024 * 130, 7, 6).reshape(3, 130, 1024)
    number_format = settled(spec, x)
    assert same_bits(number_format.quantize(x), number_format._composed(x))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (0, 3)])
def test_empty_and_scalar_tensors(spec: str, shape: tuple[int, ...]) -> None:
    x = torch.ones(shape)
    number_format = settled(spec, x)
    q = number_format.quantize(x)
    assert q.shape == shape
    assert number_format.saturated(x).shape == shape
    assert same_values(number_format.unpack(number_format.pack(x)), q)


@pytest.mark.parametrize("spec", SPECS)
def test_export_sees_tensor_operations(spec: str) -> None:
    x = torch.randn(4, 40)
    number_format = settled(spec, x)

    class Layer(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return number_format.fake_quantize(x)

    exported = torch.export.export(Layer(), (x,)).module()
    assert same_values(exported(x), number_format.quantize(x))


@pytest.mark.gpu
@pytest.mark.parametrize("spec", SPECS)
def test_on_a_gpu_the_same_bits(spec: str) -> None:
    x = awkward(100_000, 8, 40).reshape(100, 1000)
    number_format = settled(spec, x)
    weights = torch.randn(100, 1000)
    gradients = []
    for device in ("cpu", "cuda"):
        leaf = x.clone().to(device).requires_grad_()  # a clone: moved from a leaf it would be none
        q = number_format.fake_quantize(leaf)
        assert same_bits(q.detach().cpu(), number_format.quantize(x))
        (q * weights.to(device)).sum().backward()
        assert leaf.grad is not None
        gradients.append(leaf.grad.cpu())
    assert torch.equal(*gradients)


@pytest.mark.parametrize("shape", [(), (0,), (4, 0), (5,), (3, 7), (2, 3, 33), (16, 64)])
@pytest.mark.parametrize("spec", [*SPECS, "fixed(7,3)", "bfp(3,5)", "binary_residual(3)"])
def test_bytes_are_known_before_anything_is_packed(spec: str, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert parse(spec).stored_bytes(shape) == parse(spec).pack(x).nbytes
