"""Sweep number formats over a classifier: post-training quantisation (PTQ) and quantisation-aware training (QAT)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.experiments.api import Column, Listing
from engine.experiments.quantize import caches, preparing
from engine.experiments.quantize.naming import point_name
from engine.experiments.quantize.report import figures, findings, layers
from engine.experiments.shared import covered
from engine.experiments.shared.quantizing import WARM_FORMATS, Rounding, quantized
from engine.experiments.shared.scored import Swept
from engine.experiments.shared.teaching import teacher_of
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.formats.mix import parse_mix, patterns
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from torch import nn

    from engine.compress import LayerFormats
    from engine.training.teacher import Teacher
    from engine.training.train import TrainSettings
from engine.experiments.quantize.config import DEFAULT_QAT_STEPS, QuantizeConfig, rounding, swept

TRAIN_AT_ONCE = 16


class Quantize(Swept[QuantizeConfig]):
    """The experiment `quantize`."""

    name = "quantize"
    title = "Quantize"
    summary = "Accuracy against number format: PTQ and QAT over widths, grids or any formats."
    Config = QuantizeConfig
    columns = (
        Column("format", "Format"),
        Column("mode", "Mode"),
        Column("method", "Method", usual=""),
        Column("prepare", "Prepare", usual=""),
        Column("kv", "KV", usual=""),
        Column("teacher", "Teacher", usual=""),
        Column("accuracy", "Accuracy", "percent", "accuracy_low", "accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("loss", "Loss", "number"),
        Column("bytes", "Size", "bytes"),
        Column("cache_bytes", "Cache", "bytes", usual=0),
        Column("sqnr_db", "SQNR", "db"),
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
        covered.COLUMN,
    )
    pace = (
        "mode",
        "method",
        "prepare",
        "kv",
        "teacher",
        "model",
        "data",
        "max_length",
        "window",
        "batch_size",
        "eval_samples",
        "qat_steps",
        "qat_epochs",
    )
    warm = (*WARM, *WARM_FORMATS, "engine.training.train")

    def label(self, config: QuantizeConfig) -> str:
        """Model, what is swept, and how."""
        specs = [params["format"] for params in swept(config)]
        span = specs[0] if len(specs) == 1 else f"{specs[0]}…{specs[-1]}"
        return f"{config.model_name} {span} {'+'.join(config.modes)}"

    def points(self, config: QuantizeConfig) -> Sequence[Params]:
        """Formats × modes × methods × preparations × caches × teachers; a curve after the other.

        So the first completes early.
        """
        return [
            {"mode": mode, **params, **by, **prepared, **kept, **taught_by}
            for mode in config.modes
            for by in rounding(config, mode)
            for prepared in preparing.axis(config.prepare)
            for kept in ([{caches.PARAM: spec} for spec in config.kv] or [{}])
            for taught_by in (config.taught_by if mode == "qat" else [{}])
            for params in swept(config)
        ]

    def check(self, config: QuantizeConfig) -> list[str]:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers, check_patterns

        said = config.check_sources()
        config.check_teacher()
        check_layers(config.model, config.layers, config.skip)
        mixes = (*config.formats, config.activations, config.bias)
        check_patterns(config.model, [pattern for mix in mixes if mix for pattern in patterns(mix)], types=())
        unrotated = preparing.check(config.prepare, config.model, config.layers, config.skip)
        return [*said, *touched(config.model, config.layers, config.skip), *unrotated]

    def run(self, config: QuantizeConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises, measures and saves; trains before where the mode says so, several points at once."""
        from engine.experiments.shared.training import train_together
        from engine.training.forward import NotFiniteError

        bench = Workbench.of(config, points[0], context)
        trained: list[tuple[Point, nn.Module, Teacher | None]] = []
        for point in points:
            bench.turn_to(point)
            with context.failing((point.index,), NotFiniteError):
                by, formats = Rounding.of(bench, point), _layer_formats(config, point.params["format"])
                model = quantized(bench, formats, shared=point.params["mode"] == "ptq", by=by)
                caches.put(model, point.params, config.kv_axis)
                if point.params["mode"] == "qat":
                    trained.append((point, model, teacher_of(bench, config, point.params)))
                else:
                    _conclude(bench, config, point, model)
        if trained:
            train_together(bench, trained, _train_settings(config))
        for point, model, _ in trained:
            if point.index not in context.done:
                bench.turn_to(point)
                with context.failing((point.index,), NotFiniteError):
                    _conclude(bench, config, point, model)

    def at_once(self, config: QuantizeConfig) -> int:
        """Training leaves a GPU idle that the points of a sweep can share."""
        return TRAIN_AT_ONCE if "qat" in config.modes else 1

    def figures(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Figure]:
        """The score against width or bits and against bytes, what methods gain, training loss."""
        best = self.best(config, run)
        drawn = figures(run, None if best is None else best.index, config.metric)
        return [*drawn[:2], *caches.figure(run, config.metric), *drawn[2:]]

    def point_name(self, params: Params) -> str:
        """`fixed(4) PTQ`."""
        return point_name(params)

    def listings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Listing]:
        """What each format does to each layer."""
        return layers(run)

    def findings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[str]:
        """Where the baseline is held, what training mends, what has collapsed, how much was changed."""
        return [*findings(run, config.metric), *preparing.findings(run.finished), *covered.findings(run)]


def _layer_formats(config: QuantizeConfig, spec: str) -> "LayerFormats":
    from engine.compress import LayerFormats

    return LayerFormats(
        weight=parse_mix(spec),
        activation=parse_mix(config.activations or spec),
        bias=parse_mix(config.bias or spec),
        include=config.layers,
        exclude=config.skip,
        input_range=config.input_range,
    )


def _train_settings(config: QuantizeConfig) -> "TrainSettings":
    from engine.training.train import TrainSettings

    return TrainSettings(
        steps=None if config.qat_epochs is not None else config.qat_steps or DEFAULT_QAT_STEPS,
        epochs=config.qat_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
    )


def _conclude(bench: Workbench, config: QuantizeConfig, point: Point, model: "nn.Module") -> None:
    from engine.compress import layer_report, summarize
    from engine.compress.report import by_method
    from engine.layers import share_of

    layers = layer_report(model)
    measured = bench.conclude(point.index, model, paired=config.compares)
    share = share_of(bench.subject.model, [layer.name for layer in layers])
    found = {**measured, **summarize(layers), **by_method(model)}
    found["layers"] = [layer.as_dict() for layer in layers]
    if not caches.named(point.params):  # a rounded cache acts on every layer, whatever share has a format
        found["covered"] = share
    found |= caches.counted(bench, point.params, config.kv_axis, config.kv_context)
    bench.context.finish(point.index, found)


EXPERIMENT = Quantize()
