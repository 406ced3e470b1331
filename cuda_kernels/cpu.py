"""The codec on the CPU: Numba loops over groups, spread over as many threads as torch uses.

A plain store first reads the cache line that it is about to overwrite. Where the output is too large to stay in the
cache anyway, numbers are streamed past it. The barrier that ends a parallel loop is a locked instruction: it also
drains what is still being written.
"""

from functools import cache
from math import gcd
from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from cuda_kernels import codec, instructions

_LINE = 64  # bytes of a cache line, and of the widest vector
_LANES = 8  # numbers that a vector must have at least to be worth it
_LARGE = 16 << 20  # bytes of output from which streaming pays
_SHARES = 4  # pieces of work per thread, so that a thread which lost its core holds up little

_BITS = {torch.float32: torch.uint32, torch.bfloat16: torch.uint16, torch.float16: torch.uint16}
_UNITS = np.array([codec.unit(code) for code in range(256)], np.float32)

_decode, _magnitude, _shared_scale = njit(codec.decode), njit(codec.magnitude), njit(codec.shared_scale)
_normalizer, _encode = njit(codec.normalizer), njit(codec.encode)


def dequantize(mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`mantissa` and `out` `[rows, length]`, `scale` `[rows, ceil(length / group)]`, all contiguous."""
    dtype = str(out.dtype).removeprefix("torch.")
    lanes = gcd(group, _LINE // out.element_size())
    _use_threads()
    if mantissa.shape[1] % group == 0 and lanes >= _LANES and _has_vectors(dtype):
        streaming = out.nbytes >= _LARGE and out.data_ptr() % _LINE == 0
        decoder = _line_decoder(dtype, lanes, streaming)
    else:
        decoder = _decoder(dtype)
    decoder(_array(mantissa), _array(scale), _array(out), group)


def quantize(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, group: int) -> None:
    """The inverse, from float32, into tensors of the same shapes."""
    _use_threads()
    _encoder()(x.numpy(), scale.numpy(), mantissa.numpy(), group)


def linear_row(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`out[o] = sum_i weight[o, i] * x[i]` from the packed weight, in float32. A row is a whole number of groups."""
    _use_threads()
    _row_kernel()(
        x.numpy().reshape(-1, group), mantissa.numpy().reshape(len(out), -1, group), scale.numpy(), out.numpy()
    )


@cache
def _line_decoder(dtype: str, lanes: int, streaming: bool) -> Any:
    """For whole groups of a multiple of `lanes` numbers, wherever their rows end."""
    line, width = intrinsic(instructions.line_decoder(dtype, lanes, streaming)), 4 if dtype == "float32" else 2

    def kernel(mantissa: Any, scale: Any, out: Any, group: int) -> None:
        source, target, groups = mantissa.ctypes.data, out.ctypes.data, scale.size
        scales = scale.reshape(groups)
        pieces = _SHARES * numba.get_num_threads()
        for piece in prange(pieces):
            for b in range(groups * piece // pieces, groups * (piece + 1) // pieces):
                step = _UNITS[scales[b]]
                for i in range(b * group, (b + 1) * group, lanes):
                    line(target + width * i, source + i, step)

    return njit(kernel, parallel=True)


@cache
def _decoder(dtype: str) -> Any:
    bits = njit(codec.ENCODERS[dtype])

    def work(mantissa: Any, scale: Any, out: Any) -> None:
        count, size = mantissa.shape
        for b in range(count):
            step = _UNITS[scale[b]]
            for i in range(size):
                out[b, i] = bits(_decode(mantissa[b, i], step))

    return _over_rows(work)


@cache
def _encoder() -> Any:
    def work(x: Any, scale: Any, mantissa: Any) -> None:
        count, size = x.shape
        for b in range(count):
            largest = np.uint32(0)
            for i in range(size):
                largest = max(largest, _magnitude(x[b, i]))
            code = _shared_scale(largest)
            scale[b] = code
            if code == 255:
                mantissa[b] = 0
            else:
                factor = _normalizer(code)
                for i in range(size):
                    mantissa[b, i] = _encode(x[b, i], factor)

    return _over_rows(work)


def _over_rows(work: Any) -> Any:
    """Threads share rows, or where there are few rows the groups of a row; `[group, place]` is how a share is seen.

    The group size stays a run-time number and places a second index: Numba then vectorises the loop over places.
    """
    work = njit(work)

    def kernel(source: Any, scale: Any, target: Any, group: int) -> None:
        rows, length = source.shape
        groups = length // group
        pieces = _SHARES * numba.get_num_threads()
        shares = 1 if rows >= pieces else max(min(pieces, groups), 1)
        for job in prange(rows * shares):
            row, share = job // shares, job % shares
            a, b = groups * share // shares, groups * (share + 1) // shares
            span = slice(a * group, b * group)
            work(source[row, span].reshape(b - a, group), scale[row, a:b], target[row, span].reshape(b - a, group))
            rest = length - groups * group
            if share + 1 == shares and rest:
                span = slice(groups * group, length)
                work(source[row, span].reshape(1, rest), scale[row, groups:], target[row, span].reshape(1, rest))

    return njit(kernel, parallel=True)


@cache
def _row_kernel() -> Any:
    def dot(x: Any, mantissa: Any, scale: Any) -> Any:
        per_row, size = mantissa.shape
        total = np.float32(0)
        for b in range(per_row):
            part = np.float32(0)
            for i in range(size):
                part += np.float32(mantissa[b, i]) * x[b, i]
            total += part * _UNITS[scale[b]]
        return total

    dot = njit(dot, fastmath={"reassoc", "contract"})  # any order of adding; subnormals and NaN stay what they are

    def kernel(x: Any, mantissa: Any, scale: Any, out: Any) -> None:
        for row in prange(len(out)):
            out[row] = dot(x, mantissa[row], scale[row])

    return njit(kernel, parallel=True)


def _array(tensor: torch.Tensor) -> Any:
    """The tensor's memory for Numba, floating point as bits."""
    return tensor.view(_BITS.get(tensor.dtype, tensor.dtype)).numpy()


def _has_vectors(dtype: str) -> bool:
    """Whether Numba compiles, for a CPU that makes `dtype` of a vector of float32: float16 needs F16C for that."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return not numba.config.DISABLE_JIT and (dtype != "float16" or "+f16c" in features)


def _use_threads() -> None:
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
