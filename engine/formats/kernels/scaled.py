"""Kernels for formats with a real scale per row or block: arrays `[groups, elements]`.

`half` says that the scale is a float16 of at least 2^-24; `grid` holds the scalars of float16's grid.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.formats.kernels.compiling import bits_of, float_of, inline, kernel
from engine.formats.kernels.groups import INFINITY, peak_bits, value_range
from engine.formats.kernels.rounding import SIGN, round_float

Floats = NDArray[np.float32]
NAN = np.float32(np.nan)
LARGEST = np.float32(np.finfo(np.float32).max)


@inline
def _stored(scale: Any, half: Any, grid: Any) -> Any:
    """The scale as it is stored; 1 for a row of zeros."""
    if half:
        odd_bits, mask, bump, threshold, magic, largest = grid
        rounded = round_float(bits_of(scale), odd_bits, mask, bump, threshold, magic, largest)
        return max(rounded, np.float32(2.0**-24))
    return scale if scale > 0 else np.float32(1)


@kernel
def symmetric(x: Floats, out: Floats, top: Any, half: Any, grid: Any) -> None:
    """clamp(rne(x/s), -top - 1, top)·s, s = max|x| / top; NaN where a group is not finite."""
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        if peak >= INFINITY:
            out[row, :] = NAN
            continue
        scale = _stored(float_of(peak) / top, half, grid)
        for i in range(x.shape[1]):
            code = np.rint(x[row, i] / scale)
            code = min(max(code, -top - np.float32(1)), top)
            out[row, i] = code * scale + np.float32(0)


@kernel
def affine(x: Floats, out: Floats, top: Any, half: Any, grid: Any) -> None:
    """(clamp(rne(x/s) + z, 0, top) - z)·s, s and z from the group's range with zero in it; NaN where not finite."""
    for row in range(x.shape[0]):
        low, high, bad = value_range(x, row)
        if bad:
            out[row, :] = NAN
            continue
        amount = min(high - low, LARGEST)
        scale = _stored(amount / top, half, grid)
        zero = min(max(np.rint(-low / scale), np.float32(0)), top)
        for i in range(x.shape[1]):
            code = min(max(np.rint(x[row, i] / scale) + zero, np.float32(0)), top)
            out[row, i] = (code - zero) * scale + np.float32(0)


@kernel
def lookup(x: Floats, out: Floats, table: Floats, middles: Floats, half: Any, grid: Any) -> None:
    """The table's value nearest to x/s times s, s = max|x|; NaN where a group is not finite."""
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        if peak >= INFINITY:
            out[row, :] = NAN
            continue
        scale = _stored(float_of(peak), half, grid)
        for i in range(x.shape[1]):
            value, code = x[row, i] / scale, 0
            for middle in middles:
                code += value > middle
            out[row, i] = table[code] * scale


@kernel
def two_scales(x: Floats, out: Floats, whole: Any, scales: Any, elements: Any) -> None:
    """Float-grid elements times a scale on a float grid of at least 2^-6, times `whole`; NaN where not finite."""
    odd_bits, mask, bump, threshold, magic, largest = elements
    odd_of_scale, mask_of_scale, bump_of_scale, threshold_of_scale, magic_of_scale, largest_scale = scales
    for row in range(x.shape[0]):
        peak = peak_bits(x, row)
        if peak >= INFINITY:
            out[row, :] = NAN
            continue
        wanted = bits_of(min(max(float_of(peak) / largest / whole, np.float32(2.0**-6)), largest_scale))
        scale = round_float(
            wanted, odd_of_scale, mask_of_scale, bump_of_scale, threshold_of_scale, magic_of_scale, largest_scale
        )
        step = scale * whole
        for i in range(x.shape[1]):
            scaled = bits_of(abs(x[row, i]) / step)
            value = round_float(scaled, odd_bits, mask, bump, threshold, magic, largest) * step
            out[row, i] = float_of(np.int32(bits_of(value) | np.int32(bits_of(x[row, i]) & SIGN)))
