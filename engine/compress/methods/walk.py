"""Calibration in the order of execution: what enters a layer comes out of layers that are changed already."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from engine.compress.batches import Batch, inputs_of, running, tokens_of
from engine.compress.layers import Quantized
from engine.compress.methods.stages import Stage, list_of, stages
from engine.compress.methods.statistics import Moments, Statistics, layout
from engine.errors import InputError
from engine.training.forward import forward, giving


@dataclass(frozen=True, slots=True)
class Inputs:
    """Layers that multiply their weights with the same X, and its statistics."""

    names: tuple[str, ...]
    moments: Moments


Visit = Callable[[Sequence[Inputs]], None]
Done = Callable[[int, Stage], None]
Watcher = Callable[[Tensor, Tensor | None], None]
"""Is given what enters a layer, and which of its tokens are no padding (`tokens_of`)."""
Pass = Callable[[Mapping[str, Watcher]], None]
"""Runs the model once over all batches, as far as layers of a stage are watched, by name."""


class Stop(BaseException):
    """Ends a forward pass where nothing more of it is needed. Not an `Exception`: it is none of the model's."""


def walk(
    model: nn.Module,
    plan: Sequence[Stage],
    batches: Sequence[Batch],
    visit: Visit,
    done: Done = lambda _number, _stage: None,
    start: int = 0,
) -> None:
    """Runs the stages of a model one after the other; `visit` changes the layers of each, in place or by replacing.

    `plan` is what `stages` gave for the model as it was. The statistics of a stage are gathered while its own layers
    are as they were and all stages before it are as `visit` left them. The model runs a block at a time on what came
    out of the one before: memory holds one output for each batch, and H for the layers of one stage. `done` is called
    with the number of stages that are finished, for a checkpoint; a walk that goes on from `start`, the layers before
    it changed as they were, gives the same numbers.

    Raises:
        InputError: a layer that no batch brings an input to.
    """
    with running(model):
        for number, stage, watch in steps(model, plan, batches, start):
            visit(_gathered(model, stage, watch))
            done(number, stage)


def steps(
    model: nn.Module, plan: Sequence[Stage], batches: Sequence[Batch], start: int = 0
) -> Iterator[tuple[int, Stage, Pass]]:
    """The stages from `start` on, numbered from 1, each with a pass that may be run as often as it is needed.

    While a stage is held, its layers may be changed in place or replaced; what leaves its block after that is what the
    next is given. The caller sees to evaluation mode (`running`).
    """
    held = _Held(model, batches)
    held.resume(plan[:start])
    for number, stage in enumerate(plan[start:], start + 1):
        yield number, stage, partial(_watched, model, stage, batches, held)
        if stage.block is not None and number < len(plan):
            held.take(stage.block)


def gather(model: nn.Module, plan: Sequence[Stage], batches: Sequence[Batch]) -> list[Inputs]:
    """The statistics of all stages of the model as it is."""
    whole = Stage(tuple(same for stage in plan for same in stage.siblings), repeats=True)
    with running(model):
        return _gathered(model, whole, partial(_watched, model, whole, batches, _Held(model, batches)))


def plan_of(model: nn.Module, names: Sequence[str], batches: Sequence[Batch]) -> list[Stage]:
    """The stages of these layers. Raises InputError without batches, and like `stages`."""
    if not batches:
        raise InputError("methods are calibrated on training data: give data with a train set.")
    return stages(model, names, batches[0])


class _Held:
    """What came out of the last finished block of each list, for each batch."""

    def __init__(self, model: nn.Module, batches: Sequence[Batch]) -> None:
        self._model, self._batches = model, batches
        self._outputs: dict[str, list[Any]] = {}
        self._blocks: dict[str, list[str]] = {}

    @contextmanager
    def standing(self, place: int) -> Iterator[None]:
        """While it lasts, finished blocks are not computed for batch number `place`."""
        with ExitStack() as stack:
            for key, blocks in self._blocks.items():
                for block in blocks:
                    stack.enter_context(giving(self._model.get_submodule(block), self._outputs[key][place]))
            yield

    def take(self, block: str) -> None:
        """Runs a block that is finished and keeps what it gives."""
        outputs: list[Any] = []

        def leaves(_module: nn.Module, _args: object, output: Any) -> None:
            outputs.append(output)
            raise Stop

        hook = self._model.get_submodule(block).register_forward_hook(leaves)
        try:
            for place, batch in enumerate(self._batches):
                with self.standing(place):
                    _until_stopped(self._model, batch)
        finally:
            hook.remove()
        self._outputs[list_of(block)] = outputs
        self._blocks.setdefault(list_of(block), []).append(block)

    def resume(self, finished: Sequence[Stage]) -> None:
        """Runs what was finished before, as far as it is needed."""
        blocks = [stage.block for stage in finished if stage.block is not None]
        for block in blocks:
            if not any(list_of(later) == list_of(block) for later in blocks[blocks.index(block) + 1 :]):
                self.take(block)
        for block in blocks:
            if block not in self._blocks[list_of(block)]:
                self._blocks[list_of(block)].append(block)


def _watched(
    model: nn.Module, stage: Stage, batches: Sequence[Batch], held: _Held, watchers: Mapping[str, Watcher]
) -> None:
    last = stage.names[-1]
    inside: list[Tensor | None] = [None]

    def enters(name: str) -> Any:
        return lambda _module, args: watchers[name](args[0], _beside(args[0], inside[0]))

    def leaves(*_: object) -> None:
        raise Stop

    with ExitStack() as hooks:
        for name in watchers:
            hooks.callback(model.get_submodule(name).register_forward_pre_hook(enters(name)).remove)
        if not stage.repeats:
            hooks.callback(model.get_submodule(last).register_forward_pre_hook(leaves).remove)
        for place, batch in enumerate(batches):
            inside[0] = tokens_of(batch)
            with held.standing(place):
                _until_stopped(model, batch)


def _beside(x: Tensor, inside: Tensor | None) -> Tensor | None:
    """On the device of what enters a layer: a model's blocks may lie on several."""
    return None if inside is None else inside.to(x.device)


def _gathered(model: nn.Module, stage: Stage, watch: Pass) -> list[Inputs]:
    alike = [names for same in stage.siblings for names in _of_one_matrix(model, same)]
    sums = {same: Statistics(model.get_submodule(same[0])) for same in alike}

    def watcher(layer: nn.Module, one: Statistics) -> Watcher:
        return lambda x, inside: one.observe(_rounded(layer, x), inside)

    watch({same[0]: watcher(model.get_submodule(same[0]), one) for same, one in sums.items()})
    found = []
    for same, one in sums.items():
        if (moments := one.moments()) is None:
            raise unseen(same[0])
        found.append(Inputs(same, moments))
    return found


def unseen(name: str) -> InputError:
    """What is said of a layer that no batch brings an input to."""
    return InputError(f"{name} saw no input in calibration: raise calibration_samples, or leave it out (skip={name}).")


def _of_one_matrix(model: nn.Module, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Layers that are given the same tensor, parted where rounding it or laying it out gives them another X."""
    parts: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        layer = model.get_submodule(name)
        rounds = layer.input_format if isinstance(layer, Quantized) else None
        spec = "" if rounds is None else str(rounds.format)
        parts.setdefault((spec, *layout(layer)), []).append(name)
    return [tuple(part) for part in parts.values()]


def _rounded(layer: nn.Module, x: Tensor) -> Tensor:
    """What a layer multiplies its weight with: rounding makes up for what its inputs become in their format."""
    return layer.rounded_inputs(x.float()) if isinstance(layer, Quantized) else x


def _until_stopped(model: nn.Module, batch: Batch) -> None:
    try:
        forward(model, inputs_of(batch))
    except Stop:
        return
