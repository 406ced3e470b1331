"""softmax(QKᵀ/√d)V written out, against `scaled_dot_product_attention` with each of its backends."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from cuda_kernels.timing import Timing, take_turns
from engine.profiling.peak import peak_bytes

NAIVE = "naive"
BACKENDS: Mapping[str, Mapping[str, SDPBackend]] = {
    "cpu": {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION},
    "cuda": {
        "math": SDPBackend.MATH,
        "flash": SDPBackend.FLASH_ATTENTION,
        "efficient": SDPBackend.EFFICIENT_ATTENTION,
        "cudnn": SDPBackend.CUDNN_ATTENTION,
    },
}
REFERENCE_SCORES = 1 << 24  # numbers in float64 at once: 128 MiB, a few times over


@dataclass(frozen=True, slots=True)
class Shape:
    """`heads` counts those of all texts. `causal`: a token sees none after it."""

    heads: int
    length: int
    head_size: int
    dtype: torch.dtype
    causal: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compute it: seconds, bytes at the peak beyond its inputs, largest difference from float64.

    `note` says why it was not measured; the rest is None then.
    """

    name: str
    time: Timing | None = None
    memory: int | None = None
    difference: float | None = None
    note: str = ""


def measure(shape: Shape, device: str, repeats: int, seed: int, progress: Callable[[str], None]) -> list[Way]:
    """Naive attention and each backend on the same random inputs, timed in turns, in inference mode."""
    generator = torch.Generator().manual_seed(seed)
    size = (1, shape.heads, shape.length, shape.head_size)
    query, key, value = (torch.randn(size, generator=generator).to(device, shape.dtype) for _ in range(3))
    fused = partial(functional.scaled_dot_product_attention, query, key, value, is_causal=shape.causal)
    backends = BACKENDS[torch.device(device).type]
    # Naive attention asks for a backend too: choosing one takes time, and all are to pay for it.
    calls = {NAIVE: _with(SDPBackend.MATH, lambda: naive(query, key, value, shape.causal))}
    calls |= {name: _with(backend, fused) for name, backend in backends.items()}
    left_out: dict[str, Way] = {}
    facts: dict[str, tuple[int, float]] = {}
    with torch.inference_mode():
        progress("reference in float64")
        expected = reference(query, key, value, shape.causal)
        for name, call in calls.items():
            progress(name)
            try:
                difference = (call().double() - expected).abs().max().item()
                facts[name] = peak_bytes(call, device), difference
            except RuntimeError as error:  # no kernel for this shape and type, or out of memory
                left_out[name] = Way(name, note=_reason(error))
        progress("timing")
        possible = {name: calls[name] for name in facts}
        times = take_turns(device, possible, repeats, kernels_alone=True) if facts else {}
    return [left_out.get(name) or Way(name, times[name], *facts[name]) for name in calls]


def naive(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """`[..., length, head]` to the same, through the whole matrix of scores, in the inputs' type."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    return scores.softmax(-1) @ value


def reference(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """The same in float64, a few queries of a head at a time, so that few rows of scores are there at once."""
    length = query.shape[-2]
    at_once = max(1, REFERENCE_SCORES // length)
    result = torch.empty_like(query, dtype=torch.float64)
    for head in range(query.shape[1]):
        keys, values = key[0, head].double(), value[0, head].double()
        for first in range(0, length, at_once):
            queries = query[0, head, first : first + at_once].double()
            scores = queries @ keys.T / math.sqrt(query.shape[-1])
            if causal:
                seen = torch.arange(length, device=scores.device)
                scores.masked_fill_(seen > seen[first : first + at_once, None], -math.inf)
            result[0, head, first : first + at_once] = scores.softmax(-1) @ values
    return result


def _with(backend: SDPBackend, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
    def chosen() -> Tensor:
        with sdpa_kernel([backend]):
            return call()

    return chosen


def _reason(error: RuntimeError) -> str:
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "out of memory"
    return "no kernel for this shape and type here"
