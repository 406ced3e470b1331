"""Sweep number formats over a classifier: post-training quantisation (PTQ) and quantisation-aware training (QAT)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.experiments.api import Listing
from engine.experiments.quantize import caches, preparing, pruning
from engine.experiments.quantize.findings import findings
from engine.experiments.quantize.measures import QuantizeParams, QuantizeResult
from engine.experiments.quantize.report import figures, layers
from engine.experiments.quantize.words import sentence
from engine.experiments.shared import covered
from engine.experiments.shared.measured import QuantizedLayer
from engine.experiments.shared.quantizing import WARM_FORMATS, Rounding, quantized
from engine.experiments.shared.scored import Scores
from engine.experiments.shared.swept import Swept
from engine.experiments.shared.teaching import teacher_of
from engine.experiments.shared.together import at_once, measured_together
from engine.experiments.shared.training import train_together
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.formats.mix import parse_mix, patterns
from engine.preparing import PLAIN, parse_preparing
from engine.rounding import DENSE, NEAREST, parse_sparsity
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord

if TYPE_CHECKING:
    from torch import nn

    from engine.compress import LayerFormats
    from engine.training.teacher import Teacher
    from engine.training.train import TrainSettings
from engine.experiments.quantize.config import DEFAULT_QAT_STEPS, QuantizeConfig, asked, swept


class Quantize(Swept[QuantizeConfig, QuantizeParams, QuantizeResult]):
    """The experiment `quantize`."""

    name = "quantize"
    title = "Quantize"
    summary = "Accuracy against number format: PTQ and QAT over widths, grids or any formats."
    Config = QuantizeConfig
    Params = QuantizeParams
    Result = QuantizeResult
    shown = (
        "format",
        "mode",
        "method",
        "sparsity",
        "prepare",
        "kv",
        "teacher",
        "score",
        "delta",
        "given_up",
        "loss",
        "bytes",
        "cache_bytes",
        "sqnr_db",
        "zeros",
        "true_sparsity",
        "saturated",
        "covered",
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
        "give_up",
        "qat_steps",
        "qat_epochs",
    )
    warm = (*WARM, *WARM_FORMATS, "engine.training.train")

    def label(self, config: QuantizeConfig) -> str:
        """Model, what is swept, and how."""
        specs = [params.format for params in swept(config)]
        span = specs[0] if len(specs) == 1 else f"{specs[0]}…{specs[-1]}"
        return f"{config.model_name} {span} {'+'.join(config.modes)}"

    def asked(self, config: QuantizeConfig) -> list[QuantizeParams]:
        """Formats × modes × methods × sparsities × preparations × caches × teachers."""
        return asked(config)

    def check(self, config: QuantizeConfig) -> list[str]:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers, check_patterns

        said = config.check_sources()
        config.check_teacher()
        check_layers(config.model, config.layers, config.skip)
        mixes = (*config.formats, config.activations, config.bias)
        check_patterns(config.model, [pattern for mix in mixes if mix for pattern in patterns(mix)], types=())
        pruning.check(config.sparsity, config.model, config.layers, config.skip)
        unrotated = preparing.check(config.prepare, config.model, config.layers, config.skip)
        return [*said, *touched(config.model, config.layers, config.skip), *unrotated]

    def run(self, config: QuantizeConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises, measures and saves; trains before where the mode says so, several points at once."""
        from engine.training.forward import NotFiniteError

        bench = Workbench.of(config, points[0], context)
        trained: list[tuple[Point, nn.Module, Teacher | None]] = []
        made: list[tuple[Point, nn.Module]] = []
        for point in points:
            bench.turn_to(point)
            params = QuantizeParams.from_record(point.params)
            with context.failing((point.index,), NotFiniteError):
                prepared = parse_preparing(params.prepare or PLAIN, config.seed)
                sparsity = parse_sparsity(params.sparsity or DENSE, config.seed)
                by = Rounding(bench, point.index, params.rounding, prepared, sparsity)
                model = quantized(bench, _layer_formats(config, params.format), shared=params.mode == "ptq", by=by)
                caches.put(model, params, config.kv_axis)
                if params.mode == "qat":
                    trained.append((point, model, teacher_of(bench, config, params.teacher)))
                elif params.rounding != NEAREST:  # what took long is not to wait for others
                    _conclude(bench, config, point, model)
                    continue
                made.append((point, model))
        if trained:
            train_together(bench, trained, _train_settings(config))
        left = [(point, model) for point, model in made if point.index not in context.done]
        alike = {} if config.give_up is not None else {point.index: model for point, model in left}
        known = measured_together(bench, alike)
        for point, model in left:
            bench.turn_to(point)
            with context.failing((point.index,), NotFiniteError):
                _conclude(bench, config, point, model, known.get(point.index))

    def at_once(self, config: QuantizeConfig) -> int:
        """One point of a small model leaves a GPU idle that others of the sweep can use."""
        return at_once(config)

    def figures(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Figure]:
        """The score against width or bits and against bytes, what methods gain, training loss."""
        return figures(run, self.read(config, run), self.chosen(config, run), config.metric)

    def listings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Listing]:
        """What each format does to each layer."""
        return layers(self.read(config, run))

    def findings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[str]:
        """Where the baseline is held, what training mends, what has collapsed, how much was changed."""
        said = [sentence(one, config.metric) for one in findings(self.read(config, run), config.metric)]
        return [*said, *covered.findings(run)]


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


def _conclude(
    bench: Workbench, config: QuantizeConfig, point: Point, model: "nn.Module", scores: Scores | None = None
) -> None:
    from engine.compress import layer_report, summarize
    from engine.compress.report import by_method, pruned_share
    from engine.layers import share_of

    params, layers = QuantizeParams.from_record(point.params), layer_report(model)
    measured = bench.conclude(point.index, model, paired=config.compares, give_up=config.give_up, scores=scores)
    cache = caches.counted(bench, params, config.kv_axis, config.kv_context)
    share = share_of(bench.subject.model, [layer.name for layer in layers])
    total, counted = summarize(layers), by_method(model)
    result = QuantizeResult(
        measured=measured,
        sqnr_db=total["sqnr_db"],
        bits=total["bits"],
        zeros=total["zeros"],
        saturated=total["saturated"],
        true_sparsity=pruned_share(model),
        damped=counted.get("damped"),
        prepared=counted.get("prepared"),
        absorbed=counted.get("absorbed"),
        layers=tuple(QuantizedLayer.from_record(layer.as_dict()) for layer in layers),
        covered=None if params.cache else share,  # a rounded cache acts on every layer, whatever has a format
        cache_bytes=cache,
        cache_context=None if cache is None else config.kv_context,
    )
    bench.context.finish(point.index, result.to_record(bench.metric))


EXPERIMENT = Quantize()
