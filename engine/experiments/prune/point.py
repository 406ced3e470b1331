"""A point of a pruning run: pruned, fine-tuned beside others, concluded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.experiments.prune.config import CUT, DEFAULT_STEPS, PruneConfig
from engine.experiments.prune.measures import PrunedLayer, PruneParams, PruneResult
from engine.experiments.shared.measured import Compared
from engine.experiments.shared.quantizing import calibration
from engine.experiments.shared.teaching import teacher_of
from engine.experiments.shared.training import train_point, train_together
from engine.experiments.shared.workbench import Workbench
from engine.runtime.context import Point
from engine.tasks.metric import Bounded

if TYPE_CHECKING:
    from torch import nn

    from engine.compress.prune import Pruning
    from engine.training.teacher import Teacher
    from engine.training.train import TrainSettings

MOVEMENT = "movement"
RAMP, UPDATES = 0.7, 20  # of a gradual pruning: the share of the steps that it takes, and in how many stages


def _pruning(bench: Workbench, config: PruneConfig, params: PruneParams) -> "Pruning":
    from engine.compress.prune import Pruning

    return Pruning(
        method=params.method,
        sparsity=params.sparsity,
        granularity=params.granularity,
        scope=params.scope,
        pattern=config.kept,
        include=config.layers,
        exclude=config.skip,
        threshold=config.threshold,
        seed=config.seed,
        objective=bench.task.objective,
    )


def _settings(config: PruneConfig) -> "TrainSettings | None":
    """How each point is fine-tuned, all with the same budget; None where none is."""
    from engine.training.train import TrainSettings

    steps = DEFAULT_STEPS if config.finetune_steps is None else config.finetune_steps
    if config.finetune_epochs is None and steps == 0:
        return None
    return TrainSettings(
        steps=steps if config.finetune_epochs is None else None,
        epochs=config.finetune_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
    )


@dataclass(frozen=True, slots=True)
class Pruned:
    """A point's pruned model, and what it measured before its fine-tuning, where it `waits` for one or had one."""

    point: Point
    model: "nn.Module"
    before: Compared | None
    waits: bool
    teacher: "Teacher | None"

    @property
    def params(self) -> PruneParams:
        """What the point is asked for."""
        return PruneParams.from_record(self.point.params)


def pruned(bench: Workbench, config: PruneConfig, point: Point) -> Pruned:
    """Prunes and measures; a model that is pruned while it is fine-tuned is then fine-tuned already."""
    from engine.compress.prune import prune_model

    params, batches, settings = PruneParams.from_record(point.params), calibration(bench), _settings(config)
    pruning, before = _pruning(bench, config, params), None
    if pruning.method != MOVEMENT:  # whose scores nothing has made yet
        model = prune_model(bench.subject.model, pruning, batches)
        before = bench.compared(model) if settings is not None else None
    teacher = None if settings is None else teacher_of(bench, config, params.teacher)
    gradual = config.schedule == "cubic" or pruning.method == MOVEMENT
    if settings is not None and gradual:
        model = _gradually(bench, point.index, pruning, batches, settings, teacher)
    return Pruned(point, model, before, settings is not None and not gradual, teacher)


def fine_tune(bench: Workbench, config: PruneConfig, models: Sequence[Pruned]) -> None:
    """Trains models, those of the same shapes as one; a point that breaks down fails alone."""
    if (settings := _settings(config)) is not None:
        train_together(bench, [(one.point, one.model, one.teacher) for one in models], settings)


def conclude(bench: Workbench, config: PruneConfig, one: Pruned) -> None:
    """Measures the model as it is now, saves it and finishes the point."""
    from engine.compress.prune_report import overall, sparsity_report, zeroed_inputs
    from engine.layers import share_of

    model = one.model
    measured = bench.conclude(one.point.index, model, give_up=config.give_up)
    layers = sparsity_report(model, bench.subject.model)
    latency, speedup = _latency(bench, model) if one.params.granularity in CUT else (None, None)
    result = PruneResult(
        measured=measured,
        pruned=one.before,
        true_sparsity=overall(layers),
        covered=share_of(bench.subject.model, [layer.name for layer in layers]),
        zeroed_inputs=zeroed_inputs(model, calibration(bench)) if config.threshold > 0 else None,
        latency=latency,
        speedup=speedup,
        layers=tuple(PrunedLayer.from_record(layer.as_dict()) for layer in layers),
    )
    bench.context.finish(one.point.index, result.to_record(bench.metric))


def _gradually(
    bench: Workbench,
    point: int,
    pruning: "Pruning",
    batches: Any,
    settings: "TrainSettings",
    teacher: "Teacher | None",
) -> "nn.Module":
    """A model that is pruned step by step while it is fine-tuned."""
    from engine.compress.prune import prune, prune_model, settle

    model = prune_model(bench.subject.model, replace(pruning, sparsity=0.0), batches)
    stages = _stages(model, pruning, batches, settings.total_steps(len(bench.train)))
    train_point(bench, model, settings, point, teacher=teacher, before_step=stages)
    if pruning.method == MOVEMENT:
        settle(model, pruning)
    else:
        prune(model, pruning, batches)
    return model


def _stages(model: "nn.Module", pruning: "Pruning", batches: Any, steps: int) -> Callable[[int], None]:
    """Prunes a little more every so many steps, along a cubic, until the first part of the steps is over.

    Scores that are trained go on choosing at that sparsity until the end.
    """
    from engine.compress.prune import prune
    from engine.compress.prune_choice import cubic

    every = max(1, round(RAMP * steps / UPDATES))
    last = every * max(1, int(RAMP * steps / every))

    def stage(done: int) -> None:
        if done % every == 0 and (done <= last or pruning.method == MOVEMENT):
            prune(model, replace(pruning, sparsity=cubic(pruning.sparsity, done, last)), batches)

    return stage


def _latency(bench: Workbench, model: "nn.Module") -> tuple[Bounded, float]:
    """Seconds for a batch of the longest test texts, and how many times as long the uncut model takes."""
    from engine.training.latency import latency

    def measured(one: "nn.Module") -> Bounded:
        found = latency(one, bench.splits.test, batch_size=bench.config.batch_size, device=bench.context.device)
        return Bounded(found.median, found.low, found.high)

    uncut = bench.context.once("latency", lambda: {"latency": measured(bench.subject.model).value})
    found = measured(model)
    return found, uncut["latency"] / found.value
