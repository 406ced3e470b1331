"""What a search takes: a space, samplers, modes and a budget."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.errors import InputError
from engine.experiments.search import architecture
from engine.experiments.shared.searching import SearchSettings
from engine.experiments.shared.settings import SPLIT, Words, unique
from engine.formats.registry import parse_spec
from engine.search.samplers import Pruner, Sampler, check_sampler
from engine.search.space import Space
from engine.search.space_text import AUTO, SpaceText, parse_space

Mode = Literal["plain", "compress", "tune"]


class SearchConfig(SearchSettings):
    """One curve for each sampler and mode."""

    MEASURED = ("bytes", "lost", "parameters", "operations", "latency")

    space: SpaceText = Field(
        AUTO,
        title="Space",
        description="Config fields, learning_rate, batch_size, format, sparsity, lora_rank: a=1,2; b=1e-4..1e-2 log; "
        "auto: sizes around the model's own.",
    )
    skip: Words = Field(
        (), title="Skip", description="Square layers, by pattern, that may be left out: *.query, *.dense."
    )
    samplers: Annotated[tuple[Sampler, ...], SPLIT] = Field(
        ("tpe",), min_length=1, title="Samplers", description="A curve each, with the same seeds and budget."
    )
    modes: Annotated[tuple[Mode, ...], SPLIT] = Field(
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
        try:
            written = self.written
        except InputError:  # a space of the model's own, and no model: `check` says so
            return self
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

    @property
    def train_samples(self) -> int | None:
        """Those of a trial's steps; all where trials choose how many a step takes, or seeds are to differ in them."""
        if self.seeds > 1 or "batch_size" in self.written.names:
            return None
        return self.batch_size * max(self.steps, self.tune_steps)

    @property
    def side_by_side(self) -> int:
        """One at a time where trials are timed."""
        timed = self.against == "latency" or any(limit.key == "latency" for limit in self.limits)
        return 1 if timed else super().side_by_side

    @property
    def needs_train(self) -> str:
        """Each trial is trained."""
        return "a search"

    @property
    def written(self) -> Space:
        """The space as it is written, or the model's own. Raises InputError where there is no model to read it off."""
        return architecture.own_space(self.model) if self.space == AUTO else parse_space(self.space)

    def space_of(self, mode: Mode, written: Space | None = None) -> Space:
        """What is chosen in a mode, before the model is looked at."""
        left_out = {"plain": {*architecture.COMPRESSION, architecture.LORA}, "compress": {architecture.LORA}}
        space = written or self.written
        return Space(tuple(one for one in space.dimensions if one.name not in left_out.get(mode, set())))


def searched(config: SearchConfig, mode: Mode) -> Space:
    """The space of a mode: what fits together, and the layers that may be skipped."""
    from engine.models.layer_names import square_layers

    space = architecture.fitting(config.space_of(mode), config.model)
    names = square_layers(config.model, config.skip) if config.skip else []
    return Space((*space.dimensions, *architecture.skipping(names)))
