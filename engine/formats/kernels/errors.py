"""Squared error of many fixed-point scales at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.formats.kernels.compiling import summing_kernel
from engine.formats.kernels.launch import launch

_ROW = 4096


@summing_kernel
def _fixed_errors(
    x: NDArray[np.float32], out: NDArray[np.float64], scales: NDArray[np.float32], low: Any, high: Any
) -> None:
    for row in range(x.shape[0]):
        for candidate in range(scales.size):
            scale = scales[candidate]
            step = np.float32(1) / scale
            total = 0.0
            for i in range(x.shape[1]):
                code = np.rint(x[row, i] * scale)
                if code < low:
                    code = low
                if code > high:
                    code = high
                difference = np.float64(code * step - x[row, i])
                total += difference * difference
            out[row, candidate] = total


def fixed_errors(x: Tensor, scales: list[float], low: float, high: float) -> list[float]:
    """Σ(q − x)² over a flat float32 CPU tensor for each of `scales`; the same whatever the number of threads."""
    array = x.contiguous().numpy()
    whole = array.size // _ROW * _ROW
    totals = np.zeros(len(scales))
    for part in (array[:whole].reshape(-1, _ROW), array[whole:].reshape(1, -1)):
        out = np.zeros((len(part), len(scales)))
        arguments = np.array(scales, np.float32), np.float32(low), np.float32(high)
        launch(_fixed_errors, (part, out), *arguments)
        totals += out.sum(axis=0)
    return [float(total) for total in totals]
