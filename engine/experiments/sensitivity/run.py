"""Which layers bear which format: accuracy when one layer alone is quantised, and what a format does to its weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.experiments.api import Column, Listing
from engine.experiments.sensitivity import report as reading
from engine.experiments.shared import covered
from engine.experiments.shared.quantizing import WARM_FORMATS, calibration, quantized
from engine.experiments.shared.scored import Scored
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from engine.compress import LayerFormats
from engine.experiments.sensitivity.config import SensitivityConfig


class Sensitivity(Scored[SensitivityConfig]):
    """The experiment `sensitivity`. The first point to run notes what every format does to every layer's weights."""

    name = "sensitivity"
    title = "Sensitivity"
    summary = "What each layer alone loses in each format: accuracy, SQNR, zeros, saturation."
    Config = SensitivityConfig
    columns = (
        Column("layer", "Layer"),
        Column("format", "Format"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("accuracy", "Accuracy", "percent", "accuracy_low", "accuracy_high"),
        Column("sqnr_weight_db", "SQNR w", "db"),
        Column("sqnr_input_db", "SQNR x", "db"),
        Column("second_order", "Second order", "number"),
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
        covered.COLUMN,
    )
    copies = 0
    pace = ("model", "data", "max_length", "window", "batch_size", "eval_samples")
    warm = (*WARM, *WARM_FORMATS)

    def label(self, config: SensitivityConfig) -> str:
        """Model and formats."""
        return f"{config.model_name} layers {' '.join(config.formats)}"

    def points(self, config: SensitivityConfig) -> Sequence[Params]:
        """One format after the other, its layers by name; none while the model's layers are not known."""
        from engine.models.layer_names import layers_like

        try:
            layers = layers_like(config.model, config.layers, config.skip)
        except InputError:  # a model that does not exist: `check` says so
            return ()
        return [{"format": spec, "layer": layer} for spec in config.formats for layer in layers]

    def check(self, config: SensitivityConfig) -> list[str]:
        """Raises InputError where model or data cannot be used, or the layers cannot be told beforehand."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_patterns, look_up_layers

        said = config.check_sources()
        look_up_layers(config.model)
        check_patterns(config.model, (*config.layers, *config.skip))
        if not self.points(config):
            raise InputError(
                f"no layer of {config.model} is left to try: its weights must lie in safetensors files, and layers and "
                "skip must leave some of them."
            )
        return [*said, *touched(config.model, config.layers, config.skip)]

    def run(self, config: SensitivityConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises one layer and measures; one point after the other."""
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
        return reading.findings(run, config.metric)


def _layer_formats(config: SensitivityConfig, spec: str, include: tuple[str, ...]) -> "LayerFormats":
    from engine.compress import LayerFormats

    return LayerFormats(weight=spec, activation=config.activations or spec, bias=spec, include=include)


def _run_point(config: SensitivityConfig, point: Point, context: Context) -> None:
    import torch

    from engine.compress import layer_report
    from engine.compress.methods.second_order import second_order
    from engine.layers import share_of

    def report(done: float, total: float, text: str) -> None:
        context.progress(point.index, done, total, text)

    def all_layers() -> dict[str, Any]:
        """What passes over the calibration batches tell of each point, before any score is measured."""
        planned = [(params["format"], params["layer"]) for params in Sensitivity().points(config)]
        models = {
            spec: quantized(
                bench, _layer_formats(config, spec, tuple(layer for one, layer in planned if one == spec)), shared=True
            )
            for spec in config.formats
        }
        rows = {
            (spec, one.name): [getattr(one, key) for key in reading.NOISE]
            for spec, model in models.items()
            for one in layer_report(model)
        }
        batches = calibration(bench)
        scores = second_order(bench.folded, models, batches) if batches else {}
        return {"rows": [rows.get(pair) for pair in planned], reading.SECOND_ORDER: [*map(scores.get, planned)]}

    torch.manual_seed(config.seed)
    bench = Workbench(config, context, report)
    beforehand = context.once(reading.NOTE, all_layers)
    bench.baseline()
    model = quantized(bench, _layer_formats(config, point.params["format"], (point.params["layer"],)), shared=True)
    measured, outcomes = bench.measure(model, report)
    (layer,) = layer_report(model) or (None,)
    told = {} if layer is None else {key: value for key, value in layer.as_dict().items() if key != "name"}
    told[reading.SECOND_ORDER] = beforehand.get(reading.SECOND_ORDER, {point.index: None})[point.index]
    told["covered"] = share_of(bench.subject.model, [point.params["layer"]])
    context.finish(point.index, {**measured, **bench.difference(outcomes), **told})


EXPERIMENT = Sensitivity()
