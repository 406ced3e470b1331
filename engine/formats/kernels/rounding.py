"""Rounding of one magnitude, inlined into the loops. `magnitude` is the int32 bits of |x|.

Numba widens int32 arithmetic to int64: every step is cast back, so that the loops vectorise over 32-bit lanes.
"""

from typing import Any

import numpy as np

from engine.formats.kernels.compiling import bits_of, float_of, inline

SIGN = np.int32(-(2**31))
MAGNITUDE = np.int32(2**31 - 1)
TO_SQRT2 = np.int32(0x800000 - 0x3504F4)
"""Carries into the exponent every mantissa of √2 and more (0x3504F3 is the last one below)."""

_SMALLEST_NORMAL = np.int32(0x800000)
_TWO_24 = np.float32(2**24)
_MINUS_24_EXPONENTS = np.int32(-(24 << 23))


@inline
def round_float(magnitude: Any, odd_bits: Any, mask: Any, bump: Any, threshold: Any, magic: Any, largest: Any) -> Any:
    """The value of a `FloatGrid` nearest to a magnitude; the scalars are those of its `rounding`."""
    odd = np.int32(1) if np.int32(magnitude & odd_bits) != 0 else np.int32(0)
    normal = float_of(np.int32(np.int32(magnitude + np.int32(bump + odd)) & mask))
    value = float_of(magnitude)
    subnormal = (value + magic) - magic
    value = subnormal if value < threshold else normal
    if value > largest:
        value = largest
    return value


@inline
def log_exponent(magnitude: Any) -> Any:
    """The exponent of the power of two nearest to a magnitude in the log domain; 128 for infinity."""
    scaled = np.int32(bits_of(float_of(magnitude) * _TWO_24) + _MINUS_24_EXPONENTS)
    normalised = scaled if magnitude < _SMALLEST_NORMAL else magnitude
    return np.int32(np.int32(np.int32(normalised + TO_SQRT2) >> 23) - 127)


@inline
def power_of_two(exponent: Any) -> Any:
    """2^exponent for -149 <= exponent <= 127."""
    tiny = exponent < -126
    shifted = np.int32(exponent + 24) if tiny else exponent
    value = float_of(np.int32(np.int32(shifted + 127) << 23))
    return value * np.float32(2**-24) if tiny else value
