"""One point of a pruning run."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.parts.classification import Workbench
from engine.experiments.parts.prune_config import DEFAULT_STEPS, PruneConfig
from engine.experiments.parts.quantizing import calibration
from engine.experiments.parts.training import train_point
from engine.runtime.context import Context, Point
from engine.runtime.records import Params

if TYPE_CHECKING:
    from torch import nn

    from engine.compress.prune import Pruning
    from engine.training.train import TrainSettings

RAMP, UPDATES = 0.7, 20  # of a gradual pruning: the share of the steps that it takes, and in how many stages


def _pruning(config: PruneConfig, params: Params) -> "Pruning":
    from engine.compress.prune import Pruning

    return Pruning(
        method=params["method"],
        sparsity=params["sparsity"],
        granularity="n:m" if ":" in params["granularity"] else params["granularity"],
        scope=params["scope"],
        pattern=config.kept,
        include=config.layers,
        exclude=config.skip,
        threshold=config.threshold,
        seed=config.seed,
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


def run_point(config: PruneConfig, point: Point, context: Context) -> None:
    """Prunes, measures, fine-tunes, measures again, saves."""
    from engine.compress.prune import prune, prune_model
    from engine.compress.prune_report import overall, sparsity_report, zeroed_inputs

    bench = Workbench.of(config, point, context)
    pruning, batches, settings = _pruning(config, point.params), calibration(bench), _settings(config)
    model = prune_model(bench.classifier.model, pruning, batches)
    before: dict[str, Any] = {}
    if settings is not None:
        before = bench.compared(model, "pruned_")
        stages = None
        if config.schedule == "cubic":
            model = prune_model(bench.classifier.model, replace(pruning, sparsity=0.0), batches)
            stages = _stages(model, pruning, batches, settings.total_steps(len(bench.splits.train)))
        train_point(bench, model, settings, point.index, before_step=stages)
        if stages is not None:
            prune(model, pruning, batches)
    result = bench.conclude(point.index, model)
    layers = sparsity_report(model, bench.classifier.model)
    context.finish(
        point.index,
        {
            **result,
            **before,
            "true_sparsity": overall(layers),
            **({"zeroed_inputs": zeroed_inputs(model, batches)} if config.threshold > 0 else {}),
            **(_latency(bench, model) if pruning.granularity in ("neurons", "heads") else {}),
            "layers": [layer.as_dict() for layer in layers],
        },
    )


def _stages(model: "nn.Module", pruning: "Pruning", batches: Any, steps: int) -> Callable[[int], None]:
    """Prunes a little more every so many steps, along a cubic, until the first part of the steps is over."""
    from engine.compress.prune import prune
    from engine.compress.prune_choice import cubic

    every = max(1, round(RAMP * steps / UPDATES))
    last = every * max(1, int(RAMP * steps / every))

    def stage(done: int) -> None:
        if done % every == 0 and done <= last:
            prune(model, replace(pruning, sparsity=cubic(pruning.sparsity, done, last)), batches)

    return stage


def _latency(bench: Workbench, model: "nn.Module") -> dict[str, float]:
    """Seconds for a batch of the longest test texts, and how many times as long the uncut model takes."""
    from engine.training.latency import latency

    def measured(one: "nn.Module") -> dict[str, float]:
        config, pad_id = bench.config, bench.classifier.pad_id
        found = latency(
            one, bench.splits.test, batch_size=config.batch_size, device=bench.context.device, pad_id=pad_id
        )
        return {"latency": found.median, "latency_low": found.low, "latency_high": found.high}

    uncut = bench.context.once("latency", lambda: measured(bench.classifier.model))
    found = measured(model)
    return found | {"speedup": uncut["latency"] / found["latency"]}
