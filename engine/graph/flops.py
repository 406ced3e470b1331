"""Operations of one operator, counted by torch itself on tensors without storage."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

COUNTED = frozenset(
    {"linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "einsum", "bilinear", "tensordot", "inner"}
    | {f"conv{dimensions}" for dimensions in ("1d", "2d", "3d", "olution")}
    | {f"conv_transpose{dimensions}" for dimensions in ("1d", "2d", "3d")}
    | {"scaled_dot_product_attention"}
)
"""What torch's counter knows; all else is 0 by its convention, in which a multiply-add is two."""

Shape = tuple[int, ...]


def flops(operator: str, target: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> int:
    """FLOPs of one call. Tensors among the arguments are given as their shape, wrapped in `Sized`."""
    if operator not in COUNTED:
        return 0
    return _counted(target, _frozen(args), _frozen(dict(kwargs)))


class Sized:
    """Stands for a tensor of a shape and type."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: torch.dtype) -> None:
        self.shape, self.dtype = shape, dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sized) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))


@lru_cache(4096)
def _counted(target: Callable[..., Any], args: Any, kwargs: Any) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        target(*_thawed(args), **dict(_thawed(kwargs)))
    return int(counter.get_total_flops())


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(item)) for key, item in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _thawed(value: Any) -> Any:
    if isinstance(value, Sized):
        return torch.empty(value.shape, dtype=value.dtype, device="meta")
    return tuple(map(_thawed, value)) if isinstance(value, tuple) else value
