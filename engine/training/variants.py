"""Models that differ in plain numbers alone, as one: their tensors are stacked, and a step is a vmap over them.

A step of a small model leaves a GPU nearly idle; this is how a sweep fills it. Each variant gets the losses and weights
that it would get alone, up to the rounding of float32 sums: dropout draws the same mask for all, as a seed does.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.runtime.context import Context
from engine.training.state import State


class Answer(NamedTuple):
    """What `Variants` gives for a batch: `logits` `[variants, batch, classes]`."""

    logits: Tensor


class Variants(nn.Module):
    """Models of one structure, whose parameters and buffers stand in `stacked` along a first dimension.

    A tensor that all of them share stays one, and what follows from such tensors alone is computed once.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = tuple(models)  # a tuple, so that they are no submodules
        self.stacked = copy.deepcopy(models[0])
        self._shared = set[str]()  # names of tensors
        made: dict[int, tuple[Tensor, Tensor]] = {}  # by the tensor's id, which is its own while it is kept here
        for place, module in self.stacked.named_modules():
            for held in (module._parameters, module._buffers):
                for name, own in held.items():
                    if own is not None:
                        path = f"{place}.{name}" if place else name
                        made.setdefault(id(own), (own, self._stack(path, isinstance(own, nn.Parameter))))
                        held[name] = made[id(own)][1]

    def _stack(self, path: str, is_parameter: bool) -> Tensor:
        place, _, name = path.rpartition(".")
        own: list[Tensor] = [getattr(model.get_submodule(place), name) for model in self.models]
        if all(tensor is own[0] for tensor in own):
            self._shared.add(path)
            return own[0]
        values = torch.stack([tensor.detach() for tensor in own])
        return nn.Parameter(values, own[0].requires_grad) if is_parameter else values

    def forward(self, **inputs: Tensor) -> Answer:
        """Each variant's logits for the same inputs."""

        def one(tensors: dict[str, Tensor]) -> Tensor:
            logits: Tensor = functional_call(self.stacked, tensors, kwargs=inputs).logits
            return logits

        tensors = {**dict(self.stacked.named_parameters()), **dict(self.stacked.named_buffers())}
        dims = {name: None if name in self._shared else 0 for name in tensors}
        with sdpa_kernel([SDPBackend.MATH]):  # fused attention can't draw the same dropout for all
            return Answer(vmap(one, in_dims=(dims,), randomness="same")(tensors))

    def hand_back(self) -> None:
        """Gives each model its weights."""
        with torch.no_grad():
            for name, values in self.stacked.named_parameters():
                if name in self._shared:
                    continue
                for model, value in zip(self.models, values, strict=True):
                    model.get_parameter(name).copy_(value)


def can_stack(models: Sequence[nn.Module], inputs: Mapping[str, Any]) -> bool:
    """Whether the models can be `Variants`: some take steps that depend on values, or write where vmap can't."""
    try:
        with torch.no_grad():
            Variants(models)(**inputs)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a model says to being traced, it can still train alone
        return False
    return True


def clip_each(parameters: Sequence[nn.Parameter], largest: float) -> None:
    """Scales each variant's gradient down to a norm of `largest`, as `clip_grad_norm_` does for one model."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    factors = (largest / (norms + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))


class CheckpointEach:
    """`Checkpoints` of variants: each point keeps what it would keep alone, and can go on alone or with others."""

    def __init__(self, context: Context, points: Sequence[int], seconds: float) -> None:
        self._context, self._points, self._seconds = context, points, seconds
        self._kept = time.monotonic()

    def resume(self, state: State) -> None:
        """Goes on where the points stand; they must stand at the same step."""
        paths = [path for point in self._points if (path := self._context.resume(point)) is not None]
        if paths:
            state.load(*paths)

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() - self._kept >= self._seconds

    def keep(self, state: State) -> None:
        """Keeps the state now."""
        for variant, point in enumerate(self._points):
            self._context.checkpoint(point, state.step, partial(state.save, variant=variant))
        self._kept = time.monotonic()
