"""`nvfp4` against its definition in NumPy, where values are looked up in lists of all there are, and torchao's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.formats import parse
from engine.formats.anatomy import dissect
from tests.formats.oracle import awkward, blockwise, minifloat_grid, nearest, same_bits

F = np.float32
E4M3 = minifloat_grid(4, 3)[:-1]  # the last code of e4m3 is its NaN
E2M1 = minifloat_grid(2, 1)
ROWS = hnp.arrays(
    F,
    st.tuples(st.integers(1, 3), st.integers(1, 40)),
    elements=st.floats(-1000, 1000, width=32) | st.floats(-(2.0**-10), 2.0**-10, width=32) | st.just(0.0),
)


def tensor_scale(x: np.ndarray) -> np.float32:
    peak = np.abs(x).max()
    return F(max(F(peak / F(2688)), F(2.0**-126))) if peak else F(1)


def defined(x: np.ndarray, whole: np.float32) -> np.ndarray:
    def block(part: np.ndarray) -> np.ndarray:
        scale = nearest(np.clip(F(np.abs(part).max()) / F(6) / whole, F(2.0**-6), F(448)), E4M3)
        step = F(scale * whole)
        return nearest(part / step, E2M1) * step

    return blockwise(x, 16, block)


@given(x=ROWS)
@settings(max_examples=150, deadline=None)
def test_the_values_are_those_of_the_definition(x: np.ndarray) -> None:
    fitted = parse("nvfp4").fit(torch.from_numpy(x))
    assert same_bits(fitted.quantize(torch.from_numpy(x)), torch.from_numpy(defined(x, tensor_scale(x))))
    assert same_bits(parse("nvfp4").quantize(torch.from_numpy(x)), fitted.quantize(torch.from_numpy(x)))


def test_a_scale_that_is_given_holds_and_what_is_beyond_it_saturates() -> None:
    x = awkward(4000, 1, 12).reshape(50, 80)
    given_scale = parse("nvfp4(0.125)")
    assert same_bits(given_scale.quantize(x), torch.from_numpy(defined(x.numpy(), F(0.125))))
    assert given_scale.quantize(torch.tensor([math.nextafter(1e6, 0), 336.0])).tolist() == [336.0, 336.0]
    assert given_scale.saturated(torch.tensor([336.0, 337.0])).tolist() == [False, True]


def test_it_is_what_torchao_computes() -> None:
    """Scales bit for bit; torchao multiplies by 1/(t·s), so a value next to a tie may go the other way."""
    theirs = pytest.importorskip("torchao.prototype.mx_formats.nvfp4_tensor")
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 2, 64).unsqueeze(1)
    whole = theirs.per_tensor_amax_to_scale(x.abs().max())
    expected = theirs.NVFP4Tensor.to_nvfp4(x, 16, whole)
    fitted = parse("nvfp4").fit(x)
    assert fitted.scalars() == {"scale": float(whole)}
    packed = fitted.pack(x)
    scales = packed.tensors["scales"].float().view(64, 32)
    assert torch.equal(scales, expected.scale.float())
    quotient = (x.view(64, 32, 16) / (scales * whole).unsqueeze(-1)).abs().view(64, 512)
    ties = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
    clear = ((quotient.unsqueeze(-1) - ties).abs() > 1e-6).all(-1)
    assert clear.float().mean() > 0.9999
    assert torch.equal(fitted.quantize(x)[clear], expected.dequantize(torch.float32)[clear])
    codes = packed.tensors["codes"].view(64, 256)  # two codes a byte, the first in its low half, as theirs
    assert torch.equal(codes, expected.qdata)


def test_what_an_element_costs_counts_the_scales_of_blocks() -> None:
    assert parse("nvfp4").bits_per_element == 4.5
    assert parse("nvfp4").stored_bytes((1024, 4096)) == 1024 * 4096 * 4.5 / 8


def test_a_value_is_shown_with_both_scales() -> None:
    row = torch.zeros(20)
    row[3], row[17] = -3.0, 2688.0
    shown = dissect(parse("nvfp4").fit(row), row, 3)
    assert [(part.name, part.bits, part.meaning) for part in shown.parts] == [
        ("sign", "1", "-"),
        ("exponent", "11", "2^(3 - 1)"),
        ("fraction", "1", "1 + 1/2"),
        ("tensor scale", "", "1"),
        ("shared", "float8_e4m3fn", "0.5"),
    ]
    assert shown.decoded == -3.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_block_that_is_not_finite_is_nan_and_the_scale_comes_from_the_rest(bad: float) -> None:
    x = torch.ones(2, 32)
    x[0, 3] = bad
    q = parse("nvfp4").quantize(x)
    assert q[0, :16].isnan().all()
    assert torch.equal(q[0, 16:], torch.ones(16))
    fitted = parse("nvfp4").fit(x)
    assert same_bits(fitted.unpack(fitted.pack(x)), q)


def test_its_scale_survives_as_text() -> None:
    for value in np.random.default_rng(0).lognormal(0, 20, 300).astype(F):
        fitted = parse("nvfp4").fit(torch.tensor([float(value)]))
        assert parse(str(fitted)).scalars() == fitted.scalars()
