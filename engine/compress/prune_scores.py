"""How much a weight matters: a score is a function of a layer and its data, a tensor in the weight's shape."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.compress.quantize import Batch, watch_inputs
from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class LayerData:
    """What is known of a layer. `norm` is the L2 norm of each input over all tokens seen, [in]; None if not asked."""

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
        raise InputError(f"wanda scores what enters a linear layer; {data.name} is none: leave it out with skip.")
    return _weight(layer).abs() * data.norm


SCORES: Mapping[str, Score] = {"random": random_score, "l1": l1_score, "wanda": wanda_score}
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
    squares: dict[str, Tensor] = {}

    def watcher(name: str) -> Callable[[Tensor], None]:
        def watch(x: Tensor) -> None:
            energy = x.detach().flatten(0, -2).double().square().sum(0)
            squares[name] = squares[name] + energy if name in squares else energy

        return watch

    linear = [name for name in names if isinstance(model.get_submodule(name), nn.Linear)]
    watch_inputs(model, {name: watcher(name) for name in linear}, list(calibration))
    return {name: energy.sqrt().float() for name, energy in squares.items()}


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight.detach()
