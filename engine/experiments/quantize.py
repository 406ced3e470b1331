"""Sweep number formats over a classifier: post-training quantisation (PTQ) and quantisation-aware training (QAT)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.config import JsonDict

from engine.experiments.base import Choice, Column, Experiment, Listing
from engine.experiments.parts.classification import WARM, TextConfig, Workbench
from engine.experiments.parts.fields import Formats, FormatText, WholeNumbers, Words, unique
from engine.experiments.parts.quantize_figures import figures
from engine.experiments.parts.quantize_findings import findings, layers
from engine.experiments.parts.quantizing import WARM_FORMATS, quantized
from engine.experiments.parts.selection import Candidate, choose, keep_front
from engine.figures.figure import Figure
from engine.formats.mix import parse_mix, patterns
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, PointRecord, RunRecord

if TYPE_CHECKING:
    from torch import nn

    from engine.compress import LayerFormats
    from engine.training.train import TrainSettings

Mode = Literal["ptq", "qat"]
DEFAULT_QAT_STEPS = 200
TRAIN_AT_ONCE = 16
WITH_QAT: JsonDict = {"when": {"modes": ["qat"]}}


class QuantizeConfig(TextConfig):
    """One sweep: over `widths`, over `integer_bits` × `fraction_bits`, or over `formats`; each in every mode."""

    widths: WholeNumbers = Field(
        (2, 3, 4, 5, 6, 8, 10, 12, 16), title="Widths", description="Bits in all, 2 to 32: 2,4,8 or ranges 2-32:2."
    )
    fraction: Literal["auto", "half"] | int = Field(
        "auto",
        title="Fraction bits",
        description="auto fits them to each tensor, half is width/2, a number holds them.",
    )
    integer_bits: WholeNumbers = Field(
        (), title="Integer bits", description="A grid with fraction bits, instead of widths."
    )
    fraction_bits: WholeNumbers = Field((), title="Fraction grid", description="The other side of the grid, 0 to 31.")
    formats: Formats = Field(
        (),
        title="Formats",
        description="To try instead of widths: fixed(8,6), mxint8, a mix classifier=fp32;*=fixed(4).",
    )
    modes: tuple[Mode, ...] = Field(
        ("ptq",),
        min_length=1,
        title="Modes",
        description="ptq rounds the trained model; qat trains it on while rounding.",
    )
    activations: FormatText = Field(
        "", title="Activations", description="Format of the layers' inputs, or a mix; empty: the weights'."
    )
    bias: FormatText = Field("", title="Bias", description="Format of the biases, or a mix; empty: the weights'.")
    qat_steps: int | None = Field(
        None,
        ge=1,
        title="QAT steps",
        description=f"Training steps; {DEFAULT_QAT_STEPS} if empty.",
        json_schema_extra=WITH_QAT,
    )
    qat_epochs: float | None = Field(
        None, gt=0, title="QAT epochs", description="Training epochs, instead of steps.", json_schema_extra=WITH_QAT
    )
    learning_rate: float = Field(
        1e-4, gt=0, le=1, title="Learning rate", description="Peak rate of QAT.", json_schema_extra=WITH_QAT
    )
    layers: Words = Field(("Linear",), min_length=1, title="Layers", description="Types or name patterns to quantise.")
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out, for example classifier.")

    @field_validator("modes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("widths", "integer_bits", "fraction_bits", "formats", "modes")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("widths")
    @classmethod
    def _width_bounds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for width in value:
            if not 2 <= width <= 32:
                raise ValueError(f"a width lies between 2 and 32; {width} does not")
        return value

    @field_validator("fraction")
    @classmethod
    def _fraction_bounds(cls, value: str | int) -> str | int:
        if isinstance(value, int) and not -32 <= value <= 64:
            raise ValueError(f"fraction bits lie between -32 and 64; {value} does not")
        return value

    @model_validator(mode="after")
    def _one_sweep(self) -> Self:
        grid = bool(self.integer_bits), bool(self.fraction_bits)
        if grid[0] != grid[1]:
            raise ValueError(
                "a grid needs both integer_bits and fraction_bits, for example integer_bits=1,2 fraction_bits=2-6"
            )
        if any(grid) and self.formats:
            raise ValueError("give formats or a grid of integer_bits and fraction_bits, not both")
        if not (self.formats or any(grid) or self.widths):
            raise ValueError("there is nothing to sweep: give widths, formats, or integer_bits and fraction_bits")
        if (self.formats or any(grid)) and self.widths != type(self).model_fields["widths"].default:
            raise ValueError("widths sweep fixed point on their own: give widths, formats or a grid, not two of them")
        for integer in self.integer_bits:
            for fraction in self.fraction_bits:
                if integer < 0 or fraction < 0 or not 2 <= 1 + integer + fraction <= 32:
                    raise ValueError(
                        f"a width lies between 2 and 32; sign, {integer} integer and {fraction} fraction bits do not"
                    )
        if self.qat_steps is not None and self.qat_epochs is not None:
            raise ValueError("give qat_steps or qat_epochs, not both")
        return self


class Quantize(Experiment):
    """The experiment `quantize`."""

    name = "quantize"
    title = "Quantize"
    summary = "Accuracy against number format: PTQ and QAT over widths, grids or any formats."
    Config = QuantizeConfig
    columns = (
        Column("format", "Format"),
        Column("mode", "Mode"),
        Column("accuracy", "Accuracy", "percent", "accuracy_low", "accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("loss", "Loss", "number"),
        Column("bytes", "Size", "bytes"),
        Column("sqnr_db", "SQNR", "db"),
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
    )
    pace = ("mode", "model", "data", "max_length", "batch_size", "eval_samples", "qat_steps", "qat_epochs")
    warm = (*WARM, *WARM_FORMATS, "engine.training.train")

    def label(self, config: QuantizeConfig) -> str:
        """Model, what is swept, and how."""
        specs = [params["format"] for params in _swept(config)]
        swept = specs[0] if len(specs) == 1 else f"{specs[0]}…{specs[-1]}"
        return f"{config.model_name} {swept} {'+'.join(config.modes)}"

    def points(self, config: QuantizeConfig) -> Sequence[Params]:
        """One point for each format and mode; all of one mode before the next, so that a curve completes early."""
        return [{"mode": mode, **params} for mode in config.modes for params in _swept(config)]

    def check(self, config: QuantizeConfig) -> None:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.layer_names import check_patterns

        config.check_sources()
        check_patterns(config.model, (*config.layers, *config.skip))
        mixes = (*config.formats, config.activations, config.bias)
        check_patterns(config.model, [pattern for mix in mixes if mix for pattern in patterns(mix)], types=())

    def run(self, config: QuantizeConfig, points: Sequence[Point], context: Context) -> None:
        """Quantises, measures and saves; trains before where the mode says so, several points at once."""
        from engine.experiments.parts.training import train_together

        bench = Workbench.of(config, points[0], context)
        trained: list[tuple[Point, nn.Module]] = []
        for point in points:
            bench.turn_to(point)
            model = quantized(bench, _layer_formats(config, point.params["format"]))
            if point.params["mode"] == "qat":
                trained.append((point, model))
            else:
                _conclude(bench, point, model)
        if trained:
            train_together(bench, trained, _train_settings(config))
        for point, model in trained:
            bench.turn_to(point)
            _conclude(bench, point, model)

    def at_once(self, config: QuantizeConfig) -> int:
        """Training leaves a GPU idle that the points of a sweep can share."""
        return TRAIN_AT_ONCE if "qat" in config.modes else 1

    def figures(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Figure]:
        """Accuracy against width or bits, accuracy against bytes, training loss."""
        best = self.best(config, run)
        return figures(run, None if best is None else best.index)

    def best(self, config: QuantizeConfig, run: RunRecord) -> Choice | None:
        """The smallest point within one standard error of the highest validation accuracy."""
        return choose(_candidates(run))

    def listings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[Listing]:
        """What each format does to each layer."""
        return layers(run)

    def findings(self, config: QuantizeConfig, run: RunRecord) -> Sequence[str]:
        """Where the baseline is held, what training mends, what has collapsed."""
        return findings(run)

    def tidy(self, config: QuantizeConfig, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, _candidates(run))


def _swept(config: QuantizeConfig) -> list[dict[str, Any]]:
    if config.formats:
        return [{"format": spec} for spec in config.formats]
    if config.integer_bits:
        return [
            {
                "format": f"fixed({1 + integer + fraction},{fraction})",
                "width": 1 + integer + fraction,
                "integer_bits": integer,
                "fraction_bits": fraction,
            }
            for integer in config.integer_bits
            for fraction in config.fraction_bits
        ]
    return [{"format": _fixed(width, config.fraction), "width": width} for width in config.widths]


def _fixed(width: int, fraction: str | int) -> str:
    if fraction == "auto":
        return f"fixed({width})"
    return f"fixed({width},{width // 2 if fraction == 'half' else fraction})"


def _candidates(run: RunRecord) -> list[Candidate]:
    return [_candidate(point) for point in run.finished]


def _candidate(point: PointRecord) -> Candidate:
    assert point.result is not None
    result = point.result
    label = f"{point.params['format']} {point.params['mode'].upper()}"
    return Candidate(point.index, label, result["bytes"], result["validation_accuracy"], result["validation_samples"])


def _layer_formats(config: QuantizeConfig, spec: str) -> "LayerFormats":
    from engine.compress import LayerFormats

    return LayerFormats(
        weight=parse_mix(spec),
        activation=parse_mix(config.activations or spec),
        bias=parse_mix(config.bias or spec),
        include=config.layers,
        exclude=config.skip,
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


def _conclude(bench: Workbench, point: Point, model: "nn.Module") -> None:
    from engine.compress import layer_report, summarize

    layers = layer_report(model)
    measured = bench.conclude(point.index, model)
    found = {**measured, **summarize(layers), "layers": [layer.as_dict() for layer in layers]}
    bench.context.finish(point.index, found)


EXPERIMENT = Quantize()
