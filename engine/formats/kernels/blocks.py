"""Kernels for formats with a scale per block: arrays `[blocks, block]`.

A block is a row and its loop starts at 0: Numba then needs no check for negative indices, and the loop vectorises.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.formats.kernels.compiling import bits_of, float_of, inline, kernel
from engine.formats.kernels.groups import INFINITY, peak_bits
from engine.formats.kernels.rounding import MAGNITUDE, SIGN, log_exponent, power_of_two, round_float

Floats = NDArray[np.float32]
NAN = np.float32(np.nan)


@inline
def _shared_exponent(peak: Any, top: Any) -> Any:
    """clamp(floor(log2 peak) - top, -127, 127)."""
    return np.int32(max(np.int32(np.int32(peak >> 23) - top), np.int32(0)) - np.int32(127))


@inline
def _shared_log_exponent(peak: Any) -> Any:
    """The peak's exponent rounded in the log domain, clamped to -127…127."""
    return min(max(log_exponent(peak), np.int32(-127)), np.int32(127))


@kernel
def block_float(
    x: Floats, out: Floats, top: Any, odd_bits: Any, mask: Any, bump: Any, threshold: Any, magic: Any, largest: Any
) -> None:
    """Float-grid elements times 2^e, e = clamp(floor(log2 max|x|) - top, -127, 127); NaN where max is not finite."""
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        if peak >= INFINITY or peak == 0:
            for i in range(x.shape[1]):
                out[row, i] = x[row, i] if peak == 0 else NAN
            continue
        exponent = _shared_exponent(peak, top)
        up, down = power_of_two(np.int32(-exponent)), power_of_two(exponent)
        for i in range(x.shape[1]):
            bits = bits_of(x[row, i])
            scaled = bits_of(float_of(np.int32(bits & MAGNITUDE)) * up)
            value = round_float(scaled, odd_bits, mask, bump, threshold, magic, largest) * down
            out[row, i] = float_of(np.int32(bits_of(value) | np.int32(bits & SIGN)))


@kernel
def block_log(x: Floats, out: Floats, span: Any) -> None:
    """Powers of two from the block's largest (rounded) exponent down to `span` - 1 below it; smaller ones are +0."""
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        if peak >= INFINITY or peak == 0:
            for i in range(x.shape[1]):
                out[row, i] = np.float32(0) if peak == 0 else NAN
            continue
        highest = _shared_log_exponent(peak)
        lowest = np.int32(highest - span + 1)
        zero = np.float32(math.ldexp(1.0, highest - span))
        for i in range(x.shape[1]):
            bits = bits_of(x[row, i])
            magnitude = np.int32(bits & MAGNITUDE)
            exponent = min(max(log_exponent(magnitude), lowest), highest)
            signed = float_of(np.int32(bits_of(power_of_two(exponent)) | np.int32(bits & SIGN)))
            out[row, i] = np.float32(0) if float_of(magnitude) <= zero else signed


@kernel
def pass_below(x: Floats, gradient: Floats, out: Floats, log_domain: Any, top: Any, largest: Any) -> None:
    """The gradient where |x| <= largest·2^e, e the shared exponent of either kind, and in blocks not finite."""
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        exponent = _shared_log_exponent(peak) if log_domain else _shared_exponent(peak, top)
        limit = np.float32(np.inf) if peak >= INFINITY else np.float32(largest * power_of_two(exponent))
        for i in range(x.shape[1]):
            out[row, i] = np.float32(0) if abs(x[row, i]) > limit else gradient[row, i]
