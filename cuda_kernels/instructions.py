"""Instructions that Numba has no name for, as builders of LLVM code: `cuda.py` and `cpu.py` make intrinsics of them.

Numba moves 16 bytes at once on a GPU only where it is told to: tuples, records and complex numbers become many small
accesses. Addresses there are those of `words`, pointers to 32-bit numbers, and must be aligned to 16 bytes. On a CPU it
vectorises a loop only in steps that a group of 32 is too short for, and has no store that goes past the cache.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

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


def line_decoder(dtype: str, lanes: int, streaming: bool) -> Callable[..., Any]:
    """`decode(target, source, step)`: `lanes` numbers of `dtype` at address `target` from as many int8 at `source`.

    It is `codec.decode` and the type's encoder on vectors of a CPU. A `streaming` store goes past the cache and wants a
    target aligned to what it writes.
    """

    def decode(typing_context: Any, target: Any, source: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            to, start, scalar = arguments
            floats = ir.VectorType(ir.FloatType(), lanes)
            mantissas = builder.load(_vector_at(builder, start, ir.IntType(8), lanes), align=1)
            first = builder.insert_element(ir.Constant(floats, ir.Undefined), scalar, ir.Constant(_INDEX, 0))
            steps = _lanes_of(builder, first, first, [0] * lanes)
            numbers = _encoded(builder, builder.fmul(builder.sitofp(mantissas, floats), steps), dtype)
            pointer = _vector_at(builder, to, numbers.type.element, lanes)
            store = builder.store(numbers, pointer, align=lanes * (4 if dtype == "float32" else 2) if streaming else 1)
            if streaming:
                store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, types.float32), generate

    return decode


def _encoded(builder: Any, values: Any, dtype: str) -> Any:
    """A vector of decoded float32 in `dtype`, 16-bit types as bits: what `codec.ENCODERS` do to one number.

    LLVM drops the hint to stream where it fuses narrowing with the store: it would for float16, hence F16C by name, and
    does for fewer than 32 bfloat16, which are stored through the cache.
    """
    lanes = values.type.count
    if dtype == "float32":
        return values
    if dtype == "bfloat16":
        whole = ir.VectorType(ir.IntType(32), lanes)
        upper = builder.lshr(builder.bitcast(values, whole), ir.Constant(whole, [16] * lanes))
        return builder.trunc(upper, ir.VectorType(ir.IntType(16), lanes))
    eight = ir.FunctionType(ir.VectorType(ir.IntType(16), 8), [ir.VectorType(ir.FloatType(), 8), ir.IntType(32)])
    convert = cgutils.get_or_insert_function(builder.module, eight, "llvm.x86.vcvtps2ph.256")
    nearest_even = ir.Constant(ir.IntType(32), 0)
    parts = [
        builder.call(convert, [_lanes_of(builder, values, values, range(first, first + 8)), nearest_even])
        for first in range(0, lanes, 8)
    ]
    while len(parts) > 1:
        parts = [
            _lanes_of(builder, low, high, range(2 * low.type.count))
            for low, high in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def _lanes_of(builder: Any, low: Any, high: Any, places: Sequence[int]) -> Any:
    """The lanes at these places of two vectors, end to end."""
    return builder.shuffle_vector(low, high, ir.Constant(ir.VectorType(_INDEX, len(places)), list(places)))


def _vector_at(builder: Any, address: Any, element: Any, lanes: int) -> Any:
    return builder.inttoptr(address, ir.VectorType(element, lanes).as_pointer())


def _line(builder: Any, words: Any, i: Any, element: Any) -> Any:
    lines = builder.bitcast(words, ir.VectorType(element, 4).as_pointer())
    return builder.gep(lines, [i])
