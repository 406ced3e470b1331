"""Minifloats against the grid of their definition, ml_dtypes and torch, over all codes."""

import math

import ml_dtypes
import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.formats import parse
from engine.formats.families.minifloat import Minifloat
from tests.formats.oracle import awkward, minifloat_grid, nearest, same_bits

SPECS = [
    *(
        (kind, e, m)
        for kind in ("", "ieee", "denorm")
        for e, m in ((2, 1), (3, 2), (4, 3), (5, 2), (2, 5), (5, 10), (6, 9))
    ),
    ("", 1, 1),
    ("", 1, 6),
    ("", 7, 8),
    ("denorm", 1, 1),
    ("denorm", 4, 1),
    ("ieee", 8, 7),
]


def name(kind: str, exponent: int, mantissa: int) -> str:
    return f"minifloat{'_' + kind if kind else ''}({exponent},{mantissa})"


def of(kind: str, exponent: int, mantissa: int) -> Minifloat:
    number_format = parse(name(kind, exponent, mantissa))
    assert isinstance(number_format, Minifloat)
    return number_format


def around(grid: np.ndarray) -> np.ndarray:
    """Every value, every middle between neighbours, and the float32 next to each, of both signs."""
    points = np.concatenate((grid, (grid[1:] + grid[:-1]) / 2, grid[-1:] * 1.5)).astype(np.float32)
    near = (points, np.nextafter(points, np.float32(np.inf)), np.nextafter(points, np.float32(0)))
    return np.concatenate((*near, *(-values for values in near)))


@pytest.mark.parametrize(("kind", "exponent", "mantissa"), SPECS)
def test_is_the_nearest_value_over_all_codes(kind: str, exponent: int, mantissa: int) -> None:
    grid = minifloat_grid(exponent, mantissa, kind)
    number_format = of(kind, exponent, mantissa)
    with np.errstate(over="ignore"):
        x = around(grid)
    x = x[np.isfinite(x)]
    expected = torch.from_numpy(nearest(x, grid))
    if kind == "denorm" and mantissa == 1:  # a significand of one bit is odd: ties go up, whatever the index
        tied = np.isin(np.abs(x.astype(np.float64)), (grid[1:] + grid[:-1]) / 2)
        x, expected = x[~tied], expected[torch.from_numpy(~tied)]
    q = number_format.quantize(torch.from_numpy(x))
    assert same_bits(q, expected)
    assert same_bits(number_format._composed(torch.from_numpy(x)), expected)
    assert same_bits(number_format.unpack(number_format.pack(torch.from_numpy(x))), expected)
    assert same_bits(number_format.quantize(q), q)


@pytest.mark.parametrize(("kind", "exponent", "mantissa"), [spec for spec in SPECS if 1 + spec[1] + spec[2] <= 16])
def test_every_code_decodes_to_a_value_that_encodes_back(kind: str, exponent: int, mantissa: int) -> None:
    number_format = of(kind, exponent, mantissa)
    codes = torch.arange(2**number_format.grid.bits)
    if kind == "ieee":
        codes = codes[(codes >> mantissa) % 2**exponent < 2**exponent - 1]
    values = number_format.grid.decode(codes)
    assert same_bits(number_format.quantize(values), values)
    encoded = number_format.grid.encode(values)
    if kind == "denorm":  # several codes of one value: the lowest is taken
        assert torch.all(encoded <= codes)
        assert same_bits(number_format.grid.decode(encoded), values)
    else:
        assert torch.equal(encoded, codes)


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        ("minifloat_ieee(5,2)", ml_dtypes.float8_e5m2),
        ("minifloat_ieee(4,3)", ml_dtypes.float8_e4m3),
        ("minifloat_ieee(3,4)", ml_dtypes.float8_e3m4),
        ("minifloat(3,2)", ml_dtypes.float6_e3m2fn),
        ("minifloat(2,3)", ml_dtypes.float6_e2m3fn),
        ("minifloat(2,1)", ml_dtypes.float4_e2m1fn),
        ("minifloat_ieee(8,7)", ml_dtypes.bfloat16),
        ("minifloat_ieee(5,10)", np.float16),
    ],
)
def test_equals_ml_dtypes_in_range(spec: str, dtype: type) -> None:
    number_format = parse(spec)
    assert isinstance(number_format, Minifloat)
    x = awkward(20_000, 1, spread=16)
    x = x[x.abs() <= number_format.grid.largest]
    expected = torch.from_numpy(x.numpy().astype(dtype).astype(np.float32))
    assert same_bits(number_format.quantize(x), expected)


def test_equals_torchs_float8_in_range() -> None:
    x = awkward(20_000, 2, spread=12)
    e5m2 = x[x.abs() <= 57344]
    assert same_bits(parse("minifloat_ieee(5,2)").quantize(e5m2), e5m2.to(torch.float8_e5m2).float())


def test_special_values() -> None:
    x = torch.tensor([math.inf, -math.inf, math.nan, -0.0, 1e-45, -1e-45])
    for spec, largest in (("minifloat(4,3)", 480.0), ("minifloat_ieee(4,3)", 240.0), ("minifloat_denorm(4,3)", 224.0)):
        number_format = parse(spec)
        for q in (number_format.quantize(x), number_format._composed(x)):
            assert q[:2].tolist() == [largest, -largest]
            assert q[2].isnan()
            assert q[3:].eq(0).all()
            assert torch.signbit(q[3:]).tolist() == [True, False, True]


def test_nan_is_packed_where_there_is_a_code() -> None:
    x = torch.tensor([1.0, math.nan, -2.0])
    ieee = parse("minifloat_ieee(4,3)")
    assert same_bits(ieee.unpack(ieee.pack(x)), x)
    with pytest.raises(InputError, match="NaN"):
        parse("minifloat(4,3)").pack(x)


def test_every_nan_stays_nan() -> None:
    x = torch.tensor([0x7FC00000, 0x7FFFFFFF, 0x7F800001, -1, -(2**31) + 0x7F800001], dtype=torch.int32).view(
        torch.float32
    )
    number_format = parse("minifloat(4,3)")
    assert number_format.quantize(x).isnan().all()
    assert number_format._composed(x).isnan().all()
