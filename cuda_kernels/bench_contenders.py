"""The alternatives that the bench measures: eager torch, torch.compile, and Triton where it is installed.

All decode as the codec defines it, codes 0 to 6 and 255 included.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor


def contenders(device: str, group: int, dtype: torch.dtype) -> dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]]:
    """Each takes (mantissa, scale, out) and returns the decoded tensor, in `out` where it can write there."""
    torch.compiler.reset()  # or the ninth setting of a process runs eagerly, under the compiler's name
    found: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "torch eager": partial(eager, group=group),
        "torch.compile": partial(torch.compile(eager, dynamic=False), group=group),
    }
    if torch.device(device).type == "cuda" and find_spec("triton") is not None:
        from cuda_kernels import bench_triton

        found["Triton"] = partial(bench_triton.dequantize, group=group)
    return found


def eager(mantissa: Tensor, scale: Tensor, out: Tensor, group: int) -> Tensor:
    """The codec as tensor operations."""
    code = scale.to(torch.int32)
    bits = torch.where(code > 6, (code - 6) << 23, 1 << (code + 16).clamp(max=22))
    step = torch.where(code == 255, 0x7FC00000, bits).view(torch.float32)
    values = mantissa.view(-1, group).to(torch.float32) * step[:, None]
    return out.view(-1, group).copy_(values).view(-1)
