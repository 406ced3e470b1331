"""How much memory a process has taken at most."""

import resource

import torch


def peak_memory(device: str | torch.device) -> int:
    """Bytes: on a GPU those of tensors since the process began, on the CPU the process's own with all libraries."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
