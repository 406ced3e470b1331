"""The order in which a model's layers are calibrated, found by running it: blocks, and what lies outside them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch, inputs_of, running
from engine.errors import InputError
from engine.training.forward import forward, giving


@dataclass(frozen=True, slots=True)
class Stage:
    """Layers that are calibrated together, on what comes out of the stages before: those of a block, or one input's.

    `siblings` are the layers by input, in the order of execution; those that are given the same tensor share it.
    A layer that `repeats` runs several times in one pass.
    """

    siblings: tuple[tuple[str, ...], ...]
    block: str | None = None
    repeats: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All its layers, in the order of execution."""
        return tuple(name for same in self.siblings for name in same)


def stages(model: nn.Module, names: Iterable[str], batch: Batch) -> list[Stage]:
    """The stages of these layers in the order of execution, as one batch shows it.

    The members of a list of blocks of one class are stages of their own, where what one returns is all that the next
    are given of it.

    Raises:
        InputError: a layer that nothing enters.
    """
    wanted = list(names)
    blocks = list(_blocks(model, wanted))
    trace = _traced(model, wanted, blocks, batch)
    if missing := [name for name in wanted if name not in trace.order]:
        raise InputError(
            f"{missing[0]} has no inputs: nothing enters it when the model runs. Leave it out (skip={missing[0]})."
        )
    once = [block for block in blocks if trace.runs.get(block, 0) == 1]
    if once and not _separable(model, once, trace, batch):
        once = []
    return _ordered(trace, once)


@dataclass
class _Trace:
    order: list[str] = field(default_factory=list)
    inputs: list[tuple[str, ...]] = field(default_factory=list)
    repeated: set[str] = field(default_factory=set)
    runs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    result: Any = None


def _blocks(model: nn.Module, names: Sequence[str]) -> Iterator[str]:
    """The members of the outermost lists that hold several modules of one class with wanted layers below them."""
    seen: list[str] = []
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList) or any(name.startswith(f"{outer}.") for outer in seen):
            continue
        members = [f"{name}.{key}" for key, _ in module.named_children()]
        classes = {type(member) for member in module.children()}
        if len(members) > 1 and len(classes) == 1 and all(any(_below(n, m) for n in names) for m in members):
            seen.append(name)
            yield from members


def _below(name: str, block: str) -> bool:
    return name.startswith(f"{block}.")


def _traced(model: nn.Module, names: Sequence[str], blocks: Sequence[str], batch: Batch) -> _Trace:
    trace = _Trace()
    last: list[Tensor] = []  # held, so that no other tensor takes its place

    def enters(name: str) -> Any:
        def hook(_module: nn.Module, args: tuple[Any, ...]) -> None:
            if name in trace.order:
                trace.repeated.add(name)
                return
            trace.order.append(name)
            if last and args[0] is last[0]:
                trace.inputs[-1] = (*trace.inputs[-1], name)
            else:
                last[:] = [args[0]]
                trace.inputs.append((name,))

        return hook

    def leaves(name: str) -> Any:
        def hook(_module: nn.Module, _args: object, output: Any) -> None:
            trace.runs[name] = trace.runs.get(name, 0) + 1
            trace.outputs[name] = output

        return hook

    with running(model), ExitStack() as hooks:
        for name in names:
            hooks.callback(model.get_submodule(name).register_forward_pre_hook(enters(name)).remove)
        for name in blocks:
            hooks.callback(model.get_submodule(name).register_forward_hook(leaves(name)).remove)
        trace.result = forward(model, inputs_of(batch))
    return trace


def _separable(model: nn.Module, blocks: Sequence[str], trace: _Trace, batch: Batch) -> bool:
    """Whether the model gives the same where the last block's output stands in for all blocks of its list."""
    with running(model), ExitStack() as stack:
        for block in blocks:
            last = [one for one in blocks if list_of(one) == list_of(block)][-1]
            stack.enter_context(giving(model.get_submodule(block), trace.outputs[last]))
        found = forward(model, inputs_of(batch))
    pairs = list(zip(tensors(found), tensors(trace.result), strict=False))
    return bool(pairs) and all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def _ordered(trace: _Trace, blocks: Sequence[str]) -> list[Stage]:
    members: dict[str, list[tuple[str, ...]]] = {}  # by block, or by layer where there is none
    for same in trace.inputs:
        block = next((one for one in blocks if _below(same[0], one)), None)
        members.setdefault(block or same[0], []).append(same)
    return [
        Stage(tuple(found), key if key in blocks else None, any(name in trace.repeated for name in chain(*found)))
        for key, found in members.items()
    ]


def list_of(block: str) -> str:
    """The list that a block is a member of."""
    return block.rpartition(".")[0]


def tensors(value: Any) -> Iterator[Tensor]:
    """The floating tensors in what a module returned, in their order."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors(one)
