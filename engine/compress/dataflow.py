"""What flows where in a model, told by the operations of one run: which modules made a tensor, and where it goes.

A tensor is known by its memory: a view is the tensor that it looks at, and one that is changed in place stays itself.
That may make a tensor go to more places than it does, never to fewer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from engine.compress.methods.stages import tensors
from engine.training.forward import forward


@dataclass(frozen=True, slots=True)
class _Step:
    """A module that is followed as a whole, by `name`, or an operation between them, without one."""

    name: str
    taken: frozenset[int]
    made: frozenset[int]


@dataclass
class Dataflow:
    """One run of a model; `entered` is what each followed module was given first, `results` what the model gave."""

    model: nn.Module
    entered: dict[str, Tensor] = field(default_factory=dict)
    results: list[Tensor] = field(default_factory=list)
    _steps: list[_Step] = field(default_factory=list)
    _held: list[Tensor] = field(default_factory=list)  # so that no other tensor takes its memory

    @classmethod
    def of(cls, model: nn.Module, names: Sequence[str], inputs: Mapping[str, Tensor]) -> Self:
        """Runs a model once; the modules of these names are followed as wholes.

        Raises:
            ForwardError: the model's own code raised.
        """
        flow = cls(model)
        with ExitStack() as hooks, _Operations(flow) as operations:
            for name in names:
                module = model.get_submodule(name)
                enter, leave = operations.around(name)
                hooks.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
                hooks.callback(module.register_forward_hook(leave).remove)
            flow.results = list(tensors(forward(model, inputs)))
        return flow

    def before(self, names: Sequence[str]) -> list[str]:
        """The modules from which something comes to the first of `names` with no other between, the last first."""
        reached = self._memory([self.entered[names[0]]]) if names[0] in self.entered else set()
        found = []
        for step in reversed(self._steps):
            if step.made & reached and step.name not in names:
                if step.name:
                    found.append(step.name)
                else:
                    reached |= step.taken
        return list(dict.fromkeys(found))

    def ends_in(self, name: str, names: Sequence[str]) -> bool:
        """Whether a module and each of `names` run once, and all that the one gives goes to these and nowhere else."""
        if any(sum(step.name == one for step in self._steps) != 1 for one in (name, *names)):
            return False
        reached = set(next(step for step in self._steps if step.name == name).made)
        for step in self._steps:
            if step.taken & reached and step.name not in (name, *names):
                if step.name:
                    return False
                reached |= step.made
        return not reached & self._memory(self.results)

    def step(self, name: str, taken: Any, made: Any) -> None:
        """Adds what a module or an operation took and made."""
        self._steps.append(_Step(name, self._memory(_tensors(taken)), self._memory(_tensors(made))))

    def _memory(self, found: Sequence[Tensor]) -> frozenset[int]:
        self._held.extend(found)
        return frozenset(one.untyped_storage().data_ptr() for one in found if one.numel())


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tells a dataflow of every operation that is not inside of a followed module."""

    def __init__(self, flow: Dataflow) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._flow, self._inside = flow, 0

    def around(self, name: str) -> tuple[Any, Any]:
        """Hooks for a followed module."""
        given: list[Any] = []

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._inside += 1
            given.append((args, kwargs))
            if args and isinstance(args[0], Tensor):
                self._flow.entered.setdefault(name, args[0])

        def leave(_: nn.Module, _args: object, output: Any) -> None:
            self._inside -= 1
            taken = given.pop()
            if not self._inside:
                self._flow.step(name, taken, output)

        return enter, leave

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and notes it; what it changes in place it makes."""
        made = func(*args, **(kwargs or {}))
        if not self._inside:
            changed = [value for value, one in _arguments(func, args, kwargs or {}) if one.is_write]
            self._flow.step("", (args, kwargs), (made, changed))
        return made


def _arguments(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The arguments of an operation that it may change or give back."""
    for place, one in enumerate(func._schema.arguments):
        if one.alias_info is not None:
            yield args[place] if place < len(args) else kwargs.get(one.name), one


def _tensors(value: Any) -> list[Tensor]:
    return [one for one in pytree.tree_leaves(value) if isinstance(one, Tensor)]
