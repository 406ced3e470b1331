"""Tensors whose values were not computed: whatever would depend on them is unknown too, or is an error.

NaN alone does not tell: a comparison, an index or a cast makes an ordinary number of it.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class UnknownValueError(RuntimeError):
    """Something asked for values that were not computed."""


class Unknown(Tensor):
    """A tensor of some shape, strides, type and device. What is computed of it is unknown.

    Its values can be neither read as numbers nor written into another tensor: both raise UnknownValueError.
    """

    _stand_in: Tensor

    def __new__(cls, stand_in: Tensor) -> "Unknown":
        """Of the shape of `stand_in`, and computed with as it is."""
        made: Unknown = Tensor._make_wrapper_subclass(
            cls, stand_in.shape, stand_in.stride(), dtype=stand_in.dtype, device=stand_in.device
        )
        made._stand_in = stand_in
        return made

    @classmethod
    def like(cls, tensor: Tensor) -> "Unknown":
        """One of the shape of a floating-point tensor; it takes no memory."""
        return cls(torch.full((), torch.nan, dtype=tensor.dtype, device=tensor.device).expand(tensor.shape))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation on the stand-ins."""
        if func._schema.is_mutable:
            raise UnknownValueError(f"{func} writes values that were not computed")
        args, kwargs = pytree.tree_map_only(cls, lambda one: one._stand_in, (args, kwargs or {}))
        found = func(*args, **kwargs)
        if not all(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(found)):
            raise UnknownValueError(f"{func} reads values that were not computed")
        return pytree.tree_map(cls, found)
