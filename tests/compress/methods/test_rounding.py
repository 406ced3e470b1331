"""GPTQ in every format: against an independent implementation, and what must hold of any."""

import pytest
import torch
from torch import Tensor

from engine.compress.methods.rounding import objective, rounded
from engine.formats import parse
from tests.compress.methods.oracle import gptq

SPECS = (
    "int(4)",
    "int(3,32)",
    "int(4,200)",
    "uint(3,20)",
    "nf4(64)",
    "nvfp4",
    "int(4,tensor)",
    "uint(3,tensor)",
    "fixed(4)",
    "fixed(6,4)",
    "minifloat(3,2)",
    "log(4)",
    "bfp(3,16)",
    "block_minifloat(2,1,24)",
    "block_log(4,16)",
    "mxfp4",
    "mxint8(64)",
    "binary_scaled",
    "binary_residual(3)",
    "ternary",
)


def layer(out: int, width: int, seed: int, samples: int = 400) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator) / width**0.5
    x = (torch.randn(samples, width, generator=generator) @ mixing).double()
    return 0.1 * torch.randn(out, width, generator=generator), 2 * x.T @ x / samples


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_an_independent_implementation_gives_the_same_values(spec: str, act_order: bool) -> None:
    rows, hessian = layer(24, 330, seed=len(spec))
    hessian[17], hessian[:, 17] = 0, 0
    found = rounded(rows, hessian.unsqueeze(0), parse(spec), act_order)
    assert torch.equal(found.values.double(), gptq(rows, hessian, spec, act_order))


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("spec", ["int(4)", "uint(3,20)", "mxfp4", "fixed(4)", "nf4(64)"])
def test_what_a_mask_took_stays_away_and_others_make_up_for_it(spec: str, act_order: bool) -> None:
    """Errors were moved into pruned weights, where the mask then threw them away."""
    rows, hessian = layer(24, 330, seed=9)
    alive = torch.rand(rows.shape, generator=torch.Generator().manual_seed(0)) > 0.5
    found = rounded(rows, hessian.unsqueeze(0), parse(spec), act_order, alive)
    assert torch.equal(found.values.double(), gptq(rows, hessian, spec, act_order, alive))
    assert (found.values[~alive] == 0).all()
    free = rounded(rows * alive, hessian.unsqueeze(0), parse(spec), act_order).values * alive
    assert found.error < objective(rows * alive, free, hessian.unsqueeze(0))
    assert found.error < found.nearest


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_with_the_identity_it_is_the_nearest(spec: str, act_order: bool) -> None:
    rows, _ = layer(16, 200, seed=1)
    found = rounded(rows, torch.eye(200).unsqueeze(0), parse(spec), act_order)
    assert torch.equal(found.values, parse(spec).quantize(rows))


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith(("binary", "ternary"))])
def test_weights_on_the_grid_come_back(spec: str, act_order: bool) -> None:
    rows, hessian = layer(16, 200, seed=2)
    on_grid = parse(spec).quantize(rows)
    found = rounded(on_grid, hessian.unsqueeze(0), parse(spec), act_order)
    torch.testing.assert_close(found.values, on_grid, rtol=1e-6, atol=0)


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith("binary_residual")])
def test_the_objective_is_below_that_of_the_nearest(spec: str, act_order: bool) -> None:
    rows, hessian = layer(32, 200, seed=3)
    found = rounded(rows, hessian.unsqueeze(0), parse(spec), act_order)
    assert found.error < found.nearest
    assert found.nearest == pytest.approx(objective(rows, parse(spec).quantize(rows), hessian.unsqueeze(0)))


@pytest.mark.parametrize("spec", SPECS)
def test_the_format_gives_the_values_back_and_packs_them(spec: str) -> None:
    rows, hessian = layer(16, 200, seed=4)
    found = rounded(rows, hessian.unsqueeze(0), parse(spec), False)
    assert torch.equal(found.format.quantize(found.values), found.values)
    packed = found.format.pack(found.values)
    assert torch.equal(found.format.unpack(packed), found.values)
    assert packed.nbytes == parse(spec).stored_bytes(rows.shape)


def test_groups_of_a_convolution_have_an_h_each() -> None:
    rows, hessian = layer(16, 36, seed=5)
    other = layer(16, 36, seed=6)[1]
    both = rounded(rows, torch.stack([hessian, other]), parse("int(3)"), False)
    first = rounded(rows[:8], hessian.unsqueeze(0), parse("int(3)"), False)
    second = rounded(rows[8:], other.unsqueeze(0), parse("int(3)"), False)
    assert torch.equal(both.values, torch.cat([first.values, second.values]))


def test_few_samples_are_damped() -> None:
    rows, hessian = layer(8, 64, seed=7, samples=5)
    found = rounded(rows, hessian.unsqueeze(0), parse("int(4)"), False)
    assert found.values.isfinite().all()
    assert found.error < found.nearest
