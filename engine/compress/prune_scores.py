"""The scores of a model's weights, with what they look at: inputs and gradients over calibration samples."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.compress.batches import Batch, running, watch_inputs
from engine.compress.layers import Quantized
from engine.compress.prune_movement import MOVEMENT, movement_scores
from engine.errors import InputError
from engine.layers import CONV2D, LINEAR, TRANSPOSED, kind_of, live_layers, weight_of
from engine.scores.base import LayerData
from engine.scores.registry import SCORES
from engine.training.forward import NotFiniteError, all_finite, gradients_of, logits_of
from engine.training.objective import Objective
from engine.training.samples import Batch as Labelled


def scored(
    method: str,
    model: nn.Module,
    names: Sequence[str],
    seed: int,
    calibration: Iterable[Batch] = (),
    objective: Objective | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """The scores of every weight of the named layers, a layer at a time, in the shape of its rows, on the CPU.

    Those of all layers would take as much memory as the model. Only some methods look at the calibration batches, and
    some of these at their labels: by the `objective`.

    Raises:
        InputError: a layer that the method cannot score, or nothing to measure gradients on.
    """
    layers = {name: model.get_submodule(name) for name in names}
    if method == MOVEMENT:
        for name, layer in layers.items():
            yield name, _rows(layer, movement_scores(layer, name)).cpu()
        return
    score = SCORES[method]
    norms = _input_norms(model, names, calibration) if score.needs == "inputs" else {}
    gradients = _gradients(model, names, calibration, objective) if score.needs == "gradients" else {}
    for name, layer in layers.items():
        weight = layer.weight
        assert isinstance(weight, Tensor)
        with torch.no_grad():
            data = LayerData(name, seed, _rows(layer, weight.detach()), norms.get(name), gradients.get(name))
            found = score.of(data).cpu()
        yield name, found


def _gradients(
    model: nn.Module, names: Sequence[str], calibration: Iterable[Batch], objective: Objective | None
) -> dict[str, Tensor]:
    """By layer the gradient of the mean loss over all samples, in evaluation mode; a mask's zeros have none."""
    batches = [batch for batch in calibration if isinstance(batch, Labelled)]
    if objective is None or not batches:
        raise InputError("scores of gradients are measured on labelled training data: give data with a train set.")
    weights = [weight_of(model.get_submodule(name)) for name in names]
    trained = [weight.requires_grad for weight in weights]
    sums = [torch.zeros_like(weight) for weight in weights]
    samples = sum(len(batch.labels) for batch in batches)
    try:
        with running(model), torch.enable_grad():
            for weight in weights:
                weight.requires_grad_(True)
            for batch in batches:
                logits = logits_of(model, batch.inputs).float()
                loss = objective.losses(logits, batch.labels.to(logits.device)).sum() * (len(batch.labels) / samples)
                for total, part in zip(sums, gradients_of(loss, weights), strict=True):
                    total += part
    finally:
        for weight, was_trained in zip(weights, trained, strict=True):
            weight.requires_grad_(was_trained)
    for name, total in zip(names, sums, strict=True):
        if not all_finite(total):
            raise NotFiniteError(f"the gradient of {name} is not finite, and its weights have no score by it.")
    return {name: _rows(model.get_submodule(name), total) for name, total in zip(names, sums, strict=True)}


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


def _rows(layer: nn.Module, x: Tensor) -> Tensor:
    """What has the shape of the layer's weight as rows."""
    kind = kind_of(layer)
    assert kind is not None
    return kind.rows(x)
