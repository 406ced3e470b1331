"""Which layers bear which format: the score when a layer or block alone is quantised, and what a format does to it."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.experiments.api import Experiment, Listing
from engine.experiments.sensitivity import report as reading
from engine.experiments.sensitivity import table
from engine.experiments.sensitivity.findings import findings
from engine.experiments.sensitivity.measures import SensitivityParams, SensitivityResult
from engine.experiments.sensitivity.words import sentence
from engine.experiments.shared.quantizing import WARM_FORMATS, calibrated_inputs, calibration, quantized
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord

if TYPE_CHECKING:
    from engine.compress import LayerFormats
from engine.experiments.sensitivity.config import SensitivityConfig


class Sensitivity(Experiment[SensitivityConfig, SensitivityParams, SensitivityResult]):
    """The experiment `sensitivity`. The first point to run notes what every format does to every layer's weights."""

    name = "sensitivity"
    title = "Sensitivity"
    summary = "What each layer alone loses in each format: accuracy, SQNR, zeros, saturation."
    Config = SensitivityConfig
    Params = SensitivityParams
    Result = SensitivityResult
    shown = (
        "layer",
        "format",
        "delta",
        "score",
        "sqnr_weight_db",
        "sqnr_input_db",
        "second_order",
        "zeros",
        "saturated",
        "covered",
    )
    copies = 0
    pace = ("model", "data", "max_length", "window", "batch_size", "eval_samples")
    warm = (*WARM, *WARM_FORMATS)

    def label(self, config: SensitivityConfig) -> str:
        """Model and formats."""
        return f"{config.model_name} layers {' '.join(config.formats)}"

    def points(self, config: SensitivityConfig) -> Sequence[Mapping[str, Any]]:
        """One format after the other, its layers or blocks by name; none while the model's layers are not known."""
        try:
            groups = config.groups()
        except InputError:  # a model that does not exist: `check` says so
            return ()
        return [SensitivityParams(format=spec, layer=name).to_record() for spec in config.formats for name in groups]

    def check(self, config: SensitivityConfig) -> list[str]:
        """Raises InputError where model or data cannot be used, or the layers cannot be told beforehand."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers, look_up_layers

        said = config.check_sources()
        look_up_layers(config.model)
        check_layers(config.model, config.layers, config.skip)
        if not self.points(config):
            raise InputError(
                f"no layer of {config.model} is left to try: its weights must lie in safetensors files, and layers and "
                "skip must leave some of them."
            )
        return [*said, *touched(config.model, config.layers, config.skip)]

    def run(self, config: SensitivityConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises one layer or block and measures; one point after the other."""
        for point in points:
            _run_point(config, point, context)

    def figures(self, config: SensitivityConfig, run: RunRecord) -> Sequence[Figure]:
        """Loss of accuracy and SQNR along the layers, and one against the other."""
        return reading.figures(run, config.metric)

    def listings(self, config: SensitivityConfig, run: RunRecord) -> Sequence[Listing]:
        """Layers and formats by the damage they do, then all layers by the noise in their weights."""
        return reading.listings(run, config.metric)

    def findings(self, config: SensitivityConfig, run: RunRecord) -> Sequence[str]:
        """What has collapsed, what costs most, and the mix that follows."""
        known, each = table.rows(run, config.metric), reading.each_of(run)
        return [sentence(one, config.metric, each, run.config) for one in findings(known, config.metric)]


def _layer_formats(config: SensitivityConfig, spec: str, include: tuple[str, ...]) -> "LayerFormats":
    from engine.compress import LayerFormats

    return LayerFormats(
        weight=spec,
        activation=config.activations or spec,
        bias=spec,
        include=include,
        input_range=config.input_range,
    )


def _run_point(config: SensitivityConfig, point: Point, context: Context) -> None:
    import torch

    from engine.compress import layer_report
    from engine.compress.methods.second_order import second_order
    from engine.layers import share_of

    groups = config.groups()

    def report(done: float, total: float, text: str) -> None:
        context.progress(point.index, done, total, text)

    every = tuple(chain(*groups.values()))

    def all_layers() -> dict[str, Any]:
        """What passes over the calibration batches tell of each point, before any score is measured."""
        models = {spec: quantized(bench, _layer_formats(config, spec, every), shared=True) for spec in config.formats}
        reports = {spec: {one.name: one for one in layer_report(model)} for spec, model in models.items()}
        batches = calibration(bench)
        scores = second_order(bench.folded, models, batches) if batches else {}
        planned = [(spec, groups[name]) for spec in config.formats for name in groups]
        rows = [
            table.noise([reports[spec][layer] for layer in layers if layer in reports[spec]])
            for spec, layers in planned
        ]
        costs = [[scores[spec, layer] for layer in layers if (spec, layer) in scores] for spec, layers in planned]
        return {"rows": rows, table.SECOND_ORDER: [sum(cost) if cost else None for cost in costs]}

    torch.manual_seed(config.seed)
    bench = Workbench(config, context, report)
    beforehand = context.once(table.NOTE, all_layers)
    bench.baseline()
    params = SensitivityParams.from_record(point.params)
    layers = groups[params.layer]
    inputs = calibrated_inputs(bench, _layer_formats(config, params.format, every))
    model = quantized(bench, _layer_formats(config, params.format, layers), shared=True, inputs=inputs)
    result = SensitivityResult(
        measured=bench.compared(model),
        noise=table.noise_of([one for one in layer_report(model) if one.name in layers]),
        second_order=beforehand.get(table.SECOND_ORDER, {point.index: None})[point.index],
        covered=share_of(bench.subject.model, layers),
    )
    context.finish(point.index, result.to_record(bench.metric))


EXPERIMENT = Sensitivity()
