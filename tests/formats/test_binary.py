"""Binary and ternary formats against their papers' formulas in float64."""

import math

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.formats import parse
from tests.formats.oracle import same_bits, same_values


def rows(seed: int = 0) -> torch.Tensor:
    return torch.randn(3, 5, 70, generator=torch.Generator().manual_seed(seed))


def test_binary_takes_zero_of_either_sign_as_plus_one() -> None:
    q = parse("binary").quantize(torch.tensor([0.0, -0.0, 1e-45, -1e-45, math.inf, math.nan]))
    assert q[:5].tolist() == [1, 1, 1, -1, 1]
    assert q[5].isnan()


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_residual(levels: int) -> None:
    x = rows()
    rest, total = x.numpy().copy(), np.zeros_like(x.numpy())
    for _ in range(levels):
        gamma = np.abs(rest.astype(np.float64)).mean(-1, keepdims=True).astype(np.float32)
        part = np.where(rest >= 0, gamma, -gamma)
        total, rest = total + part, rest - part
    number_format = parse(f"binary_residual({levels})")
    assert same_bits(number_format.quantize(x), torch.from_numpy(total))
    assert same_bits(number_format._composed(x), torch.from_numpy(total))
    packed = number_format.pack(x)
    assert same_bits(number_format.unpack(packed), torch.from_numpy(total))
    assert packed.nbytes == -(-x.numel() * levels // 8) + 15 * levels * 4


def test_one_level_is_binary_scaled() -> None:
    assert same_bits(parse("binary_residual(1)").quantize(rows()), parse("binary_scaled").quantize(rows()))


def test_each_level_comes_closer() -> None:
    errors = [float((parse(f"binary_residual({n})").quantize(rows()) - rows()).square().sum()) for n in range(1, 6)]
    assert errors == sorted(errors, reverse=True)


def test_ternary() -> None:
    x = rows(1)
    magnitude = np.abs(x.numpy().astype(np.float64))
    kept = magnitude > 0.7 * magnitude.mean(-1, keepdims=True)
    alpha = ((magnitude * kept).sum(-1, keepdims=True) / kept.sum(-1, keepdims=True)).astype(np.float32)
    expected = torch.from_numpy(np.where(kept, np.copysign(alpha, x.numpy()), np.float32(0)))
    number_format = parse("ternary")
    assert same_values(number_format.quantize(x), expected)
    assert same_bits(number_format._composed(x), number_format.quantize(x))
    assert same_values(number_format.unpack(number_format.pack(x)), expected)
    assert number_format.pack(x).nbytes == -(-x.numel() // 4) + 15 * 4


@pytest.mark.parametrize("spec", ["binary_scaled", "binary_residual(2)", "ternary"])
def test_rows_that_are_not_finite_become_nan_and_cannot_be_packed(spec: str) -> None:
    x = torch.randn(4, 8)
    x[1, 3], x[2, 0] = math.inf, math.nan
    number_format = parse(spec)
    for q in (number_format.quantize(x), number_format._composed(x)):
        assert q[1:3].isnan().all()
        assert q[::3].isfinite().all()
    with pytest.raises(InputError, match="NaN or inf"):
        number_format.pack(x)


@pytest.mark.parametrize("spec", ["binary_scaled", "ternary"])
def test_a_row_of_zeros_stays_zero(spec: str) -> None:
    assert parse(spec).quantize(torch.zeros(2, 8)).eq(0).all()


def test_gradients() -> None:
    x = torch.tensor([-1.5, -1.0, 0.0, 0.5, 1.01], requires_grad=True)
    parse("binary").fake_quantize(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]
    x.grad = None
    parse("ternary").fake_quantize(x).sum().backward()
    assert x.grad is not None
    assert x.grad.eq(1).all()
