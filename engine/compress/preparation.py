"""What a prepared layer does to its inputs, and what was done to its weight: together they change nothing but rounding.

The convention, stated here once: a layer multiplies `(x / S)·R` with `(W·S)·R`, S positive for each input channel and R
orthogonal, both along the input channels, so that `(x/S)·R·((W·S)·R)ᵀ = x·Wᵀ`. Rounding sees the prepared inputs and
the prepared weight. A preparation has S or R, the other is the identity. Where the norm or layer before divides by S
(`Absorbed`), the layer multiplies its inputs as they come.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.layers import CONV1D, CONV2D, kind_of, weight_of
from engine.preparing import Preparing, block_of, prepared_already


class Preparation(nn.Module):
    """One side of the convention for inputs, the other for weights; its tensors are saved with the model."""

    def __init__(self, preparing: Preparing) -> None:
        super().__init__()
        self.preparing = preparing

    @abstractmethod
    def inputs(self, x: Tensor) -> Tensor:
        """Inputs `[..., channels]` as they are multiplied."""

    @abstractmethod
    def sharing(self) -> "Preparation":
        """A module of its own with the same tensor: `functional_call` loses a module that stands in two places."""

    @abstractmethod
    def weights(self, parts: Tensor) -> Tensor:
        """A weight `[groups, rows of a group, kernel, channels of a group]` as it is multiplied."""

    def extra_repr(self) -> str:
        """How it is written."""
        return str(self.preparing)


class Scaled(Preparation):
    """Inputs are divided by S, `scale` [channels], which the weight is multiplied with."""

    scale: Tensor

    def __init__(self, preparing: Preparing, scale: Tensor) -> None:
        super().__init__(preparing)
        self.register_buffer("scale", scale)

    def sharing(self) -> "Scaled":
        """With the same S."""
        return Scaled(self.preparing, self.scale)

    def inputs(self, x: Tensor) -> Tensor:
        """Divided by S."""
        return x / self.scale

    def weights(self, parts: Tensor) -> Tensor:
        """Multiplied with S."""
        return parts * self.scale.view(len(parts), 1, 1, -1)


class Rotated(Preparation):
    """Inputs and weight are turned by R: a sign for each channel (`signs`, int8), then a normalised Hadamard matrix.

    The matrix is of blocks of the largest power of two that divides the channels (Sylvester's construction).
    """

    signs: Tensor

    def __init__(self, preparing: Preparing, signs: Tensor) -> None:
        super().__init__(preparing)
        self.register_buffer("signs", signs)

    def sharing(self) -> "Rotated":
        """With the same signs."""
        return Rotated(self.preparing, self.signs)

    def inputs(self, x: Tensor) -> Tensor:
        """Times R."""
        return hadamard(x * self.signs)

    def weights(self, parts: Tensor) -> Tensor:
        """Times R; there is one group."""
        return hadamard(parts * self.signs)


@dataclass(frozen=True, slots=True)
class Absorbed:
    """How a layer was prepared whose S the module called `by` divides what it gives by."""

    preparing: Preparing
    by: str


def hadamard(x: Tensor) -> Tensor:
    """Times H along the last dimension, H normalised and of blocks.

    Sums and differences of halves, log2(block) times: the fast Walsh-Hadamard transform.
    """
    shape, block = x.shape, block_of(x.shape[-1])
    half = 1
    while half < block:
        first, second = x.reshape(*shape[:-1], -1, 2, half).unbind(-2)
        x = torch.stack((first + second, first - second), -2).reshape(shape)
        half *= 2
    return x * (1 / math.sqrt(block))


def random_signs(channels: int, seed: int) -> Tensor:
    """−1 or 1 for each channel, int8, the same for a seed on every machine."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randint(2, (channels,), generator=generator) - 1).to(torch.int8)


def empty(preparing: Preparing, channels: int) -> Preparation:
    """One whose tensors are still to be read."""
    if preparing.rotates:
        return Rotated(preparing, torch.ones(channels, dtype=torch.int8))
    return Scaled(preparing, torch.ones(channels))


def parted(layer: nn.Module, rows: Tensor) -> Tensor:
    """A layer's weight as `[groups, rows of a group, kernel, channels of a group]`, from its rows."""
    groups = groups_of(layer)
    channels = channels_of(layer) // groups
    return rows.reshape(groups, -1, channels, rows.shape[1] // channels).movedim(-1, 2)


def joined(parts: Tensor) -> Tensor:
    """The rows that `parted` was given."""
    return parts.movedim(2, -1).flatten(2).flatten(0, 1)


def channels_of(layer: nn.Module) -> int:
    """Input channels of a layer, those of all groups."""
    kind, shape = kind_of(layer), weight_of(layer).shape
    assert kind is not None
    return kind.channels(shape) * groups_of(layer)


def groups_of(layer: nn.Module) -> int:
    """Groups of a convolution; other layers have one."""
    return int(getattr(layer, "groups", 1)) if kind_of(layer) in (CONV1D, CONV2D) else 1


def preparation_of(layer: nn.Module) -> Preparation | None:
    """How a layer is prepared; None where it is not."""
    found = layer._modules.get("preparation")
    return found if isinstance(found, Preparation) else None


def prepared_layers(model: nn.Module) -> dict[str, Preparation]:
    """How the prepared layers of a model are prepared, by every name that they have."""
    found = ((name, preparation_of(layer)) for name, layer in model.named_modules(remove_duplicate=False))
    return {name: preparation for name, preparation in found if preparation is not None}


def refuse_prepared(model: nn.Module, reason: str) -> None:
    """Raises InputError for a model with prepared layers, for the `reason` that is given."""
    for name, preparation in prepared_layers(model).items():
        raise InputError(prepared_already(name, str(preparation.preparing), reason))
