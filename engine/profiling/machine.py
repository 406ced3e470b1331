"""What this machine reaches, so that a model's time can be held against it: copies and products, measured."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cuda_kernels.timing import take_turns
from engine.exports.contract import Program

_COPIED, _SIDE, _REPEATS, _STEPS = 1 << 26, 1024, 8, 3
_LINEAR = ("Linear", "Conv1D")
_INTEGERS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""Flags of processors with products of 8-bit integers (x86: VNNI, AMX; ARM: dot product)."""
_HALVES = ("avx512_bf16", "amx_bf16", "bf16")


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes a second of a copy, read and written; floating-point operations a second of a product; what it can do."""

    copy: float
    float32: float
    bfloat16: float
    integers: bool
    halves: bool


def machine(device: str) -> Machine:
    """Measured now, with the threads that the process has."""
    source = torch.ones(_COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    wide = torch.ones(_SIDE, _SIDE, device=device)
    half = wide.to(torch.bfloat16)
    with torch.inference_mode():
        times = take_turns(
            device,
            {"copy": lambda: target.copy_(source), "float32": lambda: wide @ wide, "bfloat16": lambda: half @ half},
            _REPEATS,
        )
    operations = 2 * _SIDE**3
    flags = _flags()
    cuda = torch.device(device).type == "cuda"
    return Machine(
        2 * _COPIED / times["copy"].median,
        operations / times["float32"].median,
        operations / times["bfloat16"].median,
        cuda or any(flag in flags for flag in _INTEGERS),
        cuda or any(flag in flags for flag in _HALVES),
    )


def _flags() -> frozenset[str]:
    """What the processor says it can do; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        next((line.split(":", 1)[1] for line in lines if line.startswith(("flags", "Features"))), "").split()
    )


def operations(program: Program, inputs: dict[str, Tensor]) -> int:
    """Floating-point operations of one call, as torch counts them: those of products and attention."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        program(inputs)
    return int(counter.get_total_flops())


def share_of_linear(model: nn.Module, program: Program, inputs: dict[str, Tensor], device: str) -> float:
    """The part of a call's time that linear layers take, 0 to 1: what an engine for them alone can make shorter."""
    from engine.profiling.steps import layer_times

    spent = layer_times(model, lambda: program(inputs), device, _STEPS)
    return sum(one.own for one in spent if one.kind in _LINEAR) / max(sum(one.own for one in spent), 1e-12)
