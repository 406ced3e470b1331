"""Single GPU instructions that Numba has no name for, as builders of LLVM code: `cuda.py` makes intrinsics of them.

Numba moves 16 bytes at once only where it is told to: tuples, records and complex numbers become many small accesses.
Addresses are those of `words`, pointers to 32-bit numbers, and must be aligned to 16 bytes.
"""

from typing import Any

from llvmlite import ir
from numba import types

_INDEX = ir.IntType(32)


def store_line(typing_context: Any, words: Any, i: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """`st.global.v4`: four uint32 to the i-th 16 bytes. Its twin without a GPU is `codec.store_line`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = ir.Constant(ir.VectorType(ir.IntType(32), 4), ir.Undefined)
        for place, word in enumerate(arguments[2:]):
            line = builder.insert_element(line, word, ir.Constant(_INDEX, place))
        builder.store(line, _line(builder, arguments[0], arguments[1], ir.IntType(32)), align=16)
        return context.get_dummy_value()

    return types.void(words, i, *[types.uint32] * 4), generate


def load_line(typing_context: Any, words: Any, i: Any) -> Any:
    """`ld.global.v4`: the i-th 16 bytes as four float32. Its twin is `codec.load_line`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = builder.load(_line(builder, arguments[0], arguments[1], ir.FloatType()), align=16)
        parts = [builder.extract_element(line, ir.Constant(_INDEX, place)) for place in range(4)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float32, 4)(words, i), generate


def float16_bits(typing_context: Any, value: Any) -> Any:
    """`cvt.rn.f16.f32`. Its twin is `codec.float16_bits`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        half = builder.fptrunc(arguments[0], ir.HalfType())
        return builder.zext(builder.bitcast(half, ir.IntType(16)), ir.IntType(32))

    return types.uint32(types.float32), generate


def _line(builder: Any, words: Any, i: Any, element: Any) -> Any:
    lines = builder.bitcast(words, ir.VectorType(element, 4).as_pointer())
    return builder.gep(lines, [i])
