"""Kernels for formats with a scale per row: arrays `[rows, columns]`. Sums are taken in float64."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.formats.kernels.compiling import kernel, summing_kernel

Floats = NDArray[np.float32]
NAN = np.float32(np.nan)


@kernel
def sign(x: Floats, out: Floats) -> None:
    """+1 where x >= 0, -0 included, else -1; NaN passes. Flat arrays."""
    for i in range(x.size):
        out[i] = np.float32(1) if x[i] >= 0 else (np.float32(-1) if x[i] < 0 else x[i])


@summing_kernel
def scaled_signs(x: Floats, out: Floats, levels: Any) -> None:
    """The sum of `levels` scaled signs, each of what the ones before left over; NaN where a mean is not finite."""
    rest = np.empty(x.shape[1], np.float32)
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            rest[i] = x[row, i]
            out[row, i] = np.float32(0)
        for _ in range(levels):
            total = 0.0
            for i in range(x.shape[1]):
                total += np.float64(abs(rest[i]))
            mean = np.float32(total / x.shape[1])
            gamma = mean if np.isfinite(mean) else NAN
            for i in range(x.shape[1]):
                part = gamma if rest[i] >= 0 else -gamma
                out[row, i] += part
                rest[i] -= part


@summing_kernel
def ternary(x: Floats, out: Floats) -> None:
    """±α outside ±Δ, 0 inside; NaN where the mean is not finite."""
    for row in range(x.shape[0]):
        total = 0.0
        for i in range(x.shape[1]):
            total += np.float64(abs(x[row, i]))
        mean = total / x.shape[1]
        delta = 0.7 * mean
        kept, count = 0.0, 0.0
        for i in range(x.shape[1]):
            magnitude = np.float64(abs(x[row, i]))
            kept += magnitude if magnitude > delta else 0.0
            count += 1.0 if magnitude > delta else 0.0
        alpha = np.float32(kept / max(count, 1.0)) if np.isfinite(mean) else NAN
        inside = np.float32(0) if np.isfinite(mean) else NAN
        for i in range(x.shape[1]):
            signed = alpha if x[row, i] >= 0 else -alpha
            out[row, i] = signed if np.float64(abs(x[row, i])) > delta else inside
