"""Training with a teacher: logits follow another model's beside the labels (G. Hinton et al., 2015)."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.training.forward import logits_of
from engine.training.objective import Objective

WEIGHT, TEMPERATURE = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Teacher:
    """The loss is (1 − λ)·task + λ·T²·KL(teacher ‖ student) with λ = `weight` and T = `temperature`.

    `model` is in evaluation mode, on the device of the training. T² keeps the gradient's size when T changes.
    """

    model: nn.Module
    weight: float = WEIGHT
    temperature: float = TEMPERATURE

    def logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """What the teacher says of a batch, float32, without a gradient; inputs that it does not take are left out."""
        takes = inspect.signature(self.model.forward).parameters
        anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in takes.values())
        known = {name: one for name, one in inputs.items() if anything or name in takes}
        with torch.no_grad():
            return logits_of(self.model, known).float()

    def losses(self, objective: Objective, logits: Tensor, taught: Tensor, labels: Tensor) -> Tensor:
        """The loss of each student, `[1]` or `[variants]`, of its logits and the teacher's for the same batch."""
        task = objective.losses(logits, labels)
        apart = objective.divergences(logits, taught, self.temperature)
        return (1 - self.weight) * task + self.weight * self.temperature**2 * apart
