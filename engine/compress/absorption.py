"""Which operation can divide by S in the place of the layers after it, told by a run of the model.

What made a tensor and what takes it is seen in the operations of one run: no names of any family of models. Whether a
division may move is then tried out with powers of two, which scale floating-point numbers exactly: what enters the
layers must be their input divided by S, and what the model gives must stay the same, bit for bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.batches import running
from engine.compress.dataflow import Dataflow
from engine.compress.layers import Quantized
from engine.compress.methods.stages import tensors
from engine.compress.preparation import channels_of
from engine.compress.prune_masks import threshold_of
from engine.compress.prune_units import example_inputs
from engine.layers import kind_of, live_layers, weight_of
from engine.training.forward import ForwardError, forward

Group = tuple[str, ...]
"""Layers that are given the same tensor."""
OCTAVES = 8
"""Powers of two that are tried lie between 2^−8 and 2^8: far enough to meet what is not linear."""


def absorbers(model: nn.Module, groups: Sequence[Group]) -> dict[Group, str]:
    """For each group the norm or layer whose parameters can be divided by its S instead; where there is doubt, none.

    That is one which runs once, alone has its parameters and has as many outputs as the group has input channels, all
    of which go to the group alone. The model stays as it is.
    """
    possible = [group for group in groups if _dividable(model, group)]
    inputs = example_inputs(model)
    with running(model):
        try:
            flow = Dataflow.of(model, _sources(model), inputs)
        except ForwardError:  # it takes other inputs than it says
            return {}
        trial = _Trial(model, inputs, flow)
        candidates = {group: [name for name in flow.before(group) if _divides(flow, name, group)] for group in possible}
        found: dict[Group, str] = {}
        while candidates := {group: names for group, names in candidates.items() if names}:
            now = {group: names.pop(0) for group, names in candidates.items()}
            passed = trial.passed(now)
            found |= {group: now[group] for group in passed}
            candidates = {group: names for group, names in candidates.items() if group not in passed}
        if found and not trial.same(found):
            return {group: name for group, name in found.items() if trial.same({group: name})}
    return found


def absorb(module: nn.Module, scale: Tensor) -> None:
    """Divides what a norm or layer gives by S, `scale` [outputs]: its parameters become others, divided by it."""
    kind = kind_of(module)
    for owner, name in _parameters(module):
        old = owner.get_parameter(name)
        rows = old.detach() if kind is None or old.dim() == 1 else kind.rows(old.detach())
        divided = rows / scale.to(rows).view(-1, *[1] * (rows.dim() - 1))
        shaped = divided if rows.dim() == 1 or kind is None else kind.shaped(divided, old.shape)
        setattr(owner, name, nn.Parameter(shaped.contiguous(), old.requires_grad))


def _parameters(module: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Where the weight and the bias of a norm or layer stand, a weight below its mask."""
    masked = "parametrizations" in module._modules
    yield (module.get_submodule("parametrizations.weight"), "original") if masked else (module, "weight")
    if module._parameters.get("bias") is not None:
        yield module, "bias"


def _sources(model: nn.Module) -> list[str]:
    """Layers, and modules that scale channels by a weight: norms."""
    return [name for name, one in model.named_modules() if name and (kind_of(one) is not None or _scales(one))]


def _scales(module: nn.Module) -> bool:
    own = dict(module.named_parameters())
    return "weight" in own and set(own) <= {"weight", "bias"} and all(one.dim() == 1 for one in own.values())


def _dividable(model: nn.Module, group: Group) -> bool:
    """Whether only these layers use their weights, and take inputs as they come."""
    uses = live_layers(model)
    return all(len(uses[name]) == 1 and threshold_of(model.get_submodule(name)) is None for name in group)


def _divides(flow: Dataflow, name: str, group: Group) -> bool:
    """Whether a module might divide for a group: of the right size, with nothing and nobody else to divide for."""
    module, channels = flow.model.get_submodule(name), channels_of(flow.model.get_submodule(group[0]))
    kind = kind_of(module)
    if isinstance(module, Quantized) or (kind is not None and kind.table):
        return False
    rows = weight_of(module).numel() if kind is None else kind.row_shape(weight_of(module).shape)[0]
    uses = [id(one) for _, one in flow.model.named_parameters(remove_duplicate=False)]
    alone = all(uses.count(id(owner.get_parameter(own))) == 1 for owner, own in _parameters(module))
    return rows == channels and alone and flow.ends_in(name, group)


@dataclass(frozen=True)
class _Trial:
    """Divisions moved for a while, with powers of two by channel."""

    model: nn.Module
    inputs: Mapping[str, Tensor]
    flow: Dataflow

    def passed(self, absorbed: Mapping[Group, str]) -> list[Group]:
        """The groups whose every layer is given its input divided by S; each goes on with what it had before."""
        missed: set[Group] = set()

        def check(group: Group, x: Tensor) -> Tensor:
            if not torch.equal(x, self.flow.entered[group[0]]):
                missed.add(group)
            return self.flow.entered[group[0]]

        self._run(absorbed, check)
        return [group for group in absorbed if group not in missed]

    def same(self, absorbed: Mapping[Group, str]) -> bool:
        """Whether the model gives the same, bit for bit."""
        found = self._run(absorbed, lambda _, x: x)
        return len(found) == len(self.flow.results) > 0 and all(map(torch.equal, found, self.flow.results))

    def _run(self, absorbed: Mapping[Group, str], entering: Any) -> list[Tensor]:
        """What the model gives where `entering(group, x)` takes the place of each input, multiplied with S again."""
        with ExitStack() as stack:
            for place, (group, name) in enumerate(absorbed.items()):
                kind = kind_of(self.model.get_submodule(group[0]))
                assert kind is not None
                scale = _powers(channels_of(self.model.get_submodule(group[0])), place).to(self.flow.entered[group[0]])

                def enter(
                    _: nn.Module, args: tuple[Any, ...], group: Group = group, scale: Tensor = scale, kind: Any = kind
                ) -> tuple[Any, ...]:
                    x = kind.features_back(kind.features_last(args[0]) * scale)
                    return entering(group, x), *args[1:]

                stack.enter_context(_absorbing(self.model.get_submodule(name), scale))
                for layer in group:
                    stack.callback(self.model.get_submodule(layer).register_forward_pre_hook(enter).remove)
            return list(tensors(forward(self.model, self.inputs)))


@contextmanager
def _absorbing(module: nn.Module, scale: Tensor) -> Iterator[None]:
    """While it lasts a norm or layer divides what it gives by S."""
    before = [(owner, name, owner.get_parameter(name)) for owner, name in _parameters(module)]
    absorb(module, scale)
    try:
        yield
    finally:
        for owner, name, parameter in before:
            setattr(owner, name, parameter)


def _powers(channels: int, seed: int) -> Tensor:
    exponents = torch.randint(-OCTAVES, OCTAVES + 1, (channels,), generator=torch.Generator().manual_seed(seed))
    return torch.exp2(exponents.float())
