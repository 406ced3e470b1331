"""Free memory goes back to the system, at once while weights are rounded or pruned. Of glibc; elsewhere nothing.

What glibc frees it keeps for blocks of the same size. Rounding a model leaves that everywhere between the values that
stay: a third of what they take. Blocks from `LARGE` bytes on are mapped by themselves instead and unmapped when they
are free. That costs a page fault for each 4 KiB, so it does not hold where activations come and go.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

LARGE = 1 << 20
_MAPPED_FROM, _TRIMMED_FROM = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of mallopt(3)
_USUAL = {_MAPPED_FROM: 32 << 20, _TRIMMED_FROM: 64 << 20}
"""Where glibc's own thresholds end up in a process that frees large blocks: its highest, and twice that."""


@contextmanager
def returning_memory() -> Iterator[None]:
    """Within it large blocks are mapped and unmapped."""
    if (mallopt := _function("mallopt")) is None:
        yield
        return
    mallopt(_MAPPED_FROM, LARGE)
    try:
        yield
    finally:
        for threshold, size in _USUAL.items():
            mallopt(threshold, size)


def return_memory() -> None:
    """What has been freed up to now goes back, but for what shares a page with what is still held."""
    if (trim := _function("malloc_trim")) is not None:
        trim(0)


@cache
def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    """One of the C library that this process runs with; None where it has none."""
    return getattr(ctypes.CDLL(None), name, None)
