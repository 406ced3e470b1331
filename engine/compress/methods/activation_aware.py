"""Activation-aware scales (AWQ, Lin et al. 2023): channels with large inputs are multiplied up before rounding."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.compress.layers import quantized_layer
from engine.compress.methods.statistics import without_padding
from engine.compress.methods.walk import Pass, Watcher
from engine.compress.preparation import Scaled
from engine.compress.prepared import prepared_layer
from engine.compress.prune_masks import unmasked
from engine.formats import Format, parse
from engine.formats.base import Fitter
from engine.preparing import Preparing

STEPS = 20
"""Exponents k that are tried: 0, 1/20, … 19/20."""
Siblings = tuple[str, ...]
Formats = Callable[[str], tuple[str | None, str | None]]
"""The specs of a layer's weight and of its inputs, None for float32."""


def awq_scale(mean: Tensor, k: float) -> Tensor:
    """S_j = mean|x_j|^k, divided by the geometric mean of the largest and the smallest; float64 [channels].

    A channel that nothing enters has S = 1.
    """
    alive = mean > 0
    if not alive.any():
        return torch.ones_like(mean)
    powers = mean[alive] ** k
    scale = torch.ones_like(mean)
    scale[alive] = powers / (powers.max() * powers.min()).sqrt()
    return scale


def least_error(
    model: nn.Module, means: Mapping[Siblings, Tensor], formats: Formats, watch: Pass
) -> dict[Siblings, Tensor]:
    """For the layers of each input the scale of all k whose rounded outputs are nearest to the layers' own.

    `means` holds mean |x| by channel. Squared errors are summed over outputs and layers, weights and inputs in their
    formats; of equal errors the smallest k counts.
    """
    trials = {
        same: [_Trial(model, same, awq_scale(mean, step / STEPS), formats) for step in range(STEPS)]
        for same, mean in means.items()
    }

    def fits(some: Sequence[_Trial]) -> Watcher:
        def watcher(x: Tensor, inside: Tensor | None) -> None:
            x = without_padding(x.float(), inside)
            for one in some:
                one.fit(x)

        return watcher

    def measures(some: Sequence[_Trial], same: Siblings) -> Watcher:
        layers = [unmasked(model.get_submodule(name)) for name in same]

        def watcher(x: Tensor, inside: Tensor | None) -> None:
            x = without_padding(x.float(), inside)
            outputs = [layer.forward(x) for layer in layers]
            for one in some:
                one.measure(x, outputs)

        return watcher

    if fitted := {same[0]: fits(some) for same, some in trials.items() if some[0].fitters}:
        watch(fitted)
    watch({same[0]: measures(some, same) for same, some in trials.items()})
    return {same: min(some, key=lambda one: one.error).scale for same, some in trials.items()}


class _Trial:
    """The layers of one input under one scale, and the squared error of their outputs so far."""

    def __init__(self, model: nn.Module, names: Siblings, scale: Tensor, formats: Formats) -> None:
        self.scale, self.error = scale, 0.0
        self._preparation = Scaled(Preparing("awq"), scale.float())
        self._layers = [unmasked(model.get_submodule(name)) for name in names]
        self._weights: list[Format] = []
        self._inputs: list[str] = []
        self._rounds: dict[str, Format | None] = {"": None}
        for name, layer in zip(names, self._layers, strict=True):
            weight, inputs = formats(name)
            prepared = prepared_layer(layer, self._preparation)
            self._weights.append(parse(weight or "fp32").fit(prepared.kind.rows(prepared.weight.detach())))
            self._inputs.append(inputs or "")
            if inputs:
                self._rounds[inputs] = parse(inputs)
        fitted = {spec: one for spec, one in self._rounds.items() if one is not None and one.open}
        self.fitters: dict[str, Fitter] = {spec: one.fitter() for spec, one in fitted.items()}

    def fit(self, x: Tensor) -> None:
        """Shows inputs to formats that are fitted to them."""
        first = prepared_layer(self._layers[0], self._preparation)
        for fitter in self.fitters.values():
            fitter.observe(first.kind.features_last(first.prepared_inputs(x)))

    def measure(self, x: Tensor, outputs: Sequence[Tensor]) -> None:
        """Adds the error for inputs that the layers make `outputs` of: of a batch in float32, of all in float64."""
        self._rounds |= {spec: fitter.result() for spec, fitter in self.fitters.items()}
        self.fitters = {}
        rounded: dict[str, Tensor] = {}  # what enters siblings is rounded once
        for layer, weight, inputs, output in zip(self._layers, self._weights, self._inputs, outputs, strict=True):
            prepared = prepared_layer(layer, self._preparation)
            if inputs not in rounded:
                rounded[inputs] = quantized_layer(prepared, weight, None, self._rounds[inputs]).rounded_inputs(x)
            prepared.preparation = None
            missed = (quantized_layer(prepared, weight).forward(rounded[inputs]) - output).flatten()
            self.error += float(missed @ missed)
