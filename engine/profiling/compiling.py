"""torch.compile against eager: what the first call costs, what later ones save, and where the graph breaks."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cuda_kernels.timing import Timing, take_turns
from engine.errors import InputError
from engine.profiling.specimen import Specimen, outputs, synchronize


@dataclass(frozen=True, slots=True)
class Compilation:
    """Times in seconds; `difference` is the largest of any output, beside the `largest` output itself.

    `start_up` is what the compiler takes to get going: its imports, and its checks of processor and tools, which
    caches spare later processes. `first_call` is the model's own.
    """

    start_up: float
    first_call: float
    eager: Timing
    compiled: Timing
    graphs: int
    breaks: tuple[str, ...]
    difference: float
    largest: float


def measure(specimen: Specimen, device: str, repeats: int, progress: Callable[[str], None]) -> Compilation:
    """Compiles anew, whatever caches there are, and takes turns with the eager model, in inference mode.

    Raises:
        InputError: torch.compile cannot compile this model here, or its outputs are no numbers.
    """
    from torch._inductor import config

    with torch.inference_mode(), config.patch(force_disable_caches=True):
        expected = outputs(specimen.checked())
        synchronize(device)
        torch._dynamo.reset()
        compiled: Any = torch.compile(specimen.model, dynamic=False)
        trivial: Any = torch.compile(torch.neg)
        try:
            progress("starting the compiler")
            start_up, _ = _timed(lambda: trivial(torch.ones(64, device=device)), device)
            progress("compiling")
            first_call, result = _timed(lambda: compiled(**specimen.inputs), device)
        except Exception as error:  # the compiler's own failures are of many types
            raise InputError(f"torch.compile cannot compile {specimen.name} here: {_reason(error)}.") from error
        found = outputs(result)
        progress("timing")
        times = take_turns(device, {"eager": specimen, "compiled": lambda: compiled(**specimen.inputs)}, repeats)
        progress("looking for graph breaks")
        graphs, breaks = graph_breaks(specimen.model, specimen)
    return Compilation(
        start_up,
        first_call,
        times["eager"],
        times["compiled"],
        graphs,
        breaks,
        max(((a.double() - b.double()).abs().max().item() for a, b in zip(found, expected, strict=True)), default=0.0),
        max((a.double().abs().max().item() for a in expected), default=0.0),
    )


def _timed(call: Callable[[], Any], device: str) -> tuple[float, Any]:
    """Seconds until the device is done, and the result."""
    began = time.perf_counter()
    result = call()
    synchronize(device)
    return time.perf_counter() - began, result


def graph_breaks(model: nn.Module, specimen: Specimen) -> tuple[int, tuple[str, ...]]:
    """How many graphs the forward falls into, and why: a reason for each break with the line it comes from."""
    torch._dynamo.reset()
    told: Any = torch._dynamo.explain(model)(**specimen.inputs)
    torch._dynamo.reset()
    return told.graph_count, tuple(dict.fromkeys(map(_break, told.break_reasons)))


def _break(found: Any) -> str:
    reason = str(found.reason).strip().splitlines()[0].rstrip(".")
    if reason.startswith("generic_jump"):  # the compiler's word for it
        reason = "a branch on a tensor's value"
    where = found.user_stack[-1] if found.user_stack else None
    return reason if where is None else f"{reason} ({Path(where.filename).name}, line {where.lineno})"


def _reason(error: Exception) -> str:
    return (
        next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip()[:200].rstrip(".")
    )
