"""What calibration gathers of a layer's inputs: H = 2·XᵀX/n, and mean |x| and max |x| of each input channel."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.layers import CONV1D, CONV2D, kind_of

_PATCHES = ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
"""What a convolution's patches depend on."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The statistics of one input, which several layers may share.

    `hessian` is H, float64 [groups, columns, columns]: one group, but for a grouped convolution; its columns are those
    of the layer's weight as rows. `mean` and `peak`, float64 [channels], are of |x| for each input channel. `seen` is
    n, the rows of X: tokens, or places that a kernel stands at.
    """

    hessian: Tensor
    mean: Tensor
    peak: Tensor
    seen: int

    @property
    def columns(self) -> int:
        """Columns of a row of the weight."""
        return self.hessian.shape[-1]

    @property
    def full_rank(self) -> bool:
        """Whether there were rows enough for an H of full rank."""
        return self.seen >= self.columns


class Magnitudes:
    """Mean |x| and max |x| of each input channel of a layer, over batches; sums in float64."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self._total: Tensor | None = None
        self._peak: Tensor | None = None
        self._values = 0

    def observe(self, x: Tensor) -> None:
        """Takes one more input of the layer into account."""
        size = channels_of(self._layer, x.detach()).abs()
        if len(size) == 0:
            return
        total, peak = size.sum(0, dtype=torch.float64), size.amax(0).double()
        self._total = total if self._total is None else self._total.add_(total)
        self._peak = peak if self._peak is None else torch.maximum(self._peak, peak)
        self._values += len(size)

    def found(self) -> tuple[Tensor, Tensor] | None:
        """Mean and max, float64 [channels]; None where nothing came in."""
        if self._total is None or self._peak is None:
            return None
        return self._total / self._values, self._peak


class Statistics:
    """Sums over batches: products in float32 on the device of the input, sums in float64."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self._magnitudes = Magnitudes(layer)
        self._squares: Tensor | None = None
        self._rows = 0

    @property
    def seen(self) -> int:
        """How many rows of X there were."""
        return self._rows

    def observe(self, x: Tensor, inside: Tensor | None = None) -> None:
        """Takes one more input of the layer into account, but for what `without_padding` leaves out."""
        x = without_padding(x.detach().float(), inside)
        rows = columns_of(self._layer, x)
        if rows.shape[1] == 0:
            return
        squares = (rows.mT @ rows).double()
        self._squares = squares if self._squares is None else self._squares.add_(squares)
        self._magnitudes.observe(x)
        self._rows += rows.shape[1]

    def moments(self) -> Moments | None:
        """What was gathered; None where nothing came in."""
        found = self._magnitudes.found()
        if self._squares is None or found is None:
            return None
        return Moments(self._squares * (2 / self._rows), *found, self._rows)


def without_padding(x: Tensor, inside: Tensor | None) -> Tensor:
    """An input `[batch, tokens, channels]` as `[tokens that are inside, channels]`; any other as it is.

    `inside` is bool [batch, tokens].
    """
    tokens = inside is not None and x.dim() == inside.dim() + 1 and x.shape[:-1] == inside.shape
    return x[inside] if tokens else x


def channels_of(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer's input as `[values, channels]`."""
    if kind_of(layer) not in (CONV1D, CONV2D):
        return x.reshape(-1, x.shape[-1])
    return x.flatten(2).mT.reshape(-1, x.shape[1])


def layout(layer: nn.Module) -> tuple[object, ...]:
    """How `columns_of` lays an input out: layers that agree in this have the same X where their input is the same."""
    if kind_of(layer) not in (CONV1D, CONV2D):
        return ()
    return tuple(getattr(layer, name) for name in _PATCHES)


def columns_of(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer's input as X, `[groups, n, columns]`.

    A convolution's X holds the patch under its kernel at each place, as its weight's rows are laid out.
    """
    if kind_of(layer) not in (CONV1D, CONV2D):
        return channels_of(layer, x).unsqueeze(0)
    return _patches(layer, x)


def _patches(layer: nn.Module, x: Tensor) -> Tensor:
    """`[groups, n, channels of a group · kernel]`, padded as the layer pads."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = functional.pad(x, tuple(layer._reversed_padding_repeated_twice), mode=str(mode))  # type: ignore[arg-type]
    kernel, stride, dilation = (tuple(getattr(layer, name)) for name in ("kernel_size", "stride", "dilation"))
    if x.dim() == 3:  # one dimension is two with a height of 1
        x, kernel, stride, dilation = x.unsqueeze(2), (1, *kernel), (1, *stride), (1, *dilation)
    unfolded = functional.unfold(x, kernel, dilation=dilation, stride=stride)
    groups = int(layer.groups)  # type: ignore[arg-type]
    batch, columns, places = unfolded.shape
    return (
        unfolded.view(batch, groups, columns // groups, places)
        .permute(1, 0, 3, 2)
        .reshape(groups, -1, columns // groups)
    )
