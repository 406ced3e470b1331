"""Definitions of the formats in float64 with NumPy, one value or block at a time, independent of the engine."""

import math

import numpy as np
import torch


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal bit for bit; any NaN equals any other."""
    return bool(((a.view(torch.int32) == b.view(torch.int32)) | (a.isnan() & b.isnan())).all())


def same_values(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal as numbers (zeros of either sign), NaN in the same places."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def nearest(x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The nearest of the sorted non-negative `grid` values to |x|, ties to the even index, sign of x kept."""
    magnitude = np.minimum(np.abs(x.astype(np.float64)), grid[-1])
    above = np.clip(np.searchsorted(grid, magnitude), 1, len(grid) - 1)
    low, high = grid[above - 1], grid[above]
    middle = (low + high) / 2
    up = (magnitude > middle) | ((magnitude == middle) & (above % 2 == 0))
    return np.copysign(np.where(up, high, low), x).astype(np.float32)


def minifloat_grid(exponent: int, mantissa: int, kind: str = "") -> np.ndarray:
    """The non-negative values, sorted and without repeats, from the definition of each code."""
    bias = 2 ** (exponent - 1) - 1
    values = set()
    for e in range(2**exponent - (kind == "ieee")):
        for fraction in range(2**mantissa):
            share = fraction / 2**mantissa
            if kind == "denorm":
                values.add(share * 2.0 ** (e - bias))
            else:
                values.add((1 + share) * 2.0 ** (e - bias) if e else share * 2.0 ** (1 - bias))
    return np.array(sorted(values))


def floor_log2(x: float) -> int:
    return math.frexp(x)[1] - 1


def round_log2(x: float) -> int:
    """Nearest exponent in the log domain: up from √2·2^k, decided exactly on x² ≥ 2·4^k."""
    from fractions import Fraction

    k = floor_log2(x)
    return k + (Fraction(x) ** 2 >= 2 * Fraction(4) ** k)


def log_value(x: float, width: int, highest: int) -> float:
    lowest_code = highest - (2 ** (width - 1) - 1)
    if abs(x) <= math.ldexp(1, lowest_code):
        return 0.0
    k = highest if math.isinf(x) else min(max(round_log2(abs(x)), lowest_code + 1), highest)
    return math.copysign(math.ldexp(1, k), x)


def blockwise(x: np.ndarray, block: int, function) -> np.ndarray:
    """`function` on each block of each row; blocks that are not finite become NaN, zeros stay."""
    out = np.empty_like(x)
    for index in np.ndindex(x.shape[:-1]):
        for start in range(0, x.shape[-1], block):
            part = x[index][start : start + block]
            if not np.isfinite(part).all():
                value = np.full_like(part, np.nan)
            elif not part.any():
                value = part
            else:
                value = function(part)
            out[index][start : start + block] = value
    return out


def bfp_block(part: np.ndarray, mantissa: int) -> np.ndarray:
    e = max(floor_log2(float(np.abs(part).max())), -127)
    top = 2.0**mantissa - 1
    k = np.clip(np.rint(np.ldexp(part.astype(np.float64), mantissa - 1 - e)), -top, top)
    return np.ldexp(k, e + 1 - mantissa).astype(np.float32)


def block_minifloat_block(part: np.ndarray, exponent: int, mantissa: int) -> np.ndarray:
    e = max(floor_log2(float(np.abs(part).max())), -127)
    grid = minifloat_grid(exponent, mantissa)
    shift = e - floor_log2(float(grid[-1]))
    return nearest(part, np.ldexp(grid, shift))


def block_log_block(part: np.ndarray, width: int) -> np.ndarray:
    highest = min(max(round_log2(float(np.abs(part).max())), -127), 127)
    return np.array([log_value(float(value), width, highest) for value in part], np.float32)


def mx_block(part: np.ndarray, grid: np.ndarray) -> np.ndarray:
    top = floor_log2(float(grid[-1]))
    e = min(max(floor_log2(float(np.abs(part).max())) - top, -127), 127)
    return nearest(part, np.ldexp(grid, e))


def awkward(count: int, seed: int, spread: int = 20) -> torch.Tensor:
    """Random values of every magnitude within 2^±spread, with powers of two, their neighbours, ties and zeros."""
    rng = np.random.default_rng(seed)
    x = np.ldexp(rng.standard_normal(count), rng.integers(-spread, spread + 1, count)).astype(np.float32)
    power = np.ldexp(1.0, rng.integers(-spread, spread + 1, count)).astype(np.float32)
    kinds = rng.integers(0, 8, count)
    for kind, value in enumerate(
        (power, np.nextafter(power, np.float32(0)), np.nextafter(power, np.float32(np.inf)), power * 1.25, power * 0)
    ):
        x = np.where(kinds == kind, np.copysign(value, x), x)
    return torch.from_numpy(x.astype(np.float32))
