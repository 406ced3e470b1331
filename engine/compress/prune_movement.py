"""Masks whose scores are trained with the weights: movement pruning (V. Sanh, T. Wolf and A. Rush, 2020).

Kept are the weights with the highest scores. A score S gets the gradient ∂L/∂W' · W, with W' = W ⊙ mask, straight
through the mask: it rises while training moves the weight away from zero, also where the weight is masked.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.compress.prune_masks import Mask, mask_of, set_mask
from engine.errors import InputError
from engine.layers import live_layers, weight_of

MOVEMENT = "movement"


class TrainedMask(Mask):
    """A mask with a score for each weight, flat: weight decay spares vectors. What is not `alive` stays masked."""

    alive: Tensor

    def __init__(self, alive: Tensor) -> None:
        super().__init__(alive.clone())
        self.register_buffer("alive", alive)
        self.scores = nn.Parameter(torch.zeros(alive.numel(), device=alive.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with zeros; masked weights get no gradient, scores all do."""
        scores = self.scores.view(weight.shape)
        return super().forward(weight) + weight.detach() * (scores - scores.detach())


def trained_mask(layer: nn.Module) -> TrainedMask | None:
    """The layer's mask where its scores are being trained."""
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    laid = layer.get_submodule("parametrizations.weight")
    return next((one for one in laid.children() if isinstance(one, TrainedMask)), None)


def movement_scores(layer: nn.Module, name: str) -> Tensor:
    """The scores in the weight's shape. Raises InputError outside the training that makes them."""
    if (found := trained_mask(layer)) is None:
        raise InputError(f"{name} has no scores: movement pruning trains them during the fine-tuning; give it steps.")
    return found.scores.detach().view(weight_of(layer).shape)


def begin_movement(model: nn.Module, names: Iterable[str]) -> None:
    """Gives layers scores of zero and masks that drop nothing more than was dropped before.

    Raises:
        InputError: a layer whose number format has no zero.
    """
    _replace(model, names, lambda mask: TrainedMask(mask.clone()))


def end_movement(model: nn.Module, names: Iterable[str]) -> None:
    """Leaves plain masks where scores were trained."""
    _replace(model, names, lambda mask: Mask(mask.clone()))


def _replace(model: nn.Module, names: Iterable[str], make: Callable[[Tensor], Mask]) -> None:
    uses = live_layers(model)
    for name in names:
        layers = [model.get_submodule(one) for one in uses[name]]
        if mask_of(layers[0]) is None:
            set_mask(layers[0], torch.ones_like(weight_of(layers[0]), dtype=torch.bool), layers[1:])
        mask = mask_of(layers[0])
        assert mask is not None
        new = make(mask)
        for layer in layers:
            laid = layer.get_submodule("parametrizations.weight")
            assert isinstance(laid, nn.ModuleList)
            for place, one in enumerate(laid):
                if isinstance(one, Mask):
                    laid[place] = new
