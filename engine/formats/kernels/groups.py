"""What the elements of a group have in common: inlined into the kernels, over row `row` of `[groups, elements]`.

Floats are compared as the integers that order alike: such a reduction vectorises, and NaN, which lies beyond infinity,
needs no look of its own.
"""

from typing import Any

import numpy as np

from engine.formats.kernels.compiling import bits_of, float_of, inline
from engine.formats.kernels.rounding import MAGNITUDE

INFINITY = np.int32(0x7F800000)


@inline
def peak_bits(x: Any, row: Any) -> Any:
    """Bits of the largest magnitude; from `INFINITY` on where an element is not finite."""
    peak = np.int32(0)
    for i in range(x.shape[1]):
        peak = max(peak, np.int32(bits_of(x[row, i]) & MAGNITUDE))
    return peak


@inline
def value_range(x: Any, row: Any) -> Any:
    """The lowest and the highest of the elements and zero, and whether an element is not finite."""
    low, high = np.int32(0), np.int32(0)
    for i in range(x.shape[1]):
        bits = bits_of(x[row, i])
        place = np.int32(bits ^ np.int32(np.int32(bits >> 31) & MAGNITUDE))
        low, high = min(low, place), max(high, place)
    bad = (high >= INFINITY) | (np.int32(~low) >= INFINITY)
    return float_of(np.int32(low ^ np.int32(np.int32(low >> 31) & MAGNITUDE))), float_of(high), bad
