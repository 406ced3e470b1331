"""Kernels for formats that treat each element alone: flat float32 arrays, then float32 or int32 scalars."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.formats.kernels.compiling import bits_of, float_of, kernel
from engine.formats.kernels.rounding import MAGNITUDE, SIGN, log_exponent, power_of_two, round_float

Floats = NDArray[np.float32]


@kernel
def fixed(x: Floats, out: Floats, scale: Any, step: Any, low: Any, high: Any) -> None:
    """Nearest multiple of `step` = 1/`scale`, codes clamped to [low, high]; NaN passes, zero is +0."""
    for i in range(x.size):
        code = np.rint(x[i] * scale)
        if code < low:
            code = low
        if code > high:
            code = high
        out[i] = code * step + np.float32(0)


@kernel
def affine(x: Floats, out: Floats, scale: Any, zero: Any, low: Any, high: Any) -> None:
    """Nearest multiple of `scale`, codes moved up by `zero` and clamped to [low, high]; NaN passes, zero is +0."""
    for i in range(x.size):
        code = np.rint(x[i] / scale) + zero
        if code < low:
            code = low
        if code > high:
            code = high
        out[i] = (code - zero) * scale + np.float32(0)


@kernel
def minifloat(
    x: Floats, out: Floats, odd_bits: Any, mask: Any, bump: Any, threshold: Any, magic: Any, largest: Any
) -> None:
    """Nearest value of a float grid, sign kept; NaN passes."""
    for i in range(x.size):
        bits = bits_of(x[i])
        value = round_float(np.int32(bits & MAGNITUDE), odd_bits, mask, bump, threshold, magic, largest)
        signed = float_of(np.int32(bits_of(value) | np.int32(bits & SIGN)))
        out[i] = x[i] if x[i] != x[i] else signed


@kernel
def log(x: Floats, out: Floats, zero: Any, lowest: Any, highest: Any) -> None:
    """Nearest power of two in the log domain, exponents in [lowest, highest]; |x| <= `zero` gives +0; NaN passes."""
    for i in range(x.size):
        bits = bits_of(x[i])
        magnitude = np.int32(bits & MAGNITUDE)
        exponent = min(max(log_exponent(magnitude), lowest), highest)
        signed = float_of(np.int32(bits_of(power_of_two(exponent)) | np.int32(bits & SIGN)))
        value = np.float32(0) if float_of(magnitude) <= zero else signed
        out[i] = x[i] if x[i] != x[i] else value


@kernel
def pass_inside(x: Floats, gradient: Floats, out: Floats, low: Any, high: Any) -> None:
    """The gradient where low <= x <= high, and where x is NaN; 0 elsewhere."""
    for i in range(x.size):
        out[i] = np.float32(0) if (x[i] < low) | (x[i] > high) else gradient[i]
