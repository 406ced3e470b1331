"""Integer codes of any width as a dense bit stream, and powers of two built from bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.formats.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 1 << 17
"""Codes that are spread into bits at a time; a multiple of 8, so that chunks end on whole bytes."""


def pack_bits(codes: Tensor, width: int) -> Tensor:
    """Non-negative integer `codes` below 2^`width`, lowest bit first, as uint8 of ceil(numel·width/8) bytes."""
    flat = codes.detach().cpu().reshape(-1).numpy().astype(np.uint32)
    if width in (8, 16, 32):
        return torch.from_numpy(flat.astype(f"<u{width // 8}").view(np.uint8))
    places = np.arange(width, dtype=np.uint32)
    parts = [
        np.packbits(((flat[start : start + _CHUNK, None] >> places) & 1).astype(np.uint8), bitorder="little")
        for start in range(0, len(flat), _CHUNK)
    ]
    return torch.from_numpy(np.concatenate(parts) if parts else np.empty(0, np.uint8))


def unpack_bits(stream: Tensor, width: int, count: int) -> Tensor:
    """The `count` codes again, int64."""
    flat = stream.cpu().numpy()
    if width in (8, 16, 32):
        return torch.from_numpy(flat.view(f"<u{width // 8}").astype(np.int64))
    places = np.arange(width, dtype=np.uint32)
    codes = np.empty(count, np.int64)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        taken = flat[start * width // 8 : -(-stop * width // 8)]
        bits = np.unpackbits(taken, count=(stop - start) * width, bitorder="little").reshape(-1, width)
        codes[start:stop] = (bits.astype(np.uint32) << places).sum(axis=1, dtype=np.int64)
    return torch.from_numpy(codes)


def without_nan(x: Tensor, spec: object) -> Tensor:
    """`x` as float32 on the CPU, for a format that has no code for NaN.

    Raises:
        InputError: where it holds NaN.
    """
    x = x.detach().float().cpu()
    if x.isnan().any():
        raise InputError(f"the tensor holds NaN, for which {spec} has no code: train again or leave this layer out")
    return x
