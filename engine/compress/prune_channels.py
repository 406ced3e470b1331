"""Whole channels of convolutions cut out of a model, with all that depends on them, by torch-pruning's graph.

G. Fang et al., "DepGraph: Towards Any Structural Pruning", 2023: what is coupled with a channel (norms, the columns of
the layers that read it, the other side of a residual sum) is found by tracing, and goes with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch, inputs_of
from engine.compress.channel_groups import Traced, channel_groups, check_cut
from engine.compress.channel_sizes import marking
from engine.compress.layers import Quantized
from engine.compress.prune_choice import count, drop_lowest
from engine.compress.prune_scores import scored
from engine.errors import InputError
from engine.layers import CONV2D, LINEAR, kind_of, live_layers
from engine.training.objective import Objective


def cut_channels(
    model: nn.Module,
    names: Sequence[str],
    method: str,
    sparsity: float,
    together: bool,
    seed: int,
    calibration: Iterable[Batch] = (),
    objective: Objective | None = None,
) -> None:
    """Cuts the share `sparsity` of channels with the lowest scores out of each group of coupled layers, in place.

    With `together` the lowest of all groups go; one channel of each stays. A channel's score is the sum of the scores
    of all weights that would go. A group counts where one of its layers is among `names`; classes stay.

    Raises:
        InputError: no channels that can be cut, or a model whose own code cannot do without them.
    """
    batches = list(calibration)
    inputs = _some_inputs(model, batches)
    if any(isinstance(module, Quantized) for module in model.modules()):
        raise InputError("channels are cut out of models without number formats; prune first, then quantise.")
    traced = channel_groups(model, inputs, names)
    layers = [name for name in live_layers(model) if kind_of(model.get_submodule(name)) in (CONV2D, LINEAR)]
    scores = dict(scored(method, model, layers, seed, batches, objective))
    units = {str(place): _unit_scores(model, traced, group, scores) for place, group in enumerate(traced.groups)}
    with marking(model):
        for place, kept in _kept(units, sparsity, together, seed).items():
            gone = (~kept).nonzero().flatten().tolist()
            if gone:
                traced.cut(traced.groups[int(place)], gone)
    check_cut(model, inputs)


def _some_inputs(model: nn.Module, batches: Sequence[Batch]) -> dict[str, Tensor]:
    if not batches:
        raise InputError("channels are found by tracing a batch of training data: give data with a train set.")
    return {name: one[:2] for name, one in inputs_of(batches[0]).items()}


def _unit_scores(model: nn.Module, traced: Traced, group: Any, scores: Mapping[str, Tensor]) -> Tensor:
    """The sum of the scores of all weights that go with each channel of a group's first layer, float64 [channels]."""
    names = {id(model.get_submodule(name)): name for name in scores}
    total = torch.zeros(len(group[0].idxs), dtype=torch.float64)
    for member in group:
        module = member.dep.target.module
        name = names.get(id(module))
        if name is None:
            continue
        rows = scores[name].double()
        if traced.loses_outputs(member):
            each = rows.sum(1)
        else:
            width = module.in_channels // module.groups if isinstance(module, nn.Conv2d) else module.in_features
            each = rows.view(len(rows), width, -1).sum((0, 2))
        total.index_add_(0, torch.as_tensor(member.root_idxs), each[torch.as_tensor(member.idxs)])
    return total


def _kept(units: dict[str, Tensor], sparsity: float, together: bool, seed: int) -> dict[str, Tensor]:
    """Which channels of each group stay: the best of each whatever else."""
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in units.items()}
    best = {name: int(score.argmax()) for name, score in units.items()}
    for name, score in units.items():
        score[best[name]] = torch.inf
    kept: dict[str, Tensor] = {}
    for some in [units] if together else [{name: score} for name, score in units.items()]:
        number = count(sparsity, sum(score.numel() for score in some.values()))
        kept |= drop_lowest(some, number, seed, alive)
    for name, place in best.items():
        kept[name][place] = True
    return kept
