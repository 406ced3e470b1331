"""The codec on NVIDIA GPUs. The only module that imports CUDA; `api.backend` loads it when a tensor is on a GPU.

Kernels are compiled by numba-cuda to PTX for one group size, output type and device, linked and launched by cuda.core
on torch's current stream: a launch costs half a microsecond of host time. Tensors go in as plain addresses, because
NumPy has no bfloat16.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from numba import cuda, types
from numba.core import config

from cuda_kernels import codec, instructions

THREADS = 256
ROWS = 2  # output features that one block of `row_kernel` computes
_BYTES, _WORDS, _LONGS = (types.CPointer(t) for t in (types.uint8, types.uint32, types.uint64))
_FLOATS, _INTS = types.CPointer(types.float32), types.CPointer(types.int8)
_OUT = {"float32": _WORDS, "bfloat16": types.CPointer(types.uint16), "float16": types.CPointer(types.uint16)}


def _device(function: Any) -> Any:
    return cuda.jit(device=True)(function)


_encoders: dict[str, Any] = {dtype: _device(encoder) for dtype, encoder in codec.ENCODERS.items()}
if config.ENABLE_CUDASIM:
    _store, _load = codec.store_line, codec.load_line
else:
    from numba.cuda.extending import intrinsic

    _store, _load = intrinsic(instructions.store_line), intrinsic(instructions.load_line)
    _encoders["float16"] = intrinsic(instructions.float16_bits)

_unit, _decode, _mantissa_of = _device(codec.unit), _device(codec.decode), _device(codec.mantissa_of)
_magnitude, _shared_scale = _device(codec.magnitude), _device(codec.shared_scale)
_normalizer, _encode = _device(codec.normalizer), _device(codec.encode)


# kernels --------------------------------------------------------------------------------------------------------------


def lines_kernel(group: int, dtype: str) -> tuple[Any, Any]:
    """Whole groups, 16 bytes of output per step and two steps per thread, both loaded before either is decoded.

    Neighbouring threads take neighbouring lines, so a warp's load and store each touch one run of memory.
    """
    wide = dtype == "float32"
    write = codec.line_writer(_device, _encoders[dtype], wide, _store)
    block, tile = np.uint64(THREADS), np.uint64(2 * THREADS)
    lines_per_group = np.uint64(group // (4 if wide else 8))

    def kernel(mantissa: Any, scale: Any, out: Any, lines: Any) -> None:
        first = np.uint64(cuda.blockIdx.x) * tile + np.uint64(cuda.threadIdx.x)
        second = first + block
        if second < np.uint64(lines):
            word, next_word = mantissa[first], mantissa[second]
            code, next_code = scale[first // lines_per_group], scale[second // lines_per_group]
            write(out, first, word, _unit(code))
            write(out, second, next_word, _unit(next_code))
        elif first < np.uint64(lines):
            write(out, first, mantissa[first], _unit(scale[first // lines_per_group]))

    mantissas = _WORDS if wide else _LONGS
    return kernel, types.void(mantissas, _BYTES, _WORDS, types.int64)


def any_kernel(group: int, dtype: str) -> tuple[Any, Any]:
    """Any group, row length and alignment: a thread decodes up to eight neighbours of one group."""
    bits = _encoders[dtype]
    place = _device(_place(group))

    def kernel(mantissa: Any, scale: Any, out: Any, rows: Any, length: Any) -> None:
        index, start, stop = place(cuda.blockIdx.x * THREADS + cuda.threadIdx.x, rows, length)
        if start < stop:
            step = _unit(scale[index])
            for i in range(start, stop):
                out[i] = bits(_decode(mantissa[i], step))

    return kernel, types.void(_INTS, _BYTES, _OUT[dtype], types.int64, types.int64)


def encode_kernel(group: int, dtype: str) -> tuple[Any, Any]:
    """A thread holds up to eight neighbours; the threads of a group find its largest magnitude in shared memory."""
    place = _device(_place(group))
    threads_per_group = -(-group // 8)
    groups_per_block = THREADS // threads_per_group
    working = groups_per_block * threads_per_group

    def kernel(x: Any, mantissa: Any, scale: Any, rows: Any, length: Any) -> None:
        largest = cuda.shared.array(THREADS, types.uint32)
        thread = cuda.threadIdx.x
        local = thread // threads_per_group
        largest[thread] = 0
        cuda.syncthreads()
        index, start, stop = place(cuda.blockIdx.x * working + thread, rows, length)
        if thread >= working:
            stop = start
        mine = np.uint32(0)
        for i in range(start, stop):
            mine = max(mine, _magnitude(x[i]))
        cuda.atomic.max(largest, local, mine)
        cuda.syncthreads()
        if start < stop:
            code = _shared_scale(largest[local])
            scale[index] = code  # by each thread of the group, all the same
            factor = _normalizer(code)
            for i in range(start, stop):
                mantissa[i] = 0 if code == 255 else _encode(x[i], factor)

    return kernel, types.void(_FLOATS, _INTS, _BYTES, types.int64, types.int64)


def row_kernel(group: int, dtype: str) -> tuple[Any, Any]:
    """A row of activations times the packed weight: a block takes two output features and shares the activations."""
    longs_per_group = np.uint64(group // 8)

    def dot(word: Any, step: Any, low: Any, high: Any) -> Any:
        total = np.float32(0)
        for i in range(4):
            total += np.float32(_mantissa_of(word, i)) * low[i]
            total += np.float32(_mantissa_of(word, i + 4)) * high[i]
        return total * step

    dot = _device(dot)

    def kernel(x: Any, mantissa: Any, scale: Any, out: Any, rows: Any, length: Any) -> None:
        sums = cuda.shared.array((ROWS, THREADS), types.float32)
        thread = cuda.threadIdx.x
        first = cuda.blockIdx.x * ROWS
        second = min(first + 1, rows - 1)
        longs = length // 8
        groups = np.int64(np.uint64(longs) // longs_per_group)
        one = two = np.float32(0)
        for i in range(thread, longs, THREADS):
            low, high = _load(x, 2 * i), _load(x, 2 * i + 1)
            b = np.int64(np.uint64(i) // longs_per_group)
            one += dot(mantissa[first * longs + i], _unit(scale[first * groups + b]), low, high)
            two += dot(mantissa[second * longs + i], _unit(scale[second * groups + b]), low, high)
        sums[0, thread], sums[1, thread] = one, two
        cuda.syncthreads()
        width = THREADS // 2
        while width > 0:
            if thread < width:
                sums[0, thread] += sums[0, thread + width]
                sums[1, thread] += sums[1, thread + width]
            cuda.syncthreads()
            width //= 2
        if thread == 0:
            out[first], out[second] = sums[0, 0], sums[1, 0]

    return kernel, types.void(_FLOATS, _LONGS, _BYTES, _FLOATS, types.int64, types.int64)


def _place(group: int) -> Any:
    """A thread's eight neighbours in a group: (index of the group, first element, end), empty past the last group."""
    per_group = -(-group // 8)

    def place(thread: Any, rows: Any, length: Any) -> Any:
        groups = (length + group - 1) // group
        index, part = thread // per_group, thread % per_group
        row, column = index // groups, index % groups
        start = column * group + part * 8
        stop = min(start + 8, column * group + group, length)
        if row >= rows:
            stop = start
        return index, row * length + start, row * length + stop

    return place


# host -----------------------------------------------------------------------------------------------------------------


def dequantize(mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`mantissa` and `out` `[rows, length]`, `scale` `[rows, ceil(length / group)]`, all contiguous."""
    dtype = str(out.dtype).removeprefix("torch.")
    rows, length = mantissa.shape
    per_line = 16 // out.element_size()
    aligned = out.data_ptr() % 16 == 0 and mantissa.data_ptr() % per_line == 0
    whole = length // group * group if rows == 1 and group % 8 == 0 and aligned else 0
    if whole:
        lines = whole // per_line
        _launch(lines_kernel, group, dtype, -(-lines // (2 * THREADS)), mantissa, scale, out, lines)
    if whole < length:
        mantissa, scale, out = mantissa[:, whole:], scale[:, whole // group :], out[:, whole:]
        rest = length - whole
        _launch(any_kernel, group, dtype, -(-places(rows, rest, group) // THREADS), mantissa, scale, out, rows, rest)


def quantize(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, group: int) -> None:
    """The inverse, from float32, into tensors of the same shapes."""
    _launch(encode_kernel, group, "float32", encode_blocks(scale.numel(), group), x, mantissa, scale, *x.shape)


def linear_row(x: torch.Tensor, mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor, group: int) -> None:
    """`out[o] = sum_i weight[o, i] * x[i]` from the packed weight, in float32. A row is a whole number of groups."""
    _launch(row_kernel, group, "float32", -(-len(out) // ROWS), x, mantissa, scale, out, *mantissa.shape)


def places(rows: int, length: int, group: int) -> int:
    """How many threads `any_kernel` needs."""
    return rows * -(-length // group) * -(-group // 8)


def encode_blocks(groups: int, group: int) -> int:
    """How many blocks `encode_kernel` needs: each takes as many whole groups as its threads can hold."""
    return -(-groups // (THREADS // -(-group // 8)))


def _launch(make: Any, group: int, dtype: str, blocks: int, *arguments: Any) -> None:
    from cuda.core import Device, LaunchConfig, launch

    device = arguments[0].device
    with torch.cuda.device(device):  # gives the caller's device back; torch may not have made its own current yet
        Device(device.index).set_current()
        kernel = compiled(make, group, dtype, torch.cuda.get_device_capability(device), device.index)
        stream = _stream(torch.cuda.current_stream(device).cuda_stream, device.index)
        values = [a.data_ptr() if isinstance(a, torch.Tensor) else a for a in arguments]
        launch(stream, LaunchConfig(grid=blocks, block=THREADS), kernel, *values)


def ptx(make: Any, group: int, dtype: str, capability: tuple[int, int]) -> str:
    """The kernel's PTX. Needs no GPU."""
    kernel, signature = make(group, dtype)
    text, _ = cuda.compile(kernel, signature, device=False, abi="numba", cc=capability, output="ptx")
    return str(text)


@cache
def compiled(make: Any, group: int, dtype: str, capability: tuple[int, int], device: int) -> Any:
    """The kernel, ready to launch on the current device."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    text = ptx(make, group, dtype, capability)
    name = text.split(".visible .entry ", 1)[1].split("(", 1)[0]
    options = LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}")
    return Linker(ObjectCode.from_ptx(text.encode()), options=options).link("cubin").get_kernel(name)


@cache
def _stream(handle: int, device: int) -> Any:
    """Streams come from torch's pool, so their handles stay valid; 0 is the default stream."""
    from cuda.core import Device, Stream

    return Stream.from_handle(handle) if handle else Device(device).default_stream
