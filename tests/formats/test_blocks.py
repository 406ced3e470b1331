"""Block formats against one block at a time in float64."""

import math

import numpy as np
import pytest
import torch

from engine.formats import parse
from tests.formats import oracle
from tests.formats.oracle import awkward, blockwise, same_bits

E4M3 = oracle.minifloat_grid(4, 3)
MX_GRIDS = {
    "mxfp8_e4m3": E4M3[E4M3 <= 448],
    "mxfp8_e5m2": oracle.minifloat_grid(5, 2, "ieee"),
    "mxfp6_e3m2": oracle.minifloat_grid(3, 2),
    "mxfp6_e2m3": oracle.minifloat_grid(2, 3),
    "mxfp4": oracle.minifloat_grid(2, 1),
}
CASES = {
    **{
        f"bfp({m},{b})": (b, lambda x, m=m: oracle.bfp_block(x, m))
        for m, b in ((1, 4), (3, 16), (7, 16), (15, 5), (23, 8))
    },
    **{
        f"block_minifloat({e},{m},{b})": (b, lambda x, e=e, m=m: oracle.block_minifloat_block(x, e, m))
        for e, m, b in ((1, 2, 8), (2, 1, 16), (3, 2, 16), (4, 3, 7), (6, 5, 16))
    },
    **{
        f"block_log({w},{b})": (b, lambda x, w=w: oracle.block_log_block(x, w))
        for w, b in ((2, 4), (4, 16), (5, 3), (8, 16))
    },
    **{name: (32, lambda x, grid=grid: oracle.mx_block(x, grid)) for name, grid in MX_GRIDS.items()},
    "mxint8": (32, lambda x: oracle.bfp_block(x, 7)),
    "mxint8(64)": (64, lambda x: oracle.bfp_block(x, 7)),
}
SPECIAL = [
    np.zeros(32),
    -np.zeros(32),
    np.full(32, 1e-45),
    np.linspace(-1e-40, 1e-40, 32),
    np.linspace(2.0**-126, 2.0**-125, 32),
    np.linspace(-3.4e38, 3.4e38, 32),
    np.ldexp(np.ones(32), np.arange(32)),
    np.nextafter(np.float32(1), np.float32(0)) * np.ones(32),
    np.where(np.arange(32) == 7, np.nan, 1.0),
    np.where(np.arange(32) == 7, np.inf, 1.0),
    np.where(np.arange(32) == 31, -np.inf, 0.0),
]


@pytest.mark.parametrize("spec", CASES)
@pytest.mark.parametrize("columns", [32, 50, 3])
def test_equals_the_definition(spec: str, columns: int) -> None:
    block, function = CASES[spec]
    for spread in (0, 4, 60, 126):
        x = awkward(30 * columns, spread, spread).reshape(5, 6, columns)
        expected = torch.from_numpy(blockwise(x.numpy(), block, function))
        assert oracle.same_values(parse(spec).quantize(x), expected)


@pytest.mark.parametrize("spec", CASES)
def test_special_blocks(spec: str) -> None:
    block, function = CASES[spec]
    x = np.stack(SPECIAL).astype(np.float32)
    expected = torch.from_numpy(blockwise(x, block, function))
    number_format = parse(spec)
    assert oracle.same_values(number_format.quantize(torch.from_numpy(x)), expected)
    assert same_bits(number_format._composed(torch.from_numpy(x)), number_format.quantize(torch.from_numpy(x)))


def test_blocks_do_not_share() -> None:
    x = torch.tensor([[1000.0, 1.0, 0.001, 0.002, math.nan, 1.0]])
    q = parse("bfp(3,2)").quantize(x)
    assert q[0, :4].tolist() == [1024 * 0.875, 0, 0.0009765625, 0.001953125]
    assert q[0, 4:].isnan().all()


def test_gradient_is_cut_above_the_blocks_largest_value() -> None:
    x = torch.tensor([[1.9, 1.0, -1.76, 1.75]], requires_grad=True)
    parse("bfp(3,4)").fake_quantize(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0, 1, 0, 1]]


def test_block_log_is_log_fitted_to_each_block() -> None:
    x = awkward(640, 3, 6).reshape(40, 16)
    q = parse("block_log(4,16)").quantize(x)
    rows = [parse("log(4)").quantize(row) for row in x]
    assert same_bits(q, torch.stack(rows))


def test_bits_count_the_shared_scale() -> None:
    assert parse("mxint8").bits_per_element == 8.25
    assert parse("mxfp4").bits_per_element == 4.25
    assert parse("bfp(7,16)").bits_per_element == 8.5
    assert parse("block_log(4,8)").bits_per_element == 5.0
    assert parse("mxint8").pack(torch.randn(4, 64)).nbytes == 4 * 64 + 8
    assert parse("mxfp4").pack(torch.randn(4, 33)).nbytes == 4 * 33 // 2 + 4 * 2


@pytest.mark.parametrize("spec", ["bfp(3,{})", "block_minifloat(2,1,{})", "block_log(3,{})", "mxfp4({})"])
def test_a_block_longer_than_a_row_is_the_row(spec: str) -> None:
    x = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    long, row = parse(spec.format(65536)), parse(spec.format(7))
    assert torch.equal(long.quantize(x), row.quantize(x))
    assert torch.equal(long.unpack(long.pack(x)), long.quantize(x))
    assert long.pack(x).nbytes == row.pack(x).nbytes == long.stored_bytes(x.shape)
