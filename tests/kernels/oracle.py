"""What MXINT8 must give, in float64 arithmetic that shares nothing with the kernels."""

import numpy as np
import torch

DTYPES = (torch.bfloat16, torch.float16, torch.float32)


def all_pairs(group: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every (mantissa, scale): mantissa `[256, n]`, a row for each scale, padded with repeats to whole groups."""
    length = -(-256 // group) * group
    mantissa = (np.arange(length) % 256 - 128).astype(np.int8)
    scale = np.repeat(np.arange(256, dtype=np.uint8)[:, None], length // group, axis=1)
    return torch.from_numpy(np.tile(mantissa, (256, 1))), torch.from_numpy(scale)


def decoded(mantissa: torch.Tensor, scale: torch.Tensor, group: int) -> torch.Tensor:
    """float64 `[rows, n]`; exact, because 2**-133 to 128 * 2**121 lie inside its range."""
    per_element = np.repeat(scale.numpy().reshape(len(mantissa), -1), group, axis=1)[:, : mantissa.shape[1]]
    values = np.ldexp(mantissa.numpy().astype(np.float64), per_element.astype(np.int32) - 133)
    return torch.from_numpy(np.where(per_element == 255, np.nan, values))


def rounded(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """float64 rounded once. The way to float16 goes through NumPy: torch rounds to float32 first."""
    if dtype == torch.float16:
        with np.errstate(over="ignore"):
            return torch.from_numpy(values.numpy().astype(np.float16))
    return values.to(dtype)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """The same shape, type and values, and NaN in the same places."""
    a, b = a.cpu(), b.cpu()
    if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(a.isnan(), b.isnan()):
        return False
    return torch.equal(a.nan_to_num(0, torch.inf, -torch.inf), b.nan_to_num(0, torch.inf, -torch.inf))


def ordinary(rows: int, length: int, group: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random codes of every kind."""
    generator = torch.Generator().manual_seed(seed)
    mantissa = torch.randint(-128, 128, (rows, length), dtype=torch.int8, generator=generator)
    scale = torch.randint(0, 256, (rows, -(-length // group)), dtype=torch.uint8, generator=generator)
    return mantissa, scale
