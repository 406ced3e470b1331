"""The codec in Triton, as a contender of the bench. Imported only where Triton is installed."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 2048


@triton.jit  # type: ignore[untyped-decorator]
def _kernel(mantissa, scale, out, size, group: tl.constexpr, block: tl.constexpr):  # type: ignore[no-untyped-def]
    place = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    inside = place < size
    code = tl.load(scale + place // group, mask=inside, other=0).to(tl.int32)
    bits = tl.where(code > 6, (code - 6) << 23, 1 << tl.minimum(code + 16, 22))
    step = tl.where(code == 255, 0x7FC00000, bits).to(tl.float32, bitcast=True)
    value = tl.load(mantissa + place, mask=inside, other=0).to(tl.float32) * step
    tl.store(out + place, value.to(out.dtype.element_ty), mask=inside)


def dequantize(mantissa: Tensor, scale: Tensor, out: Tensor, group: int) -> Tensor:
    """One program per 2,048 elements."""
    size = mantissa.numel()
    with torch.cuda.device(mantissa.device):
        _kernel[(triton.cdiv(size, _BLOCK),)](mantissa, scale, out, size, group, _BLOCK)
    return out
