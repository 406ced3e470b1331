"""Where the forward of a model may begin that differs from another in some layers: at what both compute before these.

One module's output may be all that the rest needs. Whether it is is not read out of the code but tried: with that
output in its place, and unknown values (`unknown.py`) for what the modules before it give, the logits must be known,
and the same to the bit.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from engine.training.forward import ForwardError, logits_of, replaced_forward
from engine.training.forward_state import ForwardState
from engine.training.unknown import Unknown

WORTH = 0.1
"""The share of a forward's time that must be spared."""
BYTES_A_SECOND = 1e9
"""What is read of shared memory, at the least."""
TRIED = 2
"""Modules that are tried at each depth, the latest first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The structure of a module's output: where its tensors stand (`...`), and the plain values beside them."""

    tree: Any
    leaves: tuple[Any, ...]

    @classmethod
    def of(cls, output: Any) -> "Layout":
        """Objects that are no plain values, such as a cache, become None."""
        leaves, tree = pytree.tree_flatten(output)
        return cls(tree, tuple(... if isinstance(one, Tensor) else _plain(one) for one in leaves))

    def filled(self, tensors: Iterable[Tensor]) -> Any:
        """An output with these tensors."""
        left = iter(tensors)
        return pytree.tree_unflatten([next(left) if one is ... else one for one in self.leaves], self.tree)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else None


def tensors_in(output: Any) -> list[Tensor]:
    """The tensors of an output, in the order of its layout."""
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]


@dataclass(frozen=True, slots=True)
class Start:
    """A forward that begins at the output of `module`; what those of `passed`, before it, give is unknown."""

    module: str
    layout: Layout
    passed: Mapping[str, Layout]

    def logits(self, model: nn.Module, output: Callable[[], Iterable[Tensor]], inputs: Mapping[str, Tensor]) -> Tensor:
        """Those of the model, with the tensors that `output` gives.

        Raises:
            ForwardError: the model's own code raised, or needs more of what was passed, in this batch at least.
        """
        with ExitStack() as stack:
            for name, layout in self.passed.items():
                stack.enter_context(replaced_forward(model.get_submodule(name), _passing(layout)))
            instead: Callable[..., Any] = lambda *_args, **_named: self.layout.filled(output())  # noqa: E731
            stack.enter_context(replaced_forward(model.get_submodule(self.module), instead))
            found = logits_of(model, inputs)
        if isinstance(found, Unknown):
            raise ForwardError(f"the model's logits need more than what {self.module} gives")
        return found


def _passing(layout: Layout) -> Callable[..., Any]:
    """A forward of a module that is passed: its output has the shape of what enters it."""
    return lambda *args, **named: layout.filled(map(Unknown.like, _entering(args, named)))


def _entering(args: Sequence[Any], named: Mapping[str, Any]) -> list[Tensor]:
    """The first tensor that a module is called with, if there is one."""
    return [value for value in (*args, *named.values()) if isinstance(value, Tensor)][:1]


class Starts:
    """Where forwards of a model may begin."""

    def __init__(self, calls: "_Calls", best: "_Call") -> None:
        self._calls, self._last = calls, best.ended
        self.best = calls.start(best)
        """What spares most, tried."""

    def at(self, modules: Collection[str]) -> "Iterator[Start]":
        """Those at some modules, the one that spares most first: not tried, the best aside. Others are left out."""
        some = (call for call in self._calls.until(self._last) if call.name in modules)
        return map(self._calls.start, self._calls.worth(some))


def starts_of(model: nn.Module, other: nn.Module, inputs: Mapping[str, Tensor]) -> Starts | None:
    """Where forwards of `model` may begin in evaluation; `other` is one that it may share tensors with.

    None where nothing is worth it, or these inputs show that the rest needs more than any one output, or that a forward
    changes the model, which is then as it was.

    Raises:
        ForwardError: the model's own code raised.
    """
    changed = changed_modules(model, other)
    if not changed or any(map(_is_compiled, model.modules())):
        return None
    was_training = model.training
    model.eval()
    state = ForwardState(model)
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            cut = _cut(model, _traced(model, inputs), changed)
            if state.changed():
                return None
            calls = _Calls(_traced(model, inputs))  # again: the first forward of a copy rounds its weights
            tried = Counter[int]()
            for call in calls.worth(calls.before(cut)):
                tried[call.inside] += 1
                if tried[call.inside] <= TRIED and _serves(model, calls.start(call), inputs):
                    return Starts(calls, call)
    finally:
        state.restore()
        model.train(was_training)
    return None


def _is_compiled(module: nn.Module) -> bool:
    """Whether a module runs as something else than its Python code: what is put in place of a part has no effect."""
    compiled = module._compiled_call_impl is not None or type(module).__name__ == "OptimizedModule"
    return compiled or isinstance(module, torch.jit.ScriptModule)


def changed_modules(model: nn.Module, other: nn.Module) -> set[str]:
    """The modules of `model`, by name, that are not what `other` has there: of another class, or with tensors or hooks
    of their own, what lies inside them aside.
    """
    others = dict(other.named_modules())
    return {name for name, module in model.named_modules() if not _alike(module, others.get(name))}


def _alike(module: nn.Module, other: nn.Module | None) -> bool:
    if other is None or type(module) is not type(other):
        return False
    tensors = [{**one._parameters, **one._buffers} for one in (module, other)]
    hooks = [[*one._forward_pre_hooks.values(), *one._forward_hooks.values()] for one in (module, other)]
    same = tensors[0].keys() == tensors[1].keys() and all(tensors[0][name] is tensors[1][name] for name in tensors[0])
    return same and hooks[0] == hooks[1] and module.__dict__.get("forward") == other.__dict__.get("forward")


@dataclass(slots=True)
class _Call:
    """A module's call in a forward: `begun` and `ended` count such events, `inside` is the `begun` of what called it.

    `layout` and `size` (bytes) are of its output. It is `passable` where that is one floating-point tensor like the
    first that it was given.
    """

    name: str
    begun: int
    inside: int
    ended: int = 0
    seconds: float = 0.0
    layout: Layout = field(default_factory=lambda: Layout.of(()))
    size: int = 0
    passable: bool = False


def _traced(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[_Call]:
    """The calls of a forward, in the order in which they began."""
    calls: list[_Call] = []
    going: list[_Call] = []
    events = count()

    def watch(name: str, module: nn.Module) -> Iterator[Any]:
        """The two hooks on a module."""

        def begin(*_: Any) -> None:
            going.append(_Call(name, next(events), going[-1].begun if going else -1, seconds=-time.perf_counter()))
            calls.append(going[-1])

        def end(_module: nn.Module, args: Any, named: Any, output: Any) -> None:
            call = going.pop()
            call.seconds += time.perf_counter()
            call.ended = next(events)
            tensors = tensors_in(output)
            call.layout, call.size = Layout.of(output), sum(one.nbytes for one in tensors)
            given = _entering(args, named)
            alike = [(one.shape, one.dtype) for one in tensors] == [(one.shape, one.dtype) for one in given]
            call.passable = alike and all(one.is_floating_point() for one in tensors)

        yield module.register_forward_pre_hook(begin)
        yield module.register_forward_hook(end, with_kwargs=True)

    with ExitStack() as stack:
        for name, module in model.named_modules():
            for hook in watch(name, module):
                stack.callback(hook.remove)
        logits_of(model, inputs)
    return calls


def _cut(model: nn.Module, calls: Sequence[_Call], changed: set[str]) -> int:
    """The event at which the first module that is changed begins, or one around it that may use it without a call."""
    theirs = {model.get_submodule(name) for name in changed}
    around = {name for name, module in model.named_modules() if not theirs.isdisjoint(module.modules())}
    seen = [call for call in calls if call.name in around]

    def uses(call: _Call) -> bool:
        return call.name in changed or not any(call.begun < one.begun < call.ended for one in seen)

    return min(call.begun for call in seen if uses(call))


class _Calls:
    """The calls of a forward, in the order in which they began."""

    def __init__(self, calls: Sequence[_Call]) -> None:
        self._calls = calls
        self._times = Counter(call.name for call in calls)

    def before(self, event: int) -> list[_Call]:
        """Those that ended before it, the last one first, without those that they made themselves."""
        going = {call.begun for call in self._calls if call.begun < event < call.ended}
        found = [call for call in self._calls if call.ended < event and call.inside in going]
        return sorted(found, key=lambda call: -call.ended)

    def until(self, event: int) -> list[_Call]:
        """Those that ended by then, the last one first."""
        return sorted((call for call in self._calls if call.ended <= event), key=lambda call: -call.ended)

    def worth(self, some: Iterable[_Call]) -> Iterator[_Call]:
        """Those whose output spares enough where it is given."""
        least = WORTH * self._calls[0].seconds
        return (call for call in some if self._is_one(call) and call.size and self._spared(call) >= least)

    def start(self, call: _Call) -> Start:
        """A forward that begins at its output."""
        return Start(call.name, call.layout, {one.name: one.layout for one in self._passed(call)})

    def _passed(self, call: _Call) -> list[_Call]:
        return [one for one in self.before(call.begun) if one.passable and self._is_one(one)]

    def _spared(self, call: _Call) -> float:
        """In seconds."""
        return call.seconds + sum(one.seconds for one in self._passed(call)) - call.size / BYTES_A_SECOND

    def _is_one(self, call: _Call) -> bool:
        """Whether its module is called once."""
        return self._times[call.name] == 1


def _serves(model: nn.Module, start: Start, inputs: Mapping[str, Tensor]) -> bool:
    """Whether a forward that begins there gives the logits of the whole one."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        kept.extend(one.clone() for one in tensors_in(output))  # a later module may write into them

    hook = model.get_submodule(start.module).register_forward_hook(keep)
    try:
        whole = logits_of(model, inputs)
    finally:
        hook.remove()
    # What modules leave behind for others, in an attribute or a global, is of other inputs from here on.
    logits_of(model, {name: tensor.flip(tuple(range(tensor.dim()))) for name, tensor in inputs.items()})
    with suppress(ForwardError):
        return torch.equal(start.logits(model, lambda: kept, inputs), whole)
    return False  # what did not run was needed in another way than by its output: to fill a cache, for instance
