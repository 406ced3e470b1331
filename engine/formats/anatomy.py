"""One value as a format stores it: the bits of its code field by field, the scale it shares, what they mean."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.formats.base import Format
from engine.formats.binary import Binary, BinaryResidual, Ternary
from engine.formats.bits import unpack_bits
from engine.formats.block import BlockFloat
from engine.formats.block_log import BlockLog
from engine.formats.fixed import Fixed
from engine.formats.logarithm import Log
from engine.formats.minifloat import Minifloat


@dataclass(frozen=True, slots=True)
class Part:
    """Some bits of a code, highest first, and what they say."""

    name: str
    bits: str
    meaning: str


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
    start, stop = _sharing(number_format, index, len(row))
    shared = row[start:stop]
    packed = number_format.pack(shared)
    place = index - start
    decoded = float(number_format.unpack(packed)[place])
    codes, scales = packed.tensors["codes"], packed.tensors.get("scales")
    parts = tuple(_parts(number_format, codes, scales, place, len(shared)))
    return Anatomy(float(row[index]), parts, decoded)


def shares_scale(number_format: Format) -> bool:
    """Whether values depend on others in their row or block."""
    return isinstance(number_format, BlockFloat | BlockLog | BinaryResidual | Ternary)


def _sharing(number_format: Format, index: int, length: int) -> tuple[int, int]:
    """The part of a row that one scale serves."""
    if isinstance(number_format, BlockFloat | BlockLog):
        start = index - index % number_format.block
        return start, min(start + number_format.block, length)
    if isinstance(number_format, BinaryResidual | Ternary):
        return 0, length
    return index, index + 1


def _parts(number_format: Format, codes: Tensor, scales: Tensor | None, place: int, count: int) -> Iterator[Part]:
    def code(width: int) -> int:
        return int(unpack_bits(codes, width, count)[place])

    match number_format:
        case Fixed(width=width, fraction=int(fraction)):
            yield from _twos_complement(code(width), width, fraction)
        case Minifloat(grid=grid):
            yield from _floating(code(grid.bits), grid.exponent, grid.mantissa, grid.bias, grid.implicit)
        case Log(width=width, bias=int(bias)):
            yield from _power(code(width), width, f"2^({{}} - {bias})" if bias >= 0 else f"2^({{}} + {-bias})")
        case BlockFloat(grid=grid):
            if str(number_format).startswith("mxint"):
                yield from _twos_complement(code(grid.bits), grid.bits, grid.mantissa - 1)
            elif grid.exponent:
                yield from _floating(code(grid.bits), grid.exponent, grid.mantissa, grid.bias, grid.implicit)
            else:
                yield from _magnitude(code(grid.bits), grid.mantissa)
        case BlockLog(width=width):
            span = 2 ** (width - 1) - 1
            yield from _power(code(width), width, f"2^({{}} - {span})")
        case Binary():
            yield _sign(code(1))
        case BinaryResidual(levels=levels):
            signs = unpack_bits(codes, 1, count * levels).reshape(levels, count)[:, place]
            names = ["sign"] if levels == 1 else [f"sign {level + 1}" for level in range(levels)]
            yield from (Part(name, str(int(bit)), "-" if bit else "+") for name, bit in zip(names, signs, strict=True))
        case Ternary():
            code_of = code(2)
            yield Part("code", f"{code_of:02b}", ("0", "+1", "-1")[code_of])
        case _:
            bits = int(codes.view(torch.int32)[place]) & 0xFFFFFFFF
            yield from _floating(bits, 8, 23, 127, implicit=True)
    if scales is not None:
        yield _scale(scales)


def _sign(bit: int) -> Part:
    return Part("sign", str(bit), "-" if bit else "+")


def _twos_complement(code: int, width: int, fraction: int) -> Iterator[Part]:
    """Sign, integer and fraction bits, whose meanings add up; a fraction beyond the code is a step for all of it."""
    bits = f"{code:0{width}b}"
    inside = 0 < fraction < width
    whole = width - 1 - fraction if inside else width - 1
    yield Part("sign", bits[0], f"-{2**whole}" if bits[0] == "1" else "0")
    if whole:
        yield Part("integer", bits[1 : 1 + whole], str(int(bits[1 : 1 + whole], 2)))
    if inside:
        yield Part("fraction", bits[1 + whole :], f"{int(bits[1 + whole :], 2)}/{2**fraction}")
    else:
        yield Part("step", "", f"2^{-fraction}")


def _magnitude(code: int, mantissa: int) -> Iterator[Part]:
    """Sign and integer of block floating point, in units of 2^(1 - mantissa)."""
    yield _sign(code >> mantissa)
    low = code & ((1 << mantissa) - 1)
    yield Part("mantissa", f"{low:0{mantissa}b}", f"{low}/{2 ** (mantissa - 1)}")


def _floating(code: int, exponent: int, mantissa: int, bias: int, implicit: bool) -> Iterator[Part]:
    fraction = code & ((1 << mantissa) - 1)
    field = (code >> mantissa) & ((1 << exponent) - 1)
    yield _sign(code >> (exponent + mantissa))
    normal = implicit and field > 0
    power = f"{max(field, 1)} - {bias}" if implicit else f"{field} - {bias}"
    yield Part("exponent", f"{field:0{exponent}b}", f"2^({power})")
    lead = "1 + " if normal else ""
    yield Part("fraction", f"{fraction:0{mantissa}b}", f"{lead}{fraction}/{2**mantissa}")


def _power(code: int, width: int, written: str) -> Iterator[Part]:
    """Sign and exponent of a power of two; exponent code 0 is zero."""
    field = code & (2 ** (width - 1) - 1)
    yield _sign(code >> (width - 1))
    yield Part("exponent", f"{field:0{width - 1}b}", written.format(field) if field else "0")


def _scale(scales: Tensor) -> Part:
    """What is shared: a byte that means a power of two, or float32 numbers."""
    if scales.dtype == torch.uint8:
        byte = int(scales.reshape(-1)[0])
        return Part("shared", f"{byte:08b}", "NaN" if byte == 255 else f"2^{byte - 127}")
    values = [float(value) for value in scales.reshape(-1)]
    return Part("shared", "float32", " ".join("NaN" if math.isnan(value) else f"{value:.4g}" for value in values))
