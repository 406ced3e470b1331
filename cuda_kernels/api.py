"""The two functions everything else stands on: they check what they are given and hand it to the right backend."""

from importlib import import_module
from typing import Any

import torch

from cuda_kernels.codec import GROUPS

DTYPES = (torch.bfloat16, torch.float16, torch.float32)


def available_backends() -> tuple[str, ...]:
    """The kinds of device that the kernels run on here: always "cpu", and "cuda" with a GPU and the CUDA extra."""
    if not torch.cuda.is_available():
        return ("cpu",)
    try:
        backend(torch.device("cuda"))
    except RuntimeError:
        return ("cpu",)
    return ("cpu", "cuda")


def dequantize(
    mantissa: torch.Tensor,
    scale: torch.Tensor,
    group: int = 32,
    dtype: torch.dtype = torch.bfloat16,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """`mantissa * 2**(scale - 133)`, exact in bfloat16 and float32, and rounded once in float16.

    Groups run along the last dimension; the last of a row may be short. Scale 255 gives NaN; -128 at scale 254 gives
    -inf in bfloat16 and float32, whose range ends just below it.

    Args:
        mantissa: int8 `[..., n]`.
        scale: uint8, one for each group: `[..., ceil(n / group)]`, or any other shape with as many elements.
        group: elements that share a scale, 8 to 512.
        dtype: bfloat16, float16 or float32.
        out: where to write, contiguous, of the mantissa's shape.

    Raises:
        TypeError: a dtype is wrong.
        ValueError: a shape, device or group is wrong.

    On CUDA the kernel is queued on the current stream. The first call for a group and dtype compiles it, so make one
    before capturing a CUDA graph.
    """
    if torch.compiler.is_compiling() and out is None:
        result: torch.Tensor = dequantize_op(mantissa, scale, group, dtype)
        return result
    return _dequantize_to(out, mantissa, scale, group, dtype)


def _dequantize_to(
    out: torch.Tensor | None, mantissa: torch.Tensor, scale: torch.Tensor, group: int, dtype: torch.dtype
) -> torch.Tensor:
    _expect_dtype("mantissa", mantissa, (torch.int8,))
    _expect_dtype("scale", scale, (torch.uint8,))
    if dtype not in DTYPES:
        raise TypeError(f"dtype is {_name(dtype)}: choose {_names(DTYPES)}")
    rows, length, per_row = _layout("mantissa", mantissa, group)
    if scale.numel() != rows * per_row:
        raise ValueError(
            f"scale has {scale.numel()} elements: mantissa {list(mantissa.shape)} in groups of {group} along the last "
            f"dimension needs {rows * per_row}"
        )
    _expect_device("scale", scale, mantissa)
    if out is None:
        out = torch.empty(mantissa.shape, dtype=dtype, device=mantissa.device)
    else:
        _expect_dtype("out", out, (dtype,))
        _expect_device("out", out, mantissa)
        if out.shape != mantissa.shape or not out.is_contiguous():
            raise ValueError(f"out must be contiguous and of shape {list(mantissa.shape)}, not {list(out.shape)}")
    if out.numel():
        packed, scales = mantissa.contiguous(), scale.contiguous()
        if length % group == 0:
            rows, length, per_row = 1, rows * length, rows * per_row
        backend(mantissa.device).dequantize(
            packed.view(rows, length), scales.view(rows, per_row), out.detach().view(rows, length), group
        )
    return out


def quantize(x: torch.Tensor, group: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest MXINT8: (mantissa int8 of x's shape, scale uint8 `[..., ceil(n / group)]`).

    `scale = 127 + clamp(floor(log2 max|x|), -127, 127)` over groups along the last dimension, `mantissa =
    clamp(rne(x * 2**(133 - scale)), -127, 127)`. A group that holds NaN or infinity gets scale 255 and mantissas 0.

    Raises:
        TypeError: x is not bfloat16, float16 or float32.
        ValueError: x has no dimension, or a device or group is wrong.
    """
    if torch.compiler.is_compiling():
        packed: tuple[torch.Tensor, torch.Tensor] = quantize_op(x, group)
        return packed
    return _quantize(x, group)


def _quantize(x: torch.Tensor, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    _expect_dtype("x", x, DTYPES)
    rows, length, per_row = _layout("x", x, group)
    mantissa = torch.empty(x.shape, dtype=torch.int8, device=x.device)
    scale = torch.empty((*x.shape[:-1], per_row), dtype=torch.uint8, device=x.device)
    if x.numel():
        flat = x.detach().to(torch.float32).contiguous().view(rows, length)
        backend(x.device).quantize(flat, mantissa.view(rows, length), scale.view(rows, per_row), group)
    return mantissa, scale


def _dequantize(mantissa: torch.Tensor, scale: torch.Tensor, group: int, dtype: torch.dtype) -> torch.Tensor:
    return _dequantize_to(None, mantissa, scale, group, dtype)


def _dequantize_shape(mantissa: torch.Tensor, scale: torch.Tensor, group: int, dtype: torch.dtype) -> torch.Tensor:
    return mantissa.new_empty(mantissa.shape, dtype=dtype)


def _quantize_shape(x: torch.Tensor, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    scale = x.new_empty((*x.shape[:-1], groups_in(x.shape[-1], group)), dtype=torch.uint8)
    return x.new_empty(x.shape, dtype=torch.int8), scale


# What torch.compile sees: operators with a shape and no inside. It may run them while it compiles, to fold constants.
dequantize_op: Any = torch.library.custom_op("labtui::mxint8_dequantize", _dequantize, mutates_args=())
dequantize_op.register_fake(_dequantize_shape)
quantize_op: Any = torch.library.custom_op("labtui::mxint8_quantize", _quantize, mutates_args=())
quantize_op.register_fake(_quantize_shape)


def backend(device: torch.device) -> Any:
    """The module with this device's kernels, imported on first use.

    Raises:
        ValueError: a kind of device without kernels.
        RuntimeError: numba-cuda is not installed, or does not load beside what is.
    """
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"MXINT8 has kernels for cpu and cuda, not for {device.type}: move the tensors first")
    try:
        if device.type == "cuda":
            import_module("cuda.core")  # it launches the kernels, which would load without it
        return import_module(f"cuda_kernels.{device.type}")
    except ImportError as error:
        raise RuntimeError("MXINT8 on a GPU needs numba-cuda: `make cuda13` (or `make cuda12`) installs it") from error
    except Exception as error:  # numba-cuda 0.30 beside NumPy 2.5, say: it fails as it is loaded
        why = f"{type(error).__name__}: {error}"
        raise RuntimeError(
            f"numba-cuda does not load ({why}): `make cuda13` (or `make cuda12`) installs versions that go together"
        ) from error


def check_group(group: int) -> None:
    """Raises ValueError unless `group` is a size that the kernels take."""
    if not isinstance(group, int) or group not in GROUPS:
        raise ValueError(f"group is {group}: choose a whole number from {GROUPS.start} to {GROUPS.stop - 1}")


def groups_in(length: int, group: int) -> int:
    """How many groups cover a row of this length."""
    return -(-length // group)


def _layout(name: str, tensor: torch.Tensor, group: int) -> tuple[int, int, int]:
    """Rows, elements in a row, groups in a row."""
    check_group(group)
    if tensor.dim() == 0:
        raise ValueError(f"{name} has no dimension along which groups could run: reshape it to [1]")
    length = tensor.shape[-1]
    return (tensor.numel() // length if length else 0), length, groups_in(length, group)


def _expect_dtype(name: str, tensor: torch.Tensor, allowed: tuple[torch.dtype, ...]) -> None:
    if tensor.dtype not in allowed:
        raise TypeError(f"{name} is {_name(tensor.dtype)}: it must be {_names(allowed)}")


def _expect_device(name: str, tensor: torch.Tensor, mantissa: torch.Tensor) -> None:
    if tensor.device != mantissa.device:
        raise ValueError(f"{name} is on {tensor.device} and mantissa on {mantissa.device}: move one of them")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _names(dtypes: tuple[torch.dtype, ...]) -> str:
    return " or ".join(_name(dtype) for dtype in dtypes)
