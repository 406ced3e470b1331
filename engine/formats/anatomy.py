"""One value as a format stores it: the bits of its code field by field, the scale it shares, what they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.formats.base import Format, Packed, Part
from engine.formats.bits import unpack_bits
from engine.formats.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A value, its code in parts (the shared scale last where there is one), and what decoding gives."""

    value: float
    parts: tuple[Part, ...]
    decoded: float


def dissect(number_format: Format, row: Tensor, index: int) -> Anatomy:
    """Element `index` of a row as stored; the rest of the row is what it may share a scale with.

    Raises:
        InputError: a value that the format cannot store.
    """
    row = row.detach().float().cpu()
    start, stop = number_format.sharing(index, len(row))
    packed = number_format.pack(row[start:stop])
    place = index - start
    parts = [*number_format.parts(packed, place)]
    if "scales" in packed.tensors:
        parts.append(shared(packed.tensors["scales"]))
    return Anatomy(float(row[index]), tuple(parts), float(number_format.unpack(packed)[place]))


def code_at(packed: Packed, width: int, place: int) -> int:
    """The code of one element of a packed row, `width` bits."""
    return int(unpack_bits(packed.tensors["codes"], width, math.prod(packed.shape))[place])


def sign(bit: int) -> Part:
    """A sign bit."""
    return Part("sign", str(bit), "-" if bit else "+")


def twos_complement(code: int, width: int, fraction: int) -> Iterator[Part]:
    """Sign, integer and fraction bits, whose meanings add up; a fraction beyond the code is a step for all of it."""
    bits = f"{code:0{width}b}"
    inside = 0 < fraction < width
    whole = width - 1 - fraction if inside else width - 1
    yield Part("sign", bits[0], f"-{2**whole}" if bits[0] == "1" else "0")
    if whole:
        yield Part("integer", bits[1 : 1 + whole], str(int(bits[1 : 1 + whole], 2)))
    if inside:
        yield Part("fraction", bits[1 + whole :], f"{int(bits[1 + whole :], 2)}/{2**fraction}")
    elif fraction:
        yield Part("step", "", f"2^{-fraction}")


def magnitude(code: int, mantissa: int) -> Iterator[Part]:
    """Sign and integer of block floating point, in units of 2^(1 - mantissa)."""
    yield sign(code >> mantissa)
    low = code & ((1 << mantissa) - 1)
    yield Part("mantissa", f"{low:0{mantissa}b}", f"{low}/{2 ** (mantissa - 1)}")


def floating(code: int, exponent: int, mantissa: int, bias: int, implicit: bool = True) -> Iterator[Part]:
    """Sign, exponent and fraction of a float."""
    fraction = code & ((1 << mantissa) - 1)
    field = (code >> mantissa) & ((1 << exponent) - 1)
    yield sign(code >> (exponent + mantissa))
    normal = implicit and field > 0
    power = f"{max(field, 1)} - {bias}" if implicit else f"{field} - {bias}"
    yield Part("exponent", f"{field:0{exponent}b}", f"2^({power})")
    lead = "1 + " if normal else ""
    yield Part("fraction", f"{fraction:0{mantissa}b}", f"{lead}{fraction}/{2**mantissa}")


def power(code: int, width: int, bias: int) -> Iterator[Part]:
    """Sign and exponent of a power of two; exponent code 0 is zero."""
    field = code & (2 ** (width - 1) - 1)
    yield sign(code >> (width - 1))
    written = f"2^({field} {'-' if bias >= 0 else '+'} {abs(bias)})"
    yield Part("exponent", f"{field:0{width - 1}b}", written if field else "0")


def shared(scales: Tensor) -> Part:
    """What is shared: a byte that means a power of two, or real numbers."""
    if scales.dtype == torch.uint8:
        byte = int(scales.reshape(-1)[0])
        return Part("shared", f"{byte:08b}", "NaN" if byte == 255 else f"2^{byte - 127}")
    values = ("NaN" if math.isnan(value) else f"{value:.4g}" for value in scales.reshape(-1).tolist())
    return Part("shared", str(scales.dtype).removeprefix("torch."), " ".join(values))
