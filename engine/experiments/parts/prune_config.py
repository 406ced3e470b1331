"""The settings of `prune`."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.experiments.parts.classification import TextConfig
from engine.experiments.parts.fields import SPLIT, Numbers, Words, unique

Method = Literal["random", "l1", "wanda"]
Granularity = Literal["weights", "n:m", "neurons", "heads"]
DEFAULT_STEPS = 100


class PruneConfig(TextConfig):
    """One point for each granularity, scope, method and sparsity; N:M has its own sparsity and no scope."""

    methods: Annotated[tuple[Method, ...], SPLIT] = Field(
        ("random", "l1"),
        min_length=1,
        title="Methods",
        description="Which go: random, l1 the smallest, wanda the smallest times their inputs.",
    )
    sparsities: Numbers = Field(
        tuple(round(0.1 * i, 1) for i in range(1, 10)),
        min_length=1,
        title="Sparsities",
        description="Shares that go, from 0 to below 1: 0.5,0.9 or 0.1-0.9:0.1.",
        json_schema_extra={"when": {"granularities": ["weights", "neurons", "heads"]}},
    )
    granularities: Annotated[tuple[Granularity, ...], SPLIT] = Field(
        ("weights",),
        min_length=1,
        title="Granularity",
        description="weights; n:m; whole neurons of feed-forward blocks or attention heads, cut out.",
    )
    pattern: str = Field(
        "2:4",
        title="N:M pattern",
        description="For n:m: N of M neighbouring inputs are kept.",
        json_schema_extra={"when": {"granularities": ["n:m"]}},
    )
    scopes: Annotated[tuple[Literal["layer", "global"], ...], SPLIT] = Field(
        ("layer",),
        min_length=1,
        title="Scope",
        description="The share of each layer, or of all layers together.",
        json_schema_extra={"when": {"granularities": ["weights", "neurons", "heads"]}},
    )
    schedule: Literal["once", "cubic"] = Field(
        "once",
        title="Schedule",
        description="cubic prunes step by step over the first part of the fine-tuning.",
        json_schema_extra={"when": {"granularities": ["weights"]}},
    )
    finetune_steps: int | None = Field(
        None,
        ge=0,
        title="Tuning steps",
        description=f"Fine-tuning of each point; {DEFAULT_STEPS} if empty, 0 for none.",
    )
    finetune_epochs: float | None = Field(
        None, gt=0, title="Tuning epochs", description="Fine-tuning in epochs, instead of steps."
    )
    learning_rate: float = Field(1e-4, gt=0, le=1, title="Learning rate", description="Peak rate of the fine-tuning.")
    threshold: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Threshold",
        description="Inputs below this share of their token's largest are zeroed too; 0: none.",
    )
    layers: Words = Field(("Linear",), min_length=1, title="Layers", description="Types or name patterns to prune.")
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out, for example classifier.")

    @field_validator("methods", "sparsities", "granularities", "scopes")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("sparsities")
    @classmethod
    def _shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        for sparsity in value:
            if not 0 <= sparsity < 1:
                raise ValueError(f"a sparsity is a share from 0 to below 1; {sparsity:g} is not")
        return value

    @field_validator("pattern")
    @classmethod
    def _n_of_m(cls, value: str) -> str:
        match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", value)
        if match is None:
            raise ValueError(f"{value!r} is not a pattern; write how many of how many are kept, for example 2:4")
        n, m = int(match[1]), int(match[2])
        if not 1 <= n <= m:
            raise ValueError(f"N:M keeps N of each M, so N lies between 1 and M; {n}:{m} does not say that")
        return f"{n}:{m}"

    @property
    def kept(self) -> tuple[int, int]:
        """N and M of the pattern."""
        n, m = self.pattern.split(":")
        return int(n), int(m)

    @model_validator(mode="after")
    def _tuning(self) -> Self:
        if self.finetune_steps is not None and self.finetune_epochs is not None:
            raise ValueError("give finetune_steps or finetune_epochs, not both")
        if self.schedule == "cubic" and set(self.granularities) != {"weights"}:
            raise ValueError("a cubic schedule prunes single weights: take granularities=weights with it")
        if self.schedule == "cubic" and self.finetune_steps == 0:
            raise ValueError("a cubic schedule prunes during the fine-tuning: give it finetune_steps")
        return self
