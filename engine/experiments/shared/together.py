"""Points that are measured as one where their models differ in plain numbers alone, on a GPU that one leaves idle."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.experiments.room import model_bytes
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.scored import Scores
from engine.experiments.shared.workbench import Workbench

if TYPE_CHECKING:
    from torch import nn

    from engine.training.objective import Score
    from engine.training.samples import Samples
    from engine.training.variants import Variants

    Models = Mapping[int, nn.Module]

AT_ONCE = 32
"""On an H200 32 points of a BERT-tiny take 1.13 times as long as 16; a task that memory does not hold is split."""
TOGETHER = 4 << 30
"""Bytes of models that one task holds at most: one point of a large model keeps a GPU busy."""
TIMED = 3
"""Forwards by which it is told what is faster; the first ones are slower than those to come."""


def at_once(config: TaskConfig) -> int:
    """How many points of a model a task has on a GPU."""
    size = model_bytes(config.model)
    return AT_ONCE if size is None else min(AT_ONCE, max(1, TOGETHER // size))


def measured_together(bench: Workbench, models: "Models") -> dict[int, Scores]:
    """The scores of quantised models by point, of those that gain by being measured with others.

    They are what `Workbench.measure` gives, up to the rounding of float32 sums. Whoever is not there is to be measured
    alone: one that is like no other, or not finite, for instance.
    """
    from engine.compress import stacking_key
    from engine.compress.key_values import cache_of

    if len(bench.context.devices) > 1:  # a model that is spread over them keeps them busy
        return {}
    alike: dict[object, dict[int, nn.Module]] = {}
    for point, model in models.items():
        alike.setdefault((stacking_key(model, trained=False), str(cache_of(model))), {})[point] = model
    return {point: scores for some in alike.values() for point, scores in _measured(bench, some).items()}


def _measured(bench: Workbench, models: "Models") -> dict[int, Scores]:
    """Of models of one structure, as many at once as memory holds, and as gain by it."""
    from engine.training.forward import ForwardError

    if len(models) < 2:
        return {}
    try:
        found = _as_one(bench, models)
    except ForwardError:  # they take steps that depend on values, for instance
        return {}
    if found is not None:
        return found
    points = list(models)
    halves = points[: len(points) // 2], points[len(points) // 2 :]
    return {point: one for half in halves for point, one in _measured(bench, {at: models[at] for at in half}).items()}


def _as_one(bench: Workbench, models: "Models") -> dict[int, Scores] | None:
    """None where memory is short or nothing is gained. Raises ForwardError where they cannot be one."""
    import torch

    from engine.compress.layers import settled
    from engine.training.variants import Variants

    with suppress(torch.OutOfMemoryError):
        variants = Variants([settled(model) for model in models.values()])
        if _pays(bench, variants):
            return _scores(bench, list(models), variants)
    return None


def _pays(bench: Workbench, variants: "Variants") -> bool:
    """Whether the largest batch takes less time with all of them than with one after the other."""
    from engine.training.latency import forward_seconds

    device, models = bench.context.device, variants.models
    batch = next(bench.splits.test.to(device).batches(bench.config.batch_size))
    alone, together = (min(forward_seconds(one, batch.inputs, device, TIMED)) for one in (models[0], variants))
    return together < len(models) * alone


def _scores(bench: Workbench, points: Sequence[int], variants: "Variants") -> dict[int, Scores]:
    from engine.training.evaluate import evaluate_variants

    validation, test = bench.splits.validation, bench.splits.test
    before = 0 if validation is None else len(validation)
    total = before + len(test)

    def scored(samples: "Samples", done_before: int) -> "list[Score | None]":
        def report(done: float, _total: float, _text: str) -> None:
            for point in points:
                bench.context.progress(point, done_before + done, total, f"evaluating, {len(points)} points at once")

        samples, size = samples.to(bench.context.device), bench.config.batch_size
        return evaluate_variants(variants, samples, bench.task.objective, batch_size=size, progress=report)

    chosen_by = [None] * len(points) if validation is None else scored(validation, 0)
    found = zip(points, chosen_by, scored(test, before), strict=True)
    return {
        point: Scores(validated, tested)
        for point, validated, tested in found
        if tested is not None and (validated is not None or validation is None)
    }
