"""How much a weight matters: a score is a function of a layer and its data, a tensor in the shape of its rows."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.compress.batches import Batch, watch_inputs
from engine.compress.layers import Quantized
from engine.compress.prune_movement import MOVEMENT, movement_scores
from engine.errors import InputError
from engine.layers import CONV2D, LINEAR, TRANSPOSED, kind_of, live_layers


@dataclass(frozen=True, slots=True)
class LayerData:
    """What is known of a layer. `norm` is the L2 norm of each input over all tokens (places of images) seen, [in], or
    [out, in · h · w] of a convolution, whose weights meet inputs of their own; None if not asked.
    """

    name: str
    seed: int
    norm: Tensor | None = None


Score = Callable[[nn.Module, LayerData], Tensor]


def random_score(layer: nn.Module, data: LayerData) -> Tensor:
    """Uniform, from the seed and the layer's name: the baseline that any method must beat."""
    generator = torch.Generator().manual_seed(data.seed ^ zlib.crc32(data.name.encode()))
    return torch.rand(_weight(layer).shape, generator=generator)


def l1_score(layer: nn.Module, data: LayerData) -> Tensor:
    """|w|."""
    return _weight(layer).abs()


def wanda_score(layer: nn.Module, data: LayerData) -> Tensor:
    """|w| times the norm of the input that it meets (M. Sun et al., 2023).

    Raises:
        InputError: the layer has no inputs to measure.
    """
    if data.norm is None:
        raise InputError(
            f"wanda scores what enters a linear layer or a convolution; {data.name} is none: leave it out with skip."
        )
    return _weight(layer).abs() * data.norm


def movement_score(layer: nn.Module, data: LayerData) -> Tensor:
    """What training has made of the layer's scores. Raises InputError where none are trained."""
    kind = kind_of(layer)
    assert kind is not None
    return kind.rows(movement_scores(layer, data.name))


SCORES: Mapping[str, Score] = {
    "random": random_score,
    "l1": l1_score,
    "wanda": wanda_score,
    MOVEMENT: movement_score,
}
_NEED_INPUTS = ("wanda",)


def scored(
    method: str, model: nn.Module, names: Sequence[str], seed: int, calibration: Iterable[Batch] = ()
) -> dict[str, Tensor]:
    """The score of every weight of the named layers, on the CPU. Only some methods look at the calibration batches."""
    norms = _input_norms(model, names, calibration) if method in _NEED_INPUTS else {}
    with torch.no_grad():
        return {
            name: SCORES[method](model.get_submodule(name), LayerData(name, seed, norms.get(name))).cpu()
            for name in names
        }


def _input_norms(model: nn.Module, names: Sequence[str], calibration: Iterable[Batch]) -> dict[str, Tensor]:
    """By layer the norm of each input; of a weight with several uses that of what enters the linear ones."""
    squares: dict[str, Tensor] = {}

    def watcher(name: str, layer: nn.Module) -> Callable[[Tensor], None]:
        def watch(x: Tensor) -> None:
            energy = _energy(layer, (layer.prepared_inputs(x) if isinstance(layer, Quantized) else x).detach())
            squares[name] = squares[name] + energy if name in squares else energy

        return watch

    uses = live_layers(model)
    watched = {
        use: watcher(name, model.get_submodule(use))
        for name in names
        for use in uses.get(name, (name,))
        if kind_of(model.get_submodule(use)) in (LINEAR, TRANSPOSED, CONV2D)
    }
    watch_inputs(model, watched, list(calibration))
    return {name: energy.sqrt().float() for name, energy in squares.items()}


def _energy(layer: nn.Module, x: Tensor) -> Tensor:
    """The sum of squares of what each weight of a row meets, float64."""
    if not isinstance(layer, nn.Conv2d):
        return x.flatten(0, -2).double().square().sum(0)
    padded = functional.pad(x, layer._reversed_padding_repeated_twice)
    # [b, in · h · w, places]
    met = functional.unfold(padded.square(), layer.kernel_size, layer.dilation, 0, layer.stride)
    return met.double().sum((0, 2)).view(layer.groups, -1).repeat_interleave(layer.out_channels // layer.groups, 0)


def _weight(layer: nn.Module) -> Tensor:
    weight, kind = layer.weight, kind_of(layer)
    assert isinstance(weight, Tensor)
    assert kind is not None
    return kind.rows(weight.detach())
