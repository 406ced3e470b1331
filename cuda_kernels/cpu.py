"""The codec on the CPU: Numba loops over groups, spread over as many threads as torch uses.

A plain store first reads the cache line that it is about to overwrite. Where the output is too large to stay in the
cache anyway, a thread decodes a few groups into a small buffer and streams the buffer past the cache instead.
"""

from functools import cache
from math import gcd
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from cuda_kernels import codec, instructions

_LINE = 64  # bytes that one non-temporal store writes
_BUFFER = 1024  # elements decoded between two streams: they stay in the first-level cache
_LARGE = 16 << 20  # bytes of output from which streaming pays
_SHARES = 4  # pieces of work per thread, so that a thread which lost its core holds up little

_BITS = {torch.float32: torch.uint32, torch.bfloat16: torch.uint16, torch.float16: torch.uint16}

_unit, _decode = njit(codec.unit), njit(codec.decode)
_magnitude, _shared_scale = njit(codec.magnitude), njit(codec.shared_scale)
_normalizer, _encode = njit(codec.normalizer), njit(codec.encode)


def dequantize(mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`mantissa` and `out` `[rows, length]`, `scale` `[rows, ceil(length / group)]`, all contiguous."""
    tile = 1
    if mantissa.shape[1] % group == 0 and out.nbytes >= _LARGE and out.data_ptr() % _LINE == 0:
        full = _LINE // gcd(_LINE, group * out.element_size())  # groups that fill lines exactly
        tile = max(_BUFFER // group // full, 1) * full
    _use_threads()
    _decoder(str(out.dtype).removeprefix("torch."))(_array(mantissa), _array(scale), _array(out), group, tile)


def quantize(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, group: int) -> None:
    """The inverse, from float32, into tensors of the same shapes."""
    _use_threads()
    _encoder()(x.numpy(), scale.numpy(), mantissa.numpy(), group, 1)


def linear_row(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`out[o] = sum_i weight[o, i] * x[i]` from the packed weight, in float32. A row is a whole number of groups."""
    _use_threads()
    _row_kernel()(
        x.numpy().reshape(-1, group), mantissa.numpy().reshape(len(out), -1, group), scale.numpy(), out.numpy()
    )


def _stream(typing_context: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy `size` bytes between two addresses, past the cache; target and size are multiples of 64.

    The barrier that ends a parallel loop is a locked instruction: it also drains what is still being written.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, start, count = arguments
        line = ir.VectorType(ir.IntType(8), _LINE).as_pointer()
        hint = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        zero, step = ir.Constant(count.type, 0), ir.Constant(count.type, _LINE)
        with cgutils.for_range_slice(builder, zero, count, step, inc=True) as (i, _):
            content = builder.load(builder.inttoptr(builder.add(start, i), line), align=1)
            store = builder.store(content, builder.inttoptr(builder.add(to, i), line), align=_LINE)
            store.set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@cache
def _decoder(dtype: str) -> Any:
    bits, stream = njit(codec.ENCODERS[dtype]), intrinsic(_stream)
    if dtype == "float16" and get_host_cpu_features().get("f16c"):
        bits = intrinsic(instructions.float16_bits)

    def groups(mantissa: Any, scale: Any, out: Any) -> None:
        count, size = mantissa.shape
        for b in range(count):
            step = _unit(scale[b])
            for i in range(size):
                out[b, i] = bits(_decode(mantissa[b, i], step))

    groups = njit(groups)

    def work(mantissa: Any, scale: Any, out: Any, tile: int) -> None:
        done = 0
        if tile > 1:
            buffer = np.empty((tile, mantissa.shape[1]), out.dtype)
            for done in range(0, len(scale) // tile * tile, tile):
                groups(mantissa[done : done + tile], scale[done : done + tile], buffer)
                stream(out[done].ctypes.data, buffer.ctypes.data, buffer.nbytes)
            done = len(scale) // tile * tile
        groups(mantissa[done:], scale[done:], out[done:])

    return _over_rows(work)


@cache
def _encoder() -> Any:
    def work(x: Any, scale: Any, mantissa: Any, tile: int) -> None:
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

    def kernel(source: Any, scale: Any, target: Any, group: int, tile: int) -> None:
        rows, length = source.shape
        tiles, end = length // group // tile, length // group
        pieces = _SHARES * numba.get_num_threads()
        shares = 1 if rows >= pieces else max(min(pieces, tiles), 1)
        for job in prange(rows * shares):
            row, share = job // shares, job % shares
            last = share + 1 == shares
            a = tiles * share // shares * tile
            b = end if last else tiles * (share + 1) // shares * tile
            span = slice(a * group, b * group)
            work(
                source[row, span].reshape(b - a, group), scale[row, a:b], target[row, span].reshape(b - a, group), tile
            )
            rest = length - end * group
            if last and rest:
                span = slice(end * group, length)
                work(source[row, span].reshape(1, rest), scale[row, end:], target[row, span].reshape(1, rest), 1)

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
            total += part * _unit(scale[b])
        return total

    dot = njit(dot, fastmath={"reassoc", "contract"})  # any order of adding; subnormals and NaN stay what they are

    def kernel(x: Any, mantissa: Any, scale: Any, out: Any) -> None:
        for row in prange(len(out)):
            out[row] = dot(x, mantissa[row], scale[row])

    return njit(kernel, parallel=True)


def _array(tensor: torch.Tensor) -> Any:
    """The tensor's memory for Numba, floating point as bits."""
    return tensor.view(_BITS.get(tensor.dtype, tensor.dtype)).numpy()


def _use_threads() -> None:
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
