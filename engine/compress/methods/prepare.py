"""How each layer is prepared for rounding, chosen on the model as it came, a stage after the other."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch, running
from engine.compress.methods.activation_aware import Formats, Siblings, least_error
from engine.compress.methods.checkpoint import Checkpoint, Following
from engine.compress.methods.statistics import Magnitudes, without_padding
from engine.compress.methods.walk import Pass, Watcher, plan_of, steps, unseen
from engine.compress.preparation import (
    Preparation,
    Rotated,
    Scaled,
    channels_of,
    groups_of,
    parted,
    random_signs,
    refuse_prepared,
)
from engine.compress.prune_masks import mask_of
from engine.errors import InputError
from engine.layers import kind_of, weight_of
from engine.preparing import TWICE, Preparing, nothing_to_rotate, unrotatable

Chosen = tuple[dict[str, Preparation], Checkpoint | None]


def preparations(
    model: nn.Module,
    names: Sequence[str],
    preparing: Preparing,
    formats: Formats,
    batches: Sequence[Batch],
    checkpoint: Checkpoint | None = None,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Chosen:
    """How each of these layers is prepared, and the checkpoint of a calibration that follows.

    Layers that are given the same tensor share S. A layer for which S is 1, or that cannot be rotated, is left out.
    `formats` gives the specs by which awq measures errors.

    Raises:
        InputError: nothing to rotate, no batches where they are needed, a layer that nothing enters, or a model that
            is prepared already.
    """
    refuse_prepared(model, TWICE)
    if not names:
        return {}, checkpoint
    if preparing.rotates:
        return _rotations(model, names, preparing), checkpoint
    plan = plan_of(model, names, batches)
    start, kept = checkpoint.load() if checkpoint else (0, {})
    scales = {same: kept[same[0]] for stage in plan[:start] for same in stage.siblings}
    with running(model):
        for number, stage, watch in steps(model, plan, batches, start) if start < len(plan) else ():
            scales |= _scales(model, stage.siblings, preparing, formats, watch)
            report(number, len(plan))
            if checkpoint is not None:
                checkpoint.save(number, _tensors(scales))
    following = checkpoint and Following(checkpoint, len(plan), _tensors(scales))
    return _scaled(model, scales, preparing), following


def smooth_scale(inputs: Tensor, weights: Tensor, alpha: float) -> Tensor:
    """S_j = max|x_j|^α / max|w_j|^(1−α) (Xiao et al. 2022), from both maxima by channel, float64 [channels].

    A channel that nothing enters or that no weight reads has S = 1; elsewhere S stays within float32.
    """
    alive, bounds = (inputs > 0) & (weights > 0), torch.finfo(torch.float32)
    scale = (inputs**alpha / weights ** (1 - alpha)).clamp(bounds.tiny, bounds.max)
    return torch.where(alive, scale, 1.0)


def _scales(
    model: nn.Module, siblings: Sequence[Siblings], preparing: Preparing, formats: Formats, watch: Pass
) -> dict[Siblings, Tensor]:
    found = _magnitudes(model, siblings, watch)
    if preparing.kind == "awq":
        return least_error(model, {same: mean for same, (mean, _) in found.items()}, formats, watch)
    return {
        same: smooth_scale(peak, _largest_weights(model, same), preparing.alpha) for same, (_, peak) in found.items()
    }


def _magnitudes(model: nn.Module, siblings: Sequence[Siblings], watch: Pass) -> dict[Siblings, tuple[Tensor, Tensor]]:
    """Mean and max of |x| by input channel, for the layers of each input."""
    sums = {same: Magnitudes(model.get_submodule(same[0])) for same in siblings}

    def watcher(one: Magnitudes) -> Watcher:
        return lambda x, inside: one.observe(without_padding(x.float(), inside))

    watch({same[0]: watcher(one) for same, one in sums.items()})
    found = {}
    for same, one in sums.items():
        if (magnitudes := one.found()) is None:
            raise unseen(same[0])
        found[same] = magnitudes
    return found


def _largest_weights(model: nn.Module, names: Siblings) -> Tensor:
    """max|w| by input channel over the layers, float64."""
    found = []
    for layer in map(model.get_submodule, names):
        kind, weight = kind_of(layer), layer.weight
        assert kind is not None
        assert isinstance(weight, Tensor)
        found.append(parted(layer, kind.rows(weight.detach())).abs().amax((1, 2)).flatten().double())
    return torch.stack(found).amax(0)


def _tensors(scales: Mapping[Siblings, Tensor]) -> dict[str, Tensor]:
    return {same[0]: scale for same, scale in scales.items()}


def _scaled(model: nn.Module, scales: Mapping[Siblings, Tensor], preparing: Preparing) -> dict[str, Preparation]:
    chosen: dict[str, Preparation] = {}
    for same, scale in scales.items():
        if (scale != 1).any():
            one = Scaled(preparing, scale.float().to(weight_of(model.get_submodule(same[0])).device))
            chosen |= dict.fromkeys(same, one)
    return chosen


def _rotations(model: nn.Module, names: Sequence[str], preparing: Preparing) -> dict[str, Preparation]:
    """One rotation for all layers with as many inputs, on each device that they are on."""
    made: dict[tuple[int, torch.device], Preparation] = {}
    chosen: dict[str, Preparation] = {}
    reason = ""
    for name in names:
        layer = model.get_submodule(name)
        channels, groups = channels_of(layer), groups_of(layer)
        if found := unrotatable(channels, groups, mask_of(layer) is not None):
            reason = reason or f"{name}: {found}"
            continue
        signs = random_signs(channels, preparing.seed).to(weight_of(layer).device)
        chosen[name] = made.setdefault((channels, signs.device), Rotated(preparing, signs))
    if not chosen:
        raise InputError(nothing_to_rotate(reason))
    return chosen
