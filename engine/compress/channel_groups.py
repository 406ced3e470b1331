"""Which channels of a net go together, traced by torch-pruning and tried out: layers, norms, residual sums, readers."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.training.forward import logits_of, raised

MOST_VISITS = 10
"""Times that each node may be visited, on average, in the search for one group."""


@dataclass
class Traced:
    """What depends on what in a model. Each of its `groups` begins with a layer whose outputs are the channels."""

    graph: Any
    visits: "_Visits"
    groups: list[Any] = field(default_factory=list)

    def loses_outputs(self, member: Any) -> bool:
        """Whether a layer of a group loses outputs; else it loses inputs."""
        return bool(self.graph.is_out_channel_pruning_fn(member.dep.handler))

    def cut(self, group: Any, gone: list[int]) -> None:
        """Cuts channels, by their places in the first layer, out of all that depend on them."""
        first = group[0]
        self.cut_from(first.dep.target.module, first.dep.handler, gone)

    def cut_from(self, layer: nn.Module, how: Callable[..., Any], gone: list[int]) -> None:
        """The same of the group that begins with a layer, where `how` (torch-pruning's own) cuts that one."""
        self.visits.made = 0
        self.graph.get_pruning_group(layer, how, gone).prune()


def channel_groups(model: nn.Module, inputs: Mapping[str, Tensor], names: Sequence[str]) -> Traced:
    """The groups of channels that can be cut, in which one of the layers of these names loses outputs.

    One channel of each is cut in a copy first: what the tracing understood wrongly is left as it is. Classes stay.

    Raises:
        InputError: there is none, or the model cannot be traced.
    """
    try:
        traced = _trace(model, inputs)
        _find_groups(traced, model, inputs, names)
        if not _works(model, inputs, traced.groups):
            traced.groups = [group for group in traced.groups if _works(model, inputs, [group])]
    except InputError:
        raise
    except Exception as error:  # whatever the model's own code says to being traced
        raise cannot_cut(model, raised(error)) from error
    if not traced.groups:
        raise InputError(f"no channels that can be cut out are in {type(model).__name__}; prune weights instead.")
    return traced


def check_cut(model: nn.Module, inputs: Mapping[str, Tensor]) -> None:
    """Raises InputError where the model cannot do without what was cut."""
    try:
        with torch.no_grad():
            logits = logits_of(model, inputs)
    except Exception as error:  # shapes that its own code has written down
        raise cannot_cut(model, raised(error)) from error
    if not bool(torch.isfinite(logits).all()):
        raise cannot_cut(model, "what it gives is not finite")


def cannot_cut(model: nn.Module, reason: str) -> InputError:
    """The sentence for a model that keeps its channels."""
    what = f"the channels of {type(model).__name__} cannot be cut out ({reason.rstrip('.')[:200]})"
    return InputError(f"{what}; prune weights instead.")


def _trace(model: nn.Module, inputs: Mapping[str, Tensor]) -> Traced:
    """What depends on what, without groups."""
    import torch_pruning

    model.eval()
    with torch.enable_grad():
        graph = torch_pruning.DependencyGraph().build_dependency(
            model, example_inputs=dict(inputs), forward_fn=logits_of, verbose=False
        )
    traced = Traced(graph, _Visits(MOST_VISITS * len(graph.module2node)))
    for node in graph.module2node.values():
        node.dependencies = _Counted(node.dependencies, traced.visits)
    return traced


def _find_groups(traced: Traced, model: nn.Module, inputs: Mapping[str, Tensor], names: Sequence[str]) -> None:
    last = _last_layers(model, inputs)
    chosen = {id(model.get_submodule(name)) for name in names}
    for group in traced.graph.get_all_groups(ignored_layers=last, root_module_types=[nn.Conv2d, nn.Linear]):
        traced.visits.made = 0
        out = [member.dep.target.module for member in group if traced.loses_outputs(member)]
        if any(id(module) in chosen for module in out) and len(group[0].idxs) > 1:
            traced.groups.append(group)


@dataclass
class _Visits:
    """How many nodes were visited for a group, and how many may be."""

    most: int
    made: int = 0


class _Counted(list[Any]):
    """The dependencies of a node: of some models the search for a group goes round and round, and must be stopped."""

    def __init__(self, items: Iterable[Any], visits: _Visits) -> None:
        super().__init__(items)
        self._visits = visits

    def __iter__(self) -> Iterator[Any]:
        self._visits.made += 1
        if self._visits.made > self._visits.most:
            raise RuntimeError("its layers depend on one another in a circle")
        return super().__iter__()


def _works(model: nn.Module, inputs: Mapping[str, Tensor], groups: Sequence[Any]) -> bool:
    """Whether a model without the first channel of these groups still gives finite logits."""
    tried = copy.deepcopy(model)
    own = dict(zip(model.modules(), tried.modules(), strict=True))
    traced = _trace(tried, inputs)
    try:
        for group in groups:
            first = group[0].dep
            traced.cut_from(own[first.target.module], first.handler, [0])
        check_cut(tried, inputs)
    except Exception:  # shapes that do not fit any more, each library in its own words
        return False
    return True


def _last_layers(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[nn.Module]:
    """The layers that give a value for each class: those of the head, which keeps its classes."""
    given: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda layer, _, output: given.append((layer, output)))
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            logits = logits_of(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    classes = logits.shape[-1]
    return [layer for layer, output in given if output.shape[1 if output.ndim == 4 else -1] == classes]
