"""How a kernel is compiled, and the two casts that Numba lacks."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compiled without the interpreter lock, without fast maths (it flushes subnormals), kept on disk where allowed."""
    return _compile(function, fastmath=False)


def summing_kernel(function: F) -> F:
    """A kernel whose sums may be taken in any order, so that they vectorise; all else stays exact."""
    return _compile(function, fastmath={"reassoc"})


def prepare() -> None:
    """Registers what Numba knows of types and functions: a second spent at a first kernel otherwise."""
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _compile(function: F, fastmath: bool | set[str]) -> F:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        compiled: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        compiled = numba.njit(**options)(function)
    return cast(F, compiled)


def inline(function: F) -> F:
    """A helper of kernels, inlined where it is called."""
    return cast(F, numba.njit(inline="always", error_model="numpy")(function))


def _reinterpret(source: Any, target: Any, llvm: ir.Type) -> Any:
    def reinterpret(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], llvm)

        return (target(source), generate) if value == source else None

    return intrinsic(reinterpret)


bits_of = _reinterpret(types.float32, types.int32, ir.IntType(32))
"""A float32's bits as int32."""

float_of = _reinterpret(types.int32, types.float32, ir.FloatType())
"""The float32 with these bits."""
