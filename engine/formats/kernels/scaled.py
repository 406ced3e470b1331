"""Kernels for formats with a real scale per row or block: arrays `[groups, elements]`.

`half` says that the scale is a float16 of at least 2^-24; `grid` holds the scalars of float16's grid.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.formats.kernels.compiling import bits_of, float_of, inline, kernel
from engine.formats.kernels.rounding import SIGN, round_float

Floats = NDArray[np.float32]
NAN = np.float32(np.nan)
LARGEST = np.float32(np.finfo(np.float32).max)


@inline
def _peak(x: Any, row: Any) -> Any:
    """The largest magnitude of a group, and whether an element is not finite."""
    peak, bad = np.float32(0), False
    for i in range(x.shape[1]):
        peak = max(peak, abs(x[row, i]))
        bad = bad | (not np.isfinite(x[row, i]))
    return peak, bad


@inline
def _range(x: Any, row: Any) -> Any:
    """The lowest and the highest of a group's elements and zero, and whether an element is not finite."""
    low, high, bad = np.float32(0), np.float32(0), False
    for i in range(x.shape[1]):
        low, high = min(low, x[row, i]), max(high, x[row, i])
        bad = bad | (not np.isfinite(x[row, i]))
    return low, high, bad


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
        peak, bad = _peak(x, row)
        if bad:
            out[row, :] = NAN
            continue
        scale = _stored(peak / top, half, grid)
        for i in range(x.shape[1]):
            code = np.rint(x[row, i] / scale)
            code = min(max(code, -top - np.float32(1)), top)
            out[row, i] = code * scale + np.float32(0)


@kernel
def affine(x: Floats, out: Floats, top: Any, half: Any, grid: Any) -> None:
    """(clamp(rne(x/s) + z, 0, top) - z)·s, s and z from the group's range with zero in it; NaN where not finite."""
    for row in range(x.shape[0]):
        low, high, bad = _range(x, row)
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
        peak, bad = _peak(x, row)
        if bad:
            out[row, :] = NAN
            continue
        scale = _stored(peak, half, grid)
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
        peak, bad = _peak(x, row)
        if bad:
            out[row, :] = NAN
            continue
        wanted = bits_of(min(max(peak / largest / whole, np.float32(2.0**-6)), largest_scale))
        scale = round_float(
            wanted, odd_of_scale, mask_of_scale, bump_of_scale, threshold_of_scale, magic_of_scale, largest_scale
        )
        step = scale * whole
        for i in range(x.shape[1]):
            scaled = bits_of(abs(x[row, i]) / step)
            value = round_float(scaled, odd_bits, mask, bump, threshold, magic, largest) * step
            out[row, i] = float_of(np.int32(bits_of(value) | np.int32(bits_of(x[row, i]) & SIGN)))
