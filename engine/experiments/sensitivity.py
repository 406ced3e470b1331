"""Which layers bear which format: accuracy when one layer alone is quantised, and what a format does to its weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from engine.errors import InputError
from engine.experiments.base import Column, Experiment, Listing
from engine.experiments.parts import sensitivity_reading as reading
from engine.experiments.parts.classification import WARM, TextConfig, Workbench
from engine.experiments.parts.fields import Formats, FormatText, Words, unique
from engine.experiments.parts.quantizing import WARM_FORMATS, quantized
from engine.figures.figure import Figure
from engine.formats.spec import parse_spec
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from engine.compress import LayerFormats


class SensitivityConfig(TextConfig):
    """One point for each format and layer."""

    formats: Formats = Field(
        ("fixed(2)", "fixed(4)", "mxfp4"),
        min_length=1,
        title="Formats",
        description="Each is tried on each layer alone: fixed(4), mxfp4.",
    )
    activations: FormatText = Field("", title="Activations", description="Format of the inputs; empty: the weights'.")
    layers: Words = Field(("Linear",), min_length=1, title="Layers", description="Types or name patterns to try.")
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out, for example classifier.")

    @field_validator("formats")
    @classmethod
    def _specs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return unique(tuple(str(parse_spec(spec)) for spec in value))  # one layer at a time leaves nothing to mix


class Sensitivity(Experiment):
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
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
    )
    pace = ("model", "data", "max_length", "batch_size", "eval_samples")
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

    def check(self, config: SensitivityConfig) -> None:
        """Raises InputError where model or data cannot be used, or the layers cannot be told beforehand."""
        from engine.models.layer_names import check_patterns, look_up_layers

        config.check_sources()
        look_up_layers(config.model)
        check_patterns(config.model, (*config.layers, *config.skip))
        if not self.points(config):
            raise InputError(
                f"no layer of {config.model} is left to try: its weights must lie in safetensors files, and layers and "
                "skip must leave some of them."
            )

    def run(self, config: SensitivityConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises one layer and measures; one point after the other."""
        for point in points:
            _run_point(config, point, context)

    def figures(self, config: SensitivityConfig, run: RunRecord) -> Sequence[Figure]:
        """Loss of accuracy and SQNR along the layers, and one against the other."""
        return reading.figures(run)

    def listings(self, config: SensitivityConfig, run: RunRecord) -> Sequence[Listing]:
        """Layers and formats by the damage they do, then all layers by the noise in their weights."""
        return reading.listings(run)

    def findings(self, config: SensitivityConfig, run: RunRecord) -> Sequence[str]:
        """What has collapsed, what costs most, and the mix that follows."""
        return reading.findings(run)


def _layer_formats(config: SensitivityConfig, spec: str, include: tuple[str, ...]) -> "LayerFormats":
    from engine.compress import LayerFormats

    return LayerFormats(weight=spec, activation=config.activations or spec, bias=spec, include=include)


def _run_point(config: SensitivityConfig, point: Point, context: Context) -> None:
    import torch

    from engine.compress import layer_report
    from engine.training.statistics import paired_difference

    def report(done: float, total: float, text: str) -> None:
        context.progress(point.index, done, total, text)

    def all_layers() -> dict[str, Any]:
        """What a pass over the calibration batches tells of each point, before any accuracy is measured."""
        planned = Sensitivity().points(config)
        rows: dict[tuple[str, str], list[float | None]] = {}
        for spec in config.formats:
            layers = tuple(params["layer"] for params in planned if params["format"] == spec)
            model = quantized(bench, _layer_formats(config, spec, layers))
            rows |= {(spec, one.name): [getattr(one, key) for key in reading.NOISE] for one in layer_report(model)}
        return {"rows": [rows.get((params["format"], params["layer"])) for params in planned]}

    torch.manual_seed(config.seed)
    bench = Workbench(config, context, report)
    context.once(reading.NOTE, all_layers)
    _, baseline_correct = bench.baseline()
    model = quantized(bench, _layer_formats(config, point.params["format"], (point.params["layer"],)))
    measured, correct = bench.measure(model, report)
    delta, delta_low, delta_high = paired_difference(correct, baseline_correct)
    (layer,) = layer_report(model) or (None,)
    told = {} if layer is None else {key: value for key, value in layer.as_dict().items() if key != "name"}
    context.finish(point.index, {**measured, "delta": delta, "delta_low": delta_low, "delta_high": delta_high, **told})


EXPERIMENT = Sensitivity()
