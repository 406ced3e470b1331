"""Integer codes of any width as a dense bit stream, and powers of two built from bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.formats.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

_GROUP = 8
"""As many codes end on a whole byte, whatever their width: they are `width` bytes."""
_CHUNK = 1 << 14
"""Groups at a time: what is made of them stays within a core's own cache."""


def pack_bits(codes: Tensor, width: int) -> Tensor:
    """Non-negative integer `codes` below 2^`width`, lowest bit first, as uint8 of ceil(numel·width/8) bytes."""
    flat = codes.detach().cpu().reshape(-1).numpy()
    if width in (8, 16, 32):
        return torch.from_numpy(flat.astype(f"<u{width // 8}").view(np.uint8))
    stream = np.empty((-(-len(flat) // _GROUP), width), np.uint8)
    for start in range(0, len(stream), _CHUNK):
        columns = _columns(flat, _GROUP, start, width)
        packed = np.zeros((width, columns.shape[1]), np.uint8)
        for place, shift, span in _spans(width):
            spread = columns[place] << shift
            for number, byte in enumerate(span):
                packed[byte] |= (spread >> 8 * number).astype(np.uint8)
        stream[start : start + _CHUNK] = packed.T
    return torch.from_numpy(stream.reshape(-1)[: -(-len(flat) * width // 8)])


def unpack_bits(stream: Tensor, width: int, count: int) -> Tensor:
    """The `count` codes again, int64."""
    flat = stream.cpu().numpy()
    if width in (8, 16, 32):
        return torch.from_numpy(flat.view(f"<u{width // 8}").astype(np.int64))
    codes = np.empty((-(-count // _GROUP), _GROUP), np.int64)
    for start in range(0, len(codes), _CHUNK):
        columns = _columns(flat, width, start, width)
        found = np.empty((_GROUP, columns.shape[1]), columns.dtype)
        for place, shift, span in _spans(width):
            value = columns[span[0]] >> shift
            for number, byte in enumerate(span[1:], 1):
                value |= columns[byte] << 8 * number - shift
            found[place] = value & (1 << width) - 1
        codes[start : start + _CHUNK] = found.T
    return torch.from_numpy(codes.reshape(-1)[:count])


def _columns(flat: Any, size: int, start: int, width: int) -> Any:
    """A chunk of groups of `size` each, the last filled up with zeros, as [size, groups], wide enough for a code."""
    part = flat[start * size : (start + _CHUNK) * size]
    filled = np.pad(part, (0, -len(part) % size))
    return filled.reshape(-1, size).T.astype(np.uint32 if width + 7 <= 32 else np.uint64)


def _spans(width: int) -> Iterator[tuple[int, int, range]]:
    """Of each code of a group its place, the bit of its first byte that it begins at, and its bytes."""
    for place in range(_GROUP):
        first, shift = divmod(place * width, 8)
        yield place, shift, range(first, first - (-(shift + width) // 8))


def without_nan(x: Tensor, spec: object) -> Tensor:
    """`x` as float32 on the CPU, for a format that has no code for NaN.

    Raises:
        InputError: where it holds NaN.
    """
    x = x.detach().float().cpu()
    if x.numel() and x.amax().isnan():  # where there is one it is the largest; `isnan` takes memory of its size
        raise InputError(f"the tensor holds NaN, for which {spec} has no code: train again or leave this layer out")
    return x
