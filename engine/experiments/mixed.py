"""A format for every layer: each linear layer chooses among full precision and the formats of one family, or of all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.errors import InputError
from engine.experiments.base import Column, Listing
from engine.experiments.parts import mixed_reading
from engine.experiments.parts import search_reading as reading
from engine.experiments.parts.classification import WARM, Report, Workbench
from engine.experiments.parts.families import FAMILIES, Lists, Menu, variants
from engine.experiments.parts.fields import WholeNumbers, Words, unique
from engine.experiments.parts.quantizing import WARM_FORMATS
from engine.experiments.parts.searching import Searching, SearchSettings, kept, validated
from engine.experiments.parts.warm_start import first_trials, pinned_table
from engine.figures.figure import Figure
from engine.figures.units import in_bytes
from engine.runtime.context import Point
from engine.runtime.records import RunRecord
from engine.search.samplers import check_sampler, startup_of
from engine.search.series import Series
from engine.search.space import Space

ALL = "all families"


class MixedConfig(SearchSettings):
    """One curve for each family, and one that may take any of them for each layer."""

    MEASURED = ("bytes", "lost", "accuracy", "bits")

    families: Words = Field(
        ("fixed", "minifloat", "log", "bfp", "block_minifloat", "block_log", "binary_residual", "ternary", "mxint8"),
        min_length=1,
        title="Families",
        description="One curve each: fixed, bfp, log, mxint8 … (labtui formats lists them).",
    )
    together: bool = Field(True, title="All together", description="One more curve: each layer takes any family.")
    full_precision: bool = Field(True, title="fp32 allowed", description="A layer may stay in full precision.")
    widths: WholeNumbers = Field((8, 16, 32), min_length=1, title="Widths", description="Bits in all, 2 to 32.")
    fraction_bits: Words = Field(
        ("2", "4", "8"), min_length=1, title="Fraction bits", description="Numbers, or auto: fitted to each tensor."
    )
    blocks: WholeNumbers = Field((16,), min_length=1, title="Blocks", description="Elements that share an exponent.")
    levels: WholeNumbers = Field(
        (2, 3), min_length=1, title="Levels", description="Signs summed up by binary_residual."
    )
    sampler: Literal["tpe", "random", "gp", "nsga2"] = Field("tpe", title="Sampler", description="The same for all.")
    against: Literal["none", "bytes", "bits"] = Field(
        "none", title="Against", description="none seeks accuracy alone; else the best trade-offs with this."
    )
    activations: bool = Field(True, title="Inputs too", description="A layer's inputs take its format as well.")
    sensitivity: str = Field(
        "", title="Warm start", description="A run of sensitivity: the first trials take what hurts least."
    )
    layers: Words = Field(
        ("Linear",), min_length=1, title="Layers", description="Types or name patterns to choose for."
    )
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out.")

    @field_validator("families", "fraction_bits", "widths", "blocks", "levels")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("families")
    @classmethod
    def _families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FAMILIES:
                raise ValueError(f"no family is called {name!r}; the families are {', '.join(FAMILIES)}")
        return value

    @field_validator("fraction_bits")
    @classmethod
    def _fractions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if word != "auto" and not (word.isdecimal() and int(word) <= 31):
                raise ValueError(f"fraction bits are numbers from 0 to 31, or auto; {word!r} is neither")
        return value

    @model_validator(mode="after")
    def _something_to_choose(self) -> Self:
        lists = self.menu(self.families).lists
        for family in self.families:
            if not variants(family, lists):
                raise ValueError(
                    f"{family} has no format with these widths, fraction bits, blocks and levels; add some or drop it"
                )
        if not self.full_precision and all(len(variants(family, lists)) == 1 for family in self.families):
            raise ValueError("there is nothing to choose: each family has one format; allow fp32 or give more widths")
        return self

    def menu(self, families: Sequence[str]) -> Menu:
        """What a layer chooses from where these families are offered."""
        fractions = tuple(None if word == "auto" else int(word) for word in self.fraction_bits)
        return Menu(tuple(families), Lists(self.widths, fractions, self.blocks, self.levels), self.full_precision)

    @property
    def offers(self) -> dict[str, Menu]:
        """The menu of each curve. A family of one format, where nothing else is allowed, has no curve of its own."""
        menus = {name: self.menu((name,)) for name in self.families}
        if self.together and len(self.families) > 1:
            menus[ALL] = self.menu(self.families)
        return {name: menu for name, menu in menus.items() if menu.dimensions("layer")}


class Mixed(Searching):
    """The experiment `mixed`."""

    name = "mixed"
    title = "Mixed precision"
    summary = "A format for every layer, found by search: one curve for each family of formats."
    Config = MixedConfig
    columns = (
        Column("family", "Family"),
        Column("trial", "Trial", "number"),
        Column(reading.ACCURACY, "Validation", "percent", "validation_low", "validation_high"),
        Column("bits", "Bits", "number"),
        Column("bytes", "Size", "bytes"),
        Column("seed", "Seed", "number"),
        Column("accuracy", "Test", "percent", "accuracy_low", "accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("mix", "Formats"),
    )
    pace = ("model", "data", "max_length", "batch_size", "eval_samples")
    warm = (*WARM, *WARM_FORMATS, "engine.formats.kernels.blocks", "engine.formats.kernels.rows")

    def label(self, config: MixedConfig) -> str:
        """Model, and what its layers choose from."""
        return f"{config.model_name} mixed {' '.join(config.families)}"

    def series(self, config: MixedConfig) -> list[Series]:
        """A series for each family and seed; all samplers with the same seeds."""
        names = layers_of(config)
        spaces, first = {}, {}
        for family, menu in config.offers.items():
            spaces[family] = Space(tuple(dimension for layer in names for dimension in menu.dimensions(layer)))
            first[family] = first_trials(config.sensitivity, menu, names) if config.sensitivity else ()
        return [
            Series(
                labels={"family": family, "seed": seed},
                sampler=config.sampler,
                space=space,
                seed=config.seed * 1009 + seed,
                goals=config.goals,
                constraints=config.limits,
                first=first[family],
                startup=startup_of(config.trials),
            )
            for seed in range(config.seeds)
            for family, space in spaces.items()
        ]

    def check(self, config: MixedConfig) -> None:
        """Raises InputError where model, data, layers or the sensitivity run cannot be used."""
        from engine.models.layer_names import check_patterns, look_up_layers

        config.check_sources()
        look_up_layers(config.model)
        check_patterns(config.model, (*config.layers, *config.skip))
        names = layers_of(config)
        if not names:
            raise InputError(f"no linear layer of {config.model} is left to choose a format for; include more of them.")
        if config.sensitivity:
            pinned_table(config.sensitivity, names)
        for one in self.series(config):
            check_sampler(one.sampler, one.space, len(one.goals), bool(one.constraints))
        for limit in config.limits:
            least = mixed_reading.least_bytes(config.model, names)
            if limit.key == "bytes" and limit.sign > 0 and limit.bound < least:
                raise InputError(
                    f"no trial can keep {limit.text}: what has no format to choose takes {in_bytes(least)}; raise it."
                )

    def trial(self, config: MixedConfig, point: Point, bench: Workbench, report: Report) -> None:
        """Quantises as the trial says, measures on validation data, writes the file."""
        from engine.compress import LayerFormats, layer_report, summarize
        from engine.experiments.parts.quantizing import quantized

        menu = config.offers[point.params["family"]]
        formats = {layer: menu.spec(layer, point.params) for layer in layers_of(config)}
        inputs = formats if config.activations else None
        model = quantized(bench, LayerFormats(formats, inputs, formats, include=tuple(formats)))
        layers = layer_report(model)
        result = {
            **validated(bench, model, report),
            **summarize(layers),
            "bits": mixed_reading.average_bits(model, formats),
            "mix": mixed_reading.in_words(formats),
            "formats": formats,
            "layers": [layer.as_dict() for layer in layers],
        }
        classifier = replace(bench.classifier, model=model)
        bench.context.finish(point.index, kept(bench, classifier, point, result, config.limits))

    def figures(self, config: MixedConfig, run: RunRecord) -> Sequence[Figure]:
        """Best so far against trials, the same near the best, accuracy against bits or bytes, importances."""
        progress, best = reading.progress_figure(config.limits, run), self.best(config, run)
        keys = dict.fromkeys((config.against, "bytes"))
        drawn = [progress, mixed_reading.zoomed(progress)]
        drawn += [reading.trade_figure(config.limits, run, key, best) for key in keys if key != "none"]
        drawn.append(reading.importance_figure(run))
        return [figure for figure in drawn if figure.series]

    def listings(self, config: MixedConfig, run: RunRecord) -> Sequence[Listing]:
        """The map of layers and formats first."""
        return [*mixed_reading.listings(config.limits, run), *reading.listings(config.limits, run)]

    def findings(self, config: MixedConfig, run: RunRecord) -> Sequence[str]:
        """Which family is ahead, what was chosen, and what it costs."""
        return [*reading.findings(config.limits, run), *mixed_reading.findings(config.limits, run)]


def layers_of(config: MixedConfig) -> list[str]:
    """The linear layers to choose for, in the model's order; empty where the model is not there."""
    from engine.models.layer_names import layer_types, layers_like

    try:
        kinds: Mapping[str, str] = layer_types(config.model)
        return [name for name in layers_like(config.model, config.layers, config.skip) if kinds[name] == "Linear"]
    except InputError:  # `check` says so
        return []


EXPERIMENT = Mixed()
