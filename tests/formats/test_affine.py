"""`int` and `uint` with one scale for a whole tensor, and with scales of rows: definitions, torch's own, torchao's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.formats import parse
from engine.formats.anatomy import dissect
from tests.formats.oracle import same_bits

F = np.float32
TENSORS = hnp.arrays(
    F,
    st.tuples(st.integers(1, 4), st.integers(1, 20)),
    elements=st.floats(-1000, 1000, width=32) | st.floats(-(2.0**-20), 2.0**-20, width=32) | st.just(0.0),
)


def parameters(x: np.ndarray, name: str, width: int) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Scale, zero point, lowest and highest code."""
    if name == "int":
        top = F(2 ** (width - 1) - 1)
        scale, low, high = F(np.abs(x).max() / top), -top - F(1), top
    else:
        top = F(2**width - 1)
        scale, low, high = F(F(max(x.max(), 0) - min(x.min(), 0)) / top), F(0), top
    scale = max(scale, F(2.0**-126)) if scale or x.any() else F(1)
    zero = F(0) if name == "int" else np.clip(np.rint(F(-min(x.min(), F(0))) / scale), F(0), high)
    return scale, zero, low, high


def near_ties(quotient: torch.Tensor) -> torch.Tensor:
    """Where a quotient lies so close to half-way that a product with 1/s may round the other way."""
    return ((quotient - quotient.floor()) - 0.5).abs() <= 1e-4


@pytest.mark.parametrize("name", ["int", "uint"])
@pytest.mark.parametrize("width", [2, 4, 8, 16])
@given(x=TENSORS)
@settings(max_examples=25, deadline=None)
def test_the_values_are_those_of_the_definition(name: str, width: int, x: np.ndarray) -> None:
    scale, zero, low, high = parameters(x, name, width)
    expected = (np.clip(np.rint(x / scale) + zero, low, high) - zero) * scale + F(0)
    fitted = parse(f"{name}({width},tensor)").fit(torch.from_numpy(x))
    assert same_bits(fitted.quantize(torch.from_numpy(x)), torch.from_numpy(expected.astype(F)))
    assert parse(str(fitted)).scalars() == fitted.scalars()
    assert list(fitted.scalars().values()) == [scale, zero, low, high]


@pytest.mark.parametrize("name", ["int", "uint"])
@pytest.mark.parametrize("width", [4, 8])
def test_it_is_what_torch_computes_per_tensor(name: str, width: int) -> None:
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(1)) + 0.7
    fitted = parse(f"{name}({width},tensor)").fit(x)
    scale, zero, low, high = (float(value) for value in fitted.scalars().values())
    theirs = torch.fake_quantize_per_tensor_affine(x, scale, int(zero), int(low), int(high))
    clear = ~near_ties(x / scale)
    assert torch.equal(fitted.quantize(x)[clear], theirs[clear])
    assert clear.float().mean() > 0.999
    leaf = x.clone().requires_grad_()
    small = parse(f"{name}({width},tensor,{scale / 2:.6g}{',' + str(int(zero)) if zero else ''})")
    small.fake_quantize(leaf).sum().backward()
    other = x.clone().requires_grad_()
    half = float(small.scalars()["scale"])
    torch.fake_quantize_per_tensor_affine(other, half, int(zero), int(low), int(high)).sum().backward()
    edge = ((x / half + zero - low).abs() < 0.51) | ((x / half + zero - high).abs() < 0.51)  # they cut rounded codes
    assert torch.equal(leaf.grad[~edge], other.grad[~edge])
    assert (leaf.grad == 0).any()


@pytest.mark.parametrize("spec", ["int(8)", "int(4)", "int(8,tensor)", "uint(8)", "uint(4)", "uint(8,tensor)"])
def test_it_is_what_torchao_computes(spec: str) -> None:
    theirs = pytest.importorskip("torchao.quantization.quant_primitives")
    x = torch.randn(32, 256, generator=torch.Generator().manual_seed(2)) + 0.3
    width, unsigned = int(spec.split("(")[1][0]), spec.startswith("uint")
    low, high = (0, 2**width - 1) if unsigned else (1 - 2 ** (width - 1), 2 ** (width - 1) - 1)
    block = x.shape if "tensor" in spec else (1, 256)
    kind = theirs.MappingType.ASYMMETRIC if unsigned else theirs.MappingType.SYMMETRIC
    target = torch.uint8 if unsigned else torch.int8
    scale, zero = theirs.choose_qparams_affine(x, kind, block, target, low, high, eps=1e-12)
    codes = theirs.quantize_affine(x, block, scale, zero, target, low, high)
    expected = theirs.dequantize_affine(codes, block, scale, zero, target, low, high)
    clear = ~near_ties(x / scale.reshape(-1, 1))
    assert torch.equal(parse(spec).quantize(x)[clear], expected[clear])
    assert clear.float().mean() > 0.999


@pytest.mark.parametrize(("spec", "expected"), [("int(4,tensor)", -3.5), ("uint(4,tensor)", -4.0)])
def test_a_value_is_shown_with_scale_and_zero_point(spec: str, expected: float) -> None:
    row = torch.tensor([-3.6, 3.5, 0.0]) if spec.startswith("int") else torch.tensor([-4.0, 11.0, 0.0])
    chosen = parse("int(4,tensor,0.5)") if spec.startswith("int") else parse(spec).fit(row)
    shown = dissect(chosen, row, 0)
    assert shown.decoded == expected
    by_name = {part.name: part.meaning for part in shown.parts}
    assert by_name["tensor scale"] == ("0.5" if spec.startswith("int") else "1")
    assert by_name.get("zero point") == (None if spec.startswith("int") else "-4")


def test_what_is_beyond_the_range_saturates_and_nan_stays() -> None:
    x = torch.tensor([math.inf, -math.inf, math.nan, 3.4e38])
    assert same_bits(parse("int(8,tensor,0.5)").quantize(x), torch.tensor([63.5, -64.0, math.nan, 63.5]))
    assert parse("uint(8,tensor,0.5,10)").saturated(torch.tensor([-5.0, -5.1, 122.5, 122.6])).tolist() == [
        False,
        True,
        False,
        True,
    ]
