"""`int`, `uint` and `nf4`: definitions in NumPy's float32, torch's own fake quantisation, bitsandbytes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from engine.formats import parse
from engine.formats.families.lookup import NF4
from tests.formats.oracle import same_bits

F = np.float32
ROWS = hnp.arrays(
    F,
    st.tuples(st.integers(1, 3), st.integers(1, 40)),
    elements=st.floats(-1000, 1000, width=32) | st.floats(-(2.0**-20), 2.0**-20, width=32) | st.just(0.0),
)


def stored(scale: F, block: int | None) -> F:
    """As it is kept: float16 of at least 2^-24 for a block, float32 for a row, where 0 does not matter."""
    if block is None:
        return scale if scale > 0 else F(1)
    return F(min(max(F(np.float16(scale)), F(2.0**-24)), F(65504)))


def groups(row: np.ndarray, block: int | None) -> list[np.ndarray]:
    width = block or len(row)
    return [row[start : start + width] for start in range(0, len(row), width)]


def signed(group: np.ndarray, width: int, block: int | None) -> np.ndarray:
    top = F(2 ** (width - 1) - 1)
    scale = stored(F(np.abs(group).max() / top), block)
    return np.clip(np.rint(group / scale), -top - F(1), top) * scale + F(0)


def unsigned(group: np.ndarray, width: int, block: int | None) -> np.ndarray:
    top = F(2**width - 1)
    low, high = min(group.min(), F(0)), max(group.max(), F(0))
    scale = stored(F(F(high - low) / top), block)
    zero = np.clip(np.rint(-low / scale), F(0), top)
    return (np.clip(np.rint(group / scale) + zero, F(0), top) - zero) * scale + F(0)


def looked_up(group: np.ndarray, _: int, block: int | None) -> np.ndarray:
    scale = stored(F(np.abs(group).max()), block)
    table = np.array(NF4, F)
    wanted = (group / scale).astype(np.float64)
    nearest = np.abs(wanted[:, None] - np.array(NF4)[None, :]).argmin(1)
    return table[nearest] * scale


@pytest.mark.parametrize(
    ("name", "definition", "width", "block"),
    [
        *(("int", signed, width, block) for width in (2, 3, 4, 8, 16) for block in (None, 1, 7, 32)),
        *(("uint", unsigned, width, block) for width in (2, 4, 8, 16) for block in (None, 7, 32)),
        *(("nf4", looked_up, 4, block) for block in (1, 7, 64)),
    ],
)
@given(x=ROWS)
@settings(max_examples=25, deadline=None)
def test_the_values_are_those_of_the_definition(name, definition, width, block, x) -> None:  # type: ignore[no-untyped-def]
    args = [value for value in ((width, block) if name != "nf4" else (block,)) if value is not None]
    number_format = parse(f"{name}({','.join(map(str, args))})")
    expected = np.stack(
        [np.concatenate([definition(group, width, block) for group in groups(row, block)]) for row in x]
    )
    q = number_format.quantize(torch.from_numpy(x))
    assert same_bits(q + 0.0, torch.from_numpy(expected.astype(F)) + 0.0)
    packed = number_format.pack(torch.from_numpy(x))
    assert same_bits(number_format.unpack(packed) + 0.0, q + 0.0)


@pytest.mark.parametrize("width", [4, 8])
def test_int_is_what_torch_computes_per_channel(width: int) -> None:
    """Torch multiplies by 1/s: values whose quotient lies next to a tie may go the other way."""
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(0))
    top = 2 ** (width - 1) - 1
    scale = x.abs().amax(1) / top
    zero = torch.zeros(64, dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(x, scale, zero, 0, -top - 1, top)
    quotient = x / scale[:, None]
    clear = ((quotient - quotient.floor()) - 0.5).abs() > 1e-4
    ours = parse(f"int({width})").quantize(x)
    assert torch.equal(ours[clear], theirs[clear])
    assert clear.float().mean() > 0.999


@pytest.mark.parametrize("width", [4, 8])
def test_uint_is_what_torch_computes_per_channel(width: int) -> None:
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(1)) + 0.7
    top = 2**width - 1
    low, high = x.amin(1).clamp(max=0), x.amax(1).clamp(min=0)
    scale = (high - low) / top
    zero = (-low / scale).round().clamp(0, top).int()
    theirs = torch.fake_quantize_per_channel_affine(x, scale, zero, 0, 0, top)
    quotient = x / scale[:, None]
    clear = ((quotient - quotient.floor()) - 0.5).abs() > 1e-4
    ours = parse(f"uint({width})").quantize(x)
    assert torch.equal(ours[clear], theirs[clear])
    assert clear.float().mean() > 0.999


def test_nf4_holds_the_quantiles_of_the_normal_distribution() -> None:
    """QLoRA's construction: eight quantiles of the positive half, seven of the negative one, and zero."""
    offset = 0.9677083
    positive = norm.ppf(np.linspace(offset, 0.5, 9)[:-1])
    negative = -norm.ppf(np.linspace(offset, 0.5, 8)[:-1])
    values = np.sort(np.concatenate([positive, [0.0], negative]))
    assert np.allclose(values / values.max(), NF4, atol=2e-7)


@pytest.mark.parametrize("spec", ["int(4,8)", "uint(4,8)", "nf4(8)", "int(8)", "uint(8)"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_group_that_is_not_finite_is_nan_and_no_other(spec: str, bad: float) -> None:
    x = torch.ones(2, 16)
    x[0, 3] = bad
    q = parse(spec).quantize(x)
    lost = slice(0, 8 if "," in spec or spec.startswith("nf4") else 16)
    assert q[0, lost].isnan().all()
    assert q.isnan().sum() == q[0, lost].numel()
    assert same_bits(parse(spec).unpack(parse(spec).pack(x)), q)


@pytest.mark.parametrize(
    ("spec", "bits"), [("int(8)", 8), ("int(4,32)", 4.5), ("uint(4,32)", 4.625), ("nf4(64)", 4.25)]
)
def test_what_an_element_costs_counts_scales_and_zero_points(spec: str, bits: float) -> None:
    assert parse(spec).bits_per_element == bits
    rows = 4 * 1024 if spec == "int(8)" else 0
    assert parse(spec).stored_bytes((1024, 4096)) == 1024 * 4096 * bits / 8 + rows


@pytest.mark.parametrize("spec", ["int(4,32)", "int(8,32)", "uint(4,32)", "nf4(32)"])
def test_values_on_the_grid_of_a_block_stay(spec: str) -> None:
    q = parse(spec).quantize(torch.randn(16, 256, generator=torch.Generator().manual_seed(2)) * 0.05)
    if spec.startswith("uint"):
        assert torch.allclose(parse(spec).quantize(q), q, atol=1e-3)
    else:
        assert same_bits(parse(spec).quantize(q), q)


def test_nf4_is_what_bitsandbytes_computes() -> None:
    """On blocks whose largest magnitude a float16 holds: bitsandbytes keeps it as float32."""
    theirs = pytest.importorskip("bitsandbytes.functional")
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(3)).clamp(-3.9, 3.9)
    x[:, 5::64] = 4.0
    x *= torch.logspace(-2, 1, 64).half().float().unsqueeze(1)
    codes, state = theirs.quantize_4bit(x, blocksize=64, quant_type="nf4")
    assert torch.equal(parse("nf4(64)").pack(x).tensors["scales"].float(), state.absmax)
    assert torch.equal(parse("nf4(64)").quantize(x), theirs.dequantize_4bit(codes, state))
