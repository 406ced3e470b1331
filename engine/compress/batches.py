"""Calibration batches: how a model is run over them, and what is watched meanwhile."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.training.forward import forward


class InputBatch(Protocol):
    """A batch that keeps the model's keyword arguments apart from labels."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """Keyword arguments of the model's forward."""


Batch = Mapping[str, Any] | InputBatch


def inputs_of(batch: Batch) -> Mapping[str, Tensor]:
    """What the model is called with."""
    return batch if isinstance(batch, Mapping) else batch.inputs


def tokens_of(batch: Batch) -> Tensor | None:
    """Which places of a batch hold tokens, bool [batch, tokens]; None where all do."""
    mask = inputs_of(batch).get("attention_mask")
    return mask.bool() if isinstance(mask, Tensor) and mask.dim() == 2 else None


def watch_inputs(model: nn.Module, watchers: Mapping[str, Callable[[Tensor], None]], batches: Sequence[Batch]) -> None:
    """Runs the model over the batches in evaluation mode; each watcher sees what enters its layer.

    Raises:
        ForwardError: the model's own code raised.
    """
    if not watchers or not batches:
        return
    with running(model), ExitStack() as hooks:
        for name, watch in watchers.items():
            hook = model.get_submodule(name).register_forward_pre_hook(lambda _, args, watch=watch: watch(args[0]))
            hooks.callback(hook.remove)
        for batch in batches:
            forward(model, inputs_of(batch))


@contextmanager
def running(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module's mode is restored."""
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, was_training in training.items():
            module.training = was_training
