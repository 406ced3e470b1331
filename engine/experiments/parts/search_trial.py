"""One trial of a search: build, train, compress, train again, measure."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.parts.architecture import LORA, SKIP, build
from engine.experiments.parts.classification import Report, Workbench
from engine.experiments.parts.searching import kept, validated
from engine.runtime.context import Point
from engine.search.series import Series
from engine.search.studies import Watch

if TYPE_CHECKING:
    from torch import nn

    from engine.experiments.search import SearchConfig


class _Hopeless(Exception):  # noqa: N818 - no error: how a pruned training ends
    """The pruner has given the trial up."""


def run_trial(config: "SearchConfig", series: Series, point: Point, bench: Workbench, report: Report) -> None:
    """Computes one trial and finishes or prunes it."""
    from engine.experiments.search import setting

    params, context = point.params, bench.context
    bench.baseline()
    made = build(bench.classifier, params, config.inherit, config.seed + int(params["seed"]))
    wanted = [name.removeprefix(SKIP) for name, value in params.items() if name.startswith(SKIP) and value != "keep"]
    facts: dict[str, Any] = {
        "setting": setting(params),
        **made.facts,
        "not_skipped": [name for name in wanted if name not in made.skipped],
    }
    watch = Watch(series, context.directory, point.index)
    model = made.model.to(context.device)
    try:
        _train(config, config.steps, model, point, bench, report, watch)
    except _Hopeless:
        context.prune(point.index, facts | watch.record)
        return
    if params["mode"] != "plain":
        model = _compressed(config, model, point, bench)
    if params["mode"] == "tune":
        _tuned(config, model, point, bench, report)
    result = validated(bench, model, report) | facts | watch.record
    if config.against == "operations":
        result["operations"] = operations(model, config.max_length)
    if config.against == "latency" or any(limit.key == "latency" for limit in config.limits):
        result["latency"] = _latency(model, bench)
    if any(limit.key == "operations" for limit in config.limits):
        result.setdefault("operations", operations(model, config.max_length))
    context.finish(point.index, kept(bench, replace(bench.classifier, model=model), point, result, config.limits))


def _train(
    config: "SearchConfig",
    steps: int,
    model: "nn.Module",
    point: Point,
    bench: Workbench,
    report: Report,
    watch: Watch | None,
) -> None:
    """Trains in place; with a watch its accuracy is reported on the way, and the training may end early."""
    from engine.training.evaluate import evaluate
    from engine.training.train import TrainSettings, train

    context, pad_id = bench.context, bench.classifier.pad_id
    every = max(1, steps // config.reports)
    before = 0 if watch is not None else config.steps

    def validate(step: int) -> float:
        found = evaluate(
            model, bench.splits.validation, batch_size=config.batch_size, device=context.device, pad_id=pad_id
        )
        context.metric(point.index, "validation_accuracy", found.accuracy, before + step)
        if watch is not None and step % every == 0 and watch.hopeless(step // every, found.accuracy):
            raise _Hopeless
        return found.accuracy

    def on_step(step: int, total: int, loss: float) -> None:
        context.metric(point.index, "loss", loss, before + step)
        report(step, total, "training" if watch is not None else "training again")

    settings = TrainSettings(
        steps=steps,
        batch_size=int(point.params.get("batch_size", config.batch_size)),
        learning_rate=float(point.params.get("learning_rate", config.learning_rate)),
        seed=config.seed + int(point.params["seed"]),
        eval_steps=every,
    )
    train(
        model,
        bench.splits.train,
        settings,
        device=context.device,
        pad_id=pad_id,
        on_step=on_step,
        validate=validate,
    )


def _compressed(config: "SearchConfig", model: "nn.Module", point: Point, bench: Workbench) -> "nn.Module":
    """Quantised, then pruned."""
    from engine.compress import LayerFormats
    from engine.compress.prune import Pruning, prune_model
    from engine.experiments.parts.quantizing import quantized

    spec = str(point.params.get("format", config.format))
    sparsity = float(point.params.get("sparsity", config.sparsity))
    if spec != "fp32":
        model = quantized(bench, LayerFormats(spec, spec, spec), model)
    return prune_model(model, Pruning(sparsity=sparsity, seed=config.seed)) if sparsity else model


def _tuned(config: "SearchConfig", model: "nn.Module", point: Point, bench: Workbench, report: Report) -> None:
    """Trains the compressed model on, all of it or adapters of the rank that the trial says."""
    from engine.compress.lora import LoraSettings, add_lora, merge_lora

    rank = point.params.get(LORA)
    if rank is not None:
        add_lora(model, LoraSettings(int(rank), 2 * int(rank), targets=("Linear",)), config.seed)
        model.to(bench.context.device)
    _train(config, config.tune_steps, model, point, bench, report, None)
    if rank is not None:
        merge_lora(model)


def operations(model: "nn.Module", length: int) -> int:
    """Floating-point operations for one text of `length` tokens; a multiply-add is two, as torch counts."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.ones(1, min(length, _longest(model)), dtype=torch.int64, device=next(model.parameters()).device)
    # The counter knows products of matrices; attention in one kernel would count as nothing.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        model(input_ids=ids)
    return int(counter.get_total_flops())


def _latency(model: "nn.Module", bench: Workbench) -> float:
    """Median seconds for the longest batch of validation texts."""
    from engine.training.latency import latency

    return latency(
        model,
        bench.splits.validation,
        batch_size=bench.config.batch_size,
        device=bench.context.device,
        pad_id=bench.classifier.pad_id,
    ).median


def _longest(model: Any) -> int:
    return int(getattr(model.config, "max_position_embeddings", 512) or 512)
