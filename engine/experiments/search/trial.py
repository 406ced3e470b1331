"""One trial of a search: build, train, compress, train again, measure."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.search.architecture import LORA, SKIP, build
from engine.experiments.search.config import SearchConfig
from engine.experiments.search.measures import SearchResult
from engine.experiments.search.report import setting
from engine.experiments.shared.searching import kept, validated
from engine.experiments.shared.trials import TrialResult
from engine.experiments.shared.workbench import Report, Workbench
from engine.runtime.context import Point
from engine.runtime.records import Phase
from engine.search.series import Series
from engine.search.studies import Watch
from engine.tasks.kinds import LAYERS

if TYPE_CHECKING:
    from torch import nn


class _Hopeless(Exception):  # noqa: N818 - no error: how a pruned training ends
    """The pruner has given the trial up."""


def run_trial(config: SearchConfig, series: Series, point: Point, bench: Workbench, report: Report) -> None:
    """Computes one trial and finishes or prunes it."""
    from engine.compress.selection import included_layers
    from engine.layers import share_of

    params, context = point.params, bench.context
    bench.baseline()
    made = build(bench.subject, params, config.inherit, config.seed + int(params["seed"]))
    wanted = [name.removeprefix(SKIP) for name, value in params.items() if name.startswith(SKIP) and value != "keep"]
    watch = Watch(series, context.directory, point.index)
    model, share = made.subject.model.to(context.device), None

    def result(judged: TrialResult | None = None) -> SearchResult:
        not_skipped = tuple(name for name in wanted if name not in made.skipped)
        facts: dict[str, Any] = {**made.facts, **watch.record}
        return SearchResult(judged=judged, setting=setting(params), not_skipped=not_skipped, covered=share, **facts)

    try:
        _train(config, config.steps, model, point, bench, watch)
    except _Hopeless:
        context.prune(point.index, result().to_record(bench.metric))
        return
    if params["mode"] != "plain":
        share = share_of(model, included_layers(model, LAYERS[bench.task.name]))
        model = _compressed(config, model, point, bench)
    if params["mode"] == "tune":
        _tuned(config, model, point, bench)
    quantities = {config.against, *(limit.key for limit in config.limits)}
    found = replace(
        result(validated(bench, model, report)),
        operations=operations(model, config.max_length) if "operations" in quantities else None,
        latency=_latency(model, bench) if "latency" in quantities else None,
    )
    subject, record = replace(made.subject, model=model), found.to_record(bench.metric)
    context.finish(point.index, kept(bench, subject, point, record, config.limits))


def _train(
    config: SearchConfig,
    steps: int,
    model: "nn.Module",
    point: Point,
    bench: Workbench,
    watch: Watch | None,
) -> None:
    """Trains in place; with a watch its score is reported on the way, and the training may end early."""
    from engine.training.train import TrainSettings, train

    context, metric = bench.context, bench.metric
    every = max(1, steps // config.reports)
    before = 0 if watch is not None else config.steps

    def validate(step: int) -> float:
        found = bench.score(model, bench.validation)
        context.metric(point.index, metric.validation, found.value, before + step)
        judged = metric.goodness(found.value)
        if watch is not None and step % every == 0 and watch.hopeless(step // every, judged):
            raise _Hopeless
        return judged

    def on_step(step: int, total: int, loss: float) -> None:
        context.metric(point.index, "loss", loss, before + step)
        phase, said = (Phase.TRAINING, "training") if watch is not None else (Phase.WORKING, "training again")
        context.progress(point.index, step, total, said, phase)

    settings = TrainSettings(
        steps=steps,
        batch_size=int(point.params.get("batch_size", config.batch_size)),
        learning_rate=float(point.params.get("learning_rate", config.learning_rate)),
        seed=config.seed + int(point.params["seed"]),
        eval_steps=every,
    )
    train(
        model,
        bench.train,
        bench.task.objective,
        settings,
        device=context.device,
        on_step=on_step,
        validate=validate,
    )


def _compressed(config: SearchConfig, model: "nn.Module", point: Point, bench: Workbench) -> "nn.Module":
    """Quantised, then pruned."""
    from engine.compress import LayerFormats
    from engine.compress.prune import Pruning, prune_model
    from engine.experiments.shared.quantizing import quantized

    spec, chosen = str(point.params.get("format", config.format)), LAYERS[bench.task.name]
    sparsity = float(point.params.get("sparsity", config.sparsity))
    if spec != "fp32":
        model = quantized(bench, LayerFormats(spec, spec, spec, include=chosen), model)
    return prune_model(model, Pruning(sparsity=sparsity, include=chosen, seed=config.seed)) if sparsity else model


def _tuned(config: SearchConfig, model: "nn.Module", point: Point, bench: Workbench) -> None:
    """Trains the compressed model on, all of it or adapters of the rank that the trial says."""
    from engine.compress.lora import LoraSettings, add_lora, merge_lora

    rank = point.params.get(LORA)
    if rank is not None:
        add_lora(model, LoraSettings(int(rank), 2 * int(rank), targets=("Linear",)), config.seed)
        model.to(bench.context.device)
    _train(config, config.tune_steps, model, point, bench, None)
    if rank is not None:
        merge_lora(model)


def operations(model: "nn.Module", length: int) -> int:
    """Floating-point operations for one text of `length` tokens; a multiply-add is two, as torch counts.

    Raises:
        ForwardError: the model's own code raised.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from engine.compress.prune_units import example_inputs
    from engine.models.positions import longest_input
    from engine.training.forward import forward

    longest = longest_input(model) if hasattr(model, "config") else None
    inputs = example_inputs(model, min(length, longest or length))
    # The counter knows products of matrices; attention in one kernel would count as nothing.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        forward(model, {name: inputs[name][:1] for name in inputs if name != "attention_mask"})
    return int(counter.get_total_flops())


def _latency(model: "nn.Module", bench: Workbench) -> float:
    """Median seconds for the longest batch of validation texts."""
    from engine.training.latency import latency

    return latency(
        model,
        bench.validation,
        batch_size=bench.config.batch_size,
        device=bench.context.device,
    ).median
