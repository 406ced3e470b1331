"""Where a model's bytes are: what is packed, what is not, and why it saves less than the format promises."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cuda_kernels.linear import MXInt8Linear


@dataclass(frozen=True)
class Holding:
    """The bytes of one layer's own tensors, beside what they take in float32."""

    name: str
    kind: str
    packed: bool
    bytes: int
    float_bytes: int


@dataclass(frozen=True)
class Account:
    """A model's holdings. `scratch_bytes` is what decoding the largest packed layer takes while a batch runs."""

    holdings: tuple[Holding, ...]
    scratch_bytes: int

    @property
    def bytes(self) -> int:
        """All tensors, scratch not included."""
        return sum(holding.bytes for holding in self.holdings)

    @property
    def float_bytes(self) -> int:
        """The same model in float32."""
        return sum(holding.float_bytes for holding in self.holdings)

    @property
    def saving(self) -> float:
        """The share of the float32 bytes that is saved."""
        return 1 - self.bytes / self.float_bytes if self.float_bytes else 0.0

    @property
    def ideal(self) -> float:
        """The share that packing saves on the packed layers' own weights: `(32 - 8.25) / 32` in groups of 32."""
        packed = [holding for holding in self.holdings if holding.packed]
        total = sum(holding.float_bytes for holding in packed)
        return 1 - sum(holding.bytes for holding in packed) / total if total else 0.0


def account(model: nn.Module, dtype: torch.dtype = torch.float32) -> Account:
    """One holding per layer and kind of content; `dtype` is that of the activations, and so of the scratch.

    A tensor that two layers share is counted where it is met first.
    """
    seen: set[int] = set()
    holdings = []
    scratch = 0
    for name, module in model.named_modules():
        own = [t for t in (*module.parameters(recurse=False), *module.buffers(recurse=False)) if id(t) not in seen]
        seen.update(map(id, own))
        if isinstance(module, MXInt8Linear):
            scratch = max(scratch, module.mantissa.numel() * dtype.itemsize)
            if any(t is module.mantissa for t in own):
                holdings.append(Holding(name, "MXInt8Linear", True, module.packed_bytes, 4 * module.mantissa.numel()))
            own = [t for t in own if t is module.bias]
        if own:
            holdings.append(
                Holding(name, _kind(module), False, sum(t.nbytes for t in own), sum(map(_float_bytes, own)))
            )
    return Account(tuple(holdings), scratch)


def _kind(module: nn.Module) -> str:
    return "bias" if isinstance(module, MXInt8Linear) else type(module).__name__


def _float_bytes(tensor: Tensor) -> int:
    return 4 * tensor.numel() if tensor.is_floating_point() else tensor.nbytes
