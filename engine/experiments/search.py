"""Search architectures, layers, training and compression with Optuna's samplers."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.experiments.base import Column, Listing
from engine.experiments.parts import architecture
from engine.experiments.parts import search_reading as reading
from engine.experiments.parts.classification import WARM, Report, Workbench
from engine.experiments.parts.fields import Words, unique
from engine.experiments.parts.quantizing import WARM_FORMATS
from engine.experiments.parts.searching import Searching, SearchSettings
from engine.figures.figure import Figure
from engine.formats.spec import parse_spec
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, PointRecord, RunRecord
from engine.search.samplers import Pruner, Sampler, check_sampler, startup_of
from engine.search.series import GIVEN, Series
from engine.search.space import Space
from engine.search.writing import SpaceText, parse_space

Mode = Literal["plain", "compress", "tune"]


class SearchConfig(SearchSettings):
    """One curve for each sampler and mode."""

    MEASURED = ("bytes", "lost", "accuracy", "parameters", "operations", "latency")

    space: SpaceText = Field(
        "num_hidden_layers=1,2,3; hidden_size=64,128,192; intermediate_size=128,256,512; learning_rate=1e-4..2e-3 log",
        title="Space",
        description="Config fields, learning_rate, batch_size, format, sparsity, lora_rank: a=1,2; b=1e-4..1e-2 log.",
    )
    skip: Words = Field(
        (), title="Skip layers", description="Square layers, by pattern, that may be left out: *.query, *.dense."
    )
    samplers: tuple[Sampler, ...] = Field(
        ("tpe",), min_length=1, title="Samplers", description="A curve each, with the same seeds and budget."
    )
    modes: tuple[Mode, ...] = Field(
        ("plain",),
        min_length=1,
        title="Modes",
        description="plain; compress after training; tune: train again after it.",
    )
    against: Literal["none", "bytes", "operations", "latency"] = Field(
        "none", title="Against", description="none seeks accuracy alone; else the best trade-offs with this."
    )
    pruner: Pruner = Field("none", title="Pruner", description="Gives trials up whose accuracy lags on the way.")
    steps: int = Field(200, ge=1, title="Steps", description="Training steps of a trial.")
    reports: int = Field(4, ge=1, le=100, title="Reports", description="Validations on the way, for pruner and curve.")
    tune_steps: int = Field(
        50,
        ge=1,
        title="Tune steps",
        description="Steps after compression, in the mode tune.",
        json_schema_extra={"when": {"modes": ["tune"]}},
    )
    learning_rate: float = Field(5e-4, gt=0, le=1, title="Learning rate", description="Where the space has none.")
    format: str = Field(
        "fixed(8)",
        title="Format",
        description="Of the modes with compression, where the space has none.",
        json_schema_extra={"when": {"modes": ["compress", "tune"]}},
    )
    sparsity: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Sparsity",
        description="Share of weights pruned, likewise.",
        json_schema_extra={"when": {"modes": ["compress", "tune"]}},
    )
    inherit: bool = Field(
        True, title="Inherit", description="Start from the model's weights where names and shapes fit."
    )

    @field_validator("samplers", "modes", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("samplers", "modes", "skip")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("format")
    @classmethod
    def _spec(cls, value: str) -> str:
        return str(parse_spec(value))

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        written = parse_space(self.space)
        architecture.check_values(written)
        if not written.dimensions and not self.skip:
            raise ValueError("the space is empty; name at least one dimension, for example num_hidden_layers=1..4")
        for name, modes in (
            ("format", ("compress", "tune")),
            ("sparsity", ("compress", "tune")),
            ("lora_rank", ("tune",)),
        ):
            if name in written.names and not set(modes) & set(self.modes):
                raise ValueError(
                    f"{name} is chosen only in the mode {' or '.join(modes)}; add one to modes, or drop it"
                )
        if self.pruner != "none" and self.against != "none":
            raise ValueError("a pruner judges by accuracy alone; take pruner=none or against=none")
        if self.pruner != "none" and self.reports < 2:
            raise ValueError("a pruner needs two reports or more on the way")
        if self.reports > self.steps:
            raise ValueError(f"{self.steps} steps cannot hold {self.reports} reports; give more steps or fewer reports")
        for mode in self.modes:
            space = self.space_of(mode, written)
            if not space.dimensions and not self.skip:
                raise ValueError(f"the mode {mode} has nothing to choose: its space is empty without compression")
            for sampler in self.samplers:
                if space.dimensions and not (self.skip and sampler == "grid"):
                    check_sampler(sampler, space, len(self.goals), bool(self.limits))
            if self.skip and "cmaes" in self.samplers:
                raise ValueError("cmaes takes ranges of numbers, and a layer is kept or skipped; take tpe")
        return self

    def space_of(self, mode: Mode, written: Space | None = None) -> Space:
        """What is chosen in a mode, before the model is looked at."""
        left_out = {"plain": {*architecture.COMPRESSION, architecture.LORA}, "compress": {architecture.LORA}}
        space = written or parse_space(self.space)
        return Space(tuple(one for one in space.dimensions if one.name not in left_out.get(mode, set())))


class Search(Searching):
    """The experiment `search`."""

    name = "search"
    title = "Search"
    summary = "Search architectures, layers, training and compression: best so far by sampler and mode."
    Config = SearchConfig
    columns = (
        Column("sampler", "Sampler"),
        Column("mode", "Mode"),
        Column("trial", "Trial", "number"),
        Column(reading.ACCURACY, "Validation", "percent", "validation_low", "validation_high"),
        Column("parameters", "Params", "number"),
        Column("bytes", "Size", "bytes"),
        Column("blocks", "Blocks", "number"),
        Column("seed", "Seed", "number"),
        Column("accuracy", "Test", "percent", "accuracy_low", "accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("setting", "Setting"),
    )
    pace = ("mode", "model", "data", "max_length", "batch_size", "eval_samples", "steps", "tune_steps", "space")
    warm = (*WARM, *WARM_FORMATS, "engine.compress.prune", "engine.training.train")

    def label(self, config: SearchConfig) -> str:
        """Model, samplers and modes."""
        return f"{config.model_name} search {'+'.join(config.samplers)} {'+'.join(config.modes)}"

    def series(self, config: SearchConfig) -> list[Series]:
        """A series for each sampler, mode and seed; all samplers with the same seeds."""
        return [
            Series(
                labels={"sampler": sampler, "mode": mode, "seed": seed},
                sampler=sampler,
                space=searched(config, mode),
                seed=config.seed * 1009 + seed,
                goals=config.goals,
                constraints=config.limits,
                pruner=config.pruner,
                reports=config.reports,
                startup=startup_of(config.trials),
            )
            for seed in range(config.seeds)
            for mode in config.modes
            for sampler in config.samplers
        ]

    def check(self, config: SearchConfig) -> None:
        """Raises InputError where model, data or space cannot be used."""
        from engine.models.fields import check_fields

        config.check_sources()
        space = parse_space(config.space)
        values = ((one.name, value) for one in space.dimensions for value in architecture.named_values(one.domain))
        check_fields(config.model, [(name, value) for name, value in values if name in architecture.fields_of(space)])
        for one in self.series(config):
            check_sampler(one.sampler, one.space, len(one.goals), bool(one.constraints))
        if any(one.key in ("bytes", "parameters") and one.sign > 0 for one in config.limits):
            from engine.experiments.parts.search_bounds import check_bounds

            check_bounds(config.model, [searched(config, mode) for mode in config.modes], config.modes, config.limits)

    def trial(self, config: SearchConfig, point: Point, bench: Workbench, report: Report) -> None:
        """Builds, trains, compresses as the mode says, measures on validation data, writes the file."""
        from engine.experiments.parts.search_trial import run_trial

        series = next(one for one in self.series(config) if one.owns(point.params))
        run_trial(config, series, point, bench, report)

    def run(self, config: SearchConfig, points: Sequence[Point], context: Context) -> None:
        """Notes first which dimensions change nothing, then as every search."""
        bench = Workbench(config, context, lambda *_: None)

        def looked_at() -> dict[str, Any]:
            return {"idle": architecture.idle_dimensions(bench.classifier, searched(config, config.modes[-1]))}

        context.once("dimensions", looked_at)
        super().run(config, points, context)

    def figures(self, config: SearchConfig, run: RunRecord) -> Sequence[Figure]:
        """Best so far against trials, the trade-off, importances."""
        best = self.best(config, run)
        keys = dict.fromkeys(("bytes", config.against))
        drawn = [reading.progress_figure(config.limits, run)]
        drawn += [reading.trade_figure(config.limits, run, key, best) for key in keys if key != "none"]
        drawn.append(reading.importance_figure(run))
        return [figure for figure in drawn if figure.series]

    def listings(self, config: SearchConfig, run: RunRecord) -> Sequence[Listing]:
        """Curves and importances."""
        return reading.listings(config.limits, run)

    def findings(self, config: SearchConfig, run: RunRecord) -> Sequence[str]:
        """Which curve is ahead, what was chosen, and what in the space changes nothing."""
        told = reading.findings(config.limits, run)
        idle = (run.notes.get("dimensions") or {}).get("idle") or ()
        told += [f"{name} changes nothing: models of its first and its last value compute the same." for name in idle]
        return told + _unapplied(run.finished)


def searched(config: SearchConfig, mode: Mode) -> Space:
    """The space of a mode: what fits together, and the layers that may be skipped."""
    from engine.models.layer_names import square_layers

    space = architecture.fitting(config.space_of(mode), config.model)
    names = square_layers(config.model, config.skip) if config.skip else []
    return Space((*space.dimensions, *architecture.skipping(names)))


def setting(params: Params) -> str:
    """A trial's parameters in a line."""
    named = {key: value for key, value in params.items() if key not in ("sampler", "mode", "seed", "trial", GIVEN)}
    skipped = [key.removeprefix(architecture.SKIP) for key, value in named.items() if value == architecture.IDENTITY]
    plain = [
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in named.items()
        if not key.startswith(architecture.SKIP)
    ]
    return ", ".join(plain + ([f"without {', '.join(skipped)}"] if skipped else []))


def _unapplied(points: Sequence[PointRecord]) -> list[str]:
    """Layers that trials wanted to leave out and that their models did not have."""
    missing: dict[str, int] = {}
    for point in points:
        for name in (point.result or {}).get("not_skipped") or ():
            missing[name] = missing.get(name, 0) + 1
    return [
        f"{name} could not be left out in {count} trials: their models have no such square layer, so the choice "
        "changed nothing there."
        for name, count in missing.items()
    ]


EXPERIMENT = Search()
