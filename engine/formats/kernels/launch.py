"""Spreads a kernel over threads.

Chunks are handed out one at a time, and a helper thread that has not begun by the time the work is gone is called off:
on a machine busy with other processes the caller never waits for a thread that has no core. The pool is made on first
use and forgotten in a forked child.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

_CHUNK = 1 << 17
"""Elements that one thread takes at a time: half a megabyte in and out, well inside a core's own cache."""

_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_forget_pool)


def launch(kernel: Callable[..., None], arrays: tuple[NDArray[Any], ...], *scalars: Any) -> None:
    """Calls `kernel(*slices, *scalars)` on slices of `arrays` along their first axis, all of the same length."""
    first = arrays[0]
    length = len(first)
    if first.size == 0:
        return
    threads = min(torch.get_num_threads(), first.size // _CHUNK)
    if threads < 2:
        kernel(*arrays, *scalars)
        return
    step = max(1, _CHUNK * length // first.size)
    starts = iter(range(0, length, step))

    def work() -> None:
        for start in starts:
            kernel(*(array[start : start + step] for array in arrays), *scalars)

    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="formats")
    helpers = [_pool.submit(work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()


def apply(
    kernel: Callable[..., None], tensors: tuple[Tensor, ...], *scalars: Any, columns: int | None = None
) -> Tensor:
    """What `kernel(*inputs, out, *scalars)` writes, in the first tensor's shape.

    The float32 CPU tensors, all of one shape, are given flat, or as `[rows, columns]`.
    """
    inputs = [tensor.detach().contiguous() for tensor in tensors]
    out = torch.empty_like(inputs[0])
    shape = (-1,) if columns is None else (-1, columns)
    launch(kernel, tuple(tensor.view(shape).numpy() for tensor in (*inputs, out)), *scalars)
    return out
