"""How much memory a process has taken at most."""

import resource
from contextlib import suppress
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")


def peak_memory(device: str | torch.device) -> int:
    """Bytes: on a GPU those of tensors since the process began, on the CPU what the process had of its own.

    Pages that are mapped from files, a model's weights and libraries, are not counted: the system takes them back when
    it needs room. Where it does not say which those are, they are.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with suppress(OSError, ValueError, KeyError):
        lines = (line.split(":", 1) for line in _STATUS.read_text(encoding="ascii").splitlines())
        facts = {name: int(value.split()[0]) for name, value in lines if name in ("VmHWM", "RssFile")}
        return 1024 * (facts["VmHWM"] - facts["RssFile"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
