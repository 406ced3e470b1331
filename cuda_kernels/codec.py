"""The MXINT8 codec, one number at a time.

Plain functions, so that there is one definition: Numba compiles them for the CPU (`cpu.py`) and for CUDA (`cuda.py`),
and the CUDA simulator runs them as Python. A value is `mantissa * 2**(scale - 133)`; scale 255 is NaN (OCP Microscaling
Formats v1.0, MXINT8: two's complement with six fraction bits, and an E8M0 scale with bias 127).

Numba gives `int32 << int32` the type int64 when it compiles and NumPy does not, so no function here relies on a shift
that falls off the left edge, and every constant that meets an unsigned number is typed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

GROUPS = range(8, 513)

_NAN = 0x7FC00000
_SIGN_CLEARED = np.uint32(0x7FFFFFFF)
_ALIGN = np.float32(1.5 * 2**17)  # floats around it are 2**-6 apart
_ALIGN_BITS = np.int32(0x48400000)
_FLOAT_INF = np.uint32(0x7F800000)
_HALF_INF = np.uint32(0x7C00)
_HALF_NORMAL = np.uint32(0x38800000)  # 2**-14, the smallest normal float16
_HALF_ULP = np.float32(0.5)  # floats above it are 2**-24 apart, as subnormal float16 are
_HALF_ULP_BITS = np.uint32(0x3F000000)
_HALF_REBIAS = np.uint32(112 << 23)


# decode ---------------------------------------------------------------------------------------------------------------


def unit(scale: Any) -> np.float32:
    """What one step of the mantissa is worth: `2**(scale - 133)`, a subnormal float32 for scale <= 6, NaN for 255."""
    code = int(scale)
    if code == 255:
        bits = _NAN
    elif code > 6:
        bits = (code - 6) << 23
    else:
        bits = 1 << (code + 16)
    return np.uint32(bits).view(np.float32)


def decode(mantissa: Any, step: Any) -> np.float32:
    """The value, exact: eight bits times a power of two, never below 2**-133. Only -128 at scale 254 overflows."""
    return np.float32(np.float32(mantissa) * step)


def float32_bits(value: Any) -> np.uint32:
    """The value as it is."""
    return np.float32(value).view(np.uint32)


def bfloat16_bits(value: Any) -> np.uint32:
    """The upper half of a decoded value: no rounding, because its lower half is zero."""
    return np.float32(value).view(np.uint32) >> np.uint32(16)


def float16_bits(value: Any) -> np.uint32:
    """A decoded value rounded once to float16, to nearest even. Its eight bits fit unless the result is subnormal;
    overflow gives infinity.
    """
    bits = np.float32(value).view(np.uint32)
    size = bits & _SIGN_CLEARED
    if size > _FLOAT_INF:
        half = np.uint32(0x7E00)
    elif size < _HALF_NORMAL:  # the addition rounds to multiples of 2**-24
        half = np.float32(np.uint32(size).view(np.float32) + _HALF_ULP).view(np.uint32) - _HALF_ULP_BITS
    else:
        half = np.uint32(min((size - _HALF_REBIAS) >> np.uint32(13), _HALF_INF))
    return ((bits >> np.uint32(16)) & np.uint32(0x8000)) | half


ENCODERS: dict[str, Callable[[Any], np.uint32]] = {
    "float32": float32_bits,
    "bfloat16": bfloat16_bits,
    "float16": float16_bits,
}


# encode ---------------------------------------------------------------------------------------------------------------


def magnitude(x: Any) -> np.uint32:
    """Bits of |x|. They order like |x| itself, with infinity and NaN on top."""
    return np.float32(x).view(np.uint32) & _SIGN_CLEARED


def shared_scale(largest: Any) -> np.uint32:
    """Scale code for a group whose largest magnitude has these bits: its exponent field, which is
    `127 + clamp(floor(log2), -127, 127)`, and 255 (NaN) where the group holds NaN or infinity.
    """
    return np.uint32(largest) >> np.uint32(23)


def normalizer(scale: Any) -> np.float32:
    """`2**(127 - scale)`: brings the group into (-2, 2). The 2**-127 that belongs to 254 is a subnormal."""
    code = int(scale)
    bits = 0x00400000 if code >= 254 else (254 - code) << 23
    return np.uint32(bits).view(np.float32)


def encode(x: Any, factor: Any) -> np.int32:
    """`clamp(rne(64 * x * factor), -127, 127)` for a finite x: adding a float whose neighbours are 2**-6 apart rounds,
    and the sum's bits count the steps.
    """
    steps = np.int32(np.float32(np.float32(x) * factor + _ALIGN).view(np.int32) - _ALIGN_BITS)
    return min(max(steps, np.int32(-127)), np.int32(127))


# a GPU thread's share -------------------------------------------------------------------------------------------------


def mantissa_of(word: Any, i: int) -> np.int32:
    """The i-th of the int8 that a little-endian word holds."""
    byte = np.uint32(np.uint64(word) >> np.uint64(8 * i)) & np.uint32(0xFF)
    return np.int32(np.int32(byte ^ np.uint32(0x80)) - np.int32(0x80))


def store_line(out: Any, i: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """Four 32-bit words to the i-th 16 bytes of `out`. CUDA has one instruction for it (`instructions.py`)."""
    out[4 * i] = a
    out[4 * i + 1] = b
    out[4 * i + 2] = c
    out[4 * i + 3] = d


def load_line(words: Any, i: Any) -> Any:
    """The i-th 16 bytes as four numbers."""
    return words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]


def line_writer(jit: Callable[..., Any], bits: Any, wide: bool, store: Any) -> Any:
    """`write(out, i, word, step)`: the i-th 16 bytes of `out` from a word of mantissas that share a step.

    `bits` is a compiled encoder. The word is a uint32 of four mantissas where the output is float32 (`wide`), and a
    uint64 of eight for a 16-bit type.
    """
    mantissa, value = jit(mantissa_of), jit(decode)

    def number(word: Any, i: int, step: Any) -> Any:
        return np.uint32(bits(value(mantissa(word, i), step)))

    number = jit(number)

    def pair(word: Any, i: int, step: Any) -> Any:
        return np.uint32(number(word, 2 * i, step) | (number(word, 2 * i + 1, step) << np.uint32(16)))

    part = number if wide else jit(pair)

    def write(out: Any, i: Any, word: Any, step: Any) -> None:
        store(out, i, part(word, 0, step), part(word, 1, step), part(word, 2, step), part(word, 3, step))

    return jit(write)
