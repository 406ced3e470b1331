"""The settings of `prune`."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.experiments.prune.measures import Granularity, Method, Scope
from engine.experiments.shared.giving_up import GivingUpConfig
from engine.experiments.shared.settings import SPLIT, Numbers, Words, unique
from engine.experiments.shared.teaching import TaughtConfig
from engine.scores.registry import SCORES

CUT = ("neurons", "heads", "channels")
"""What is taken out of a model, which becomes smaller and faster by it."""
DEFAULT_STEPS = 100
MEASURING = {score.name: score.title for score in SCORES.values() if score.needs} | {"sparsegpt": "SparseGPT"}
"""The methods that need calibration samples, as a sentence names them."""
_LOWEST = ", ".join(f"{score.name} {score.means}".strip() for score in SCORES.values())


class PruneConfig(TaughtConfig, GivingUpConfig):
    """One point for each granularity, scope, method and sparsity; N:M has its own sparsity and no scope."""

    SPREADS = True

    methods: Annotated[tuple[Method, ...], SPLIT] = Field(
        ("random", "l1"),
        min_length=1,
        title="Methods",
        description=f"Which go: {_LOWEST}, sparsegpt those that others make up for, movement those that the "
        "fine-tuning moves towards zero.",
    )
    sparsities: Numbers = Field(
        tuple(round(0.1 * i, 1) for i in range(1, 10)),
        min_length=1,
        title="Sparsities",
        description="Shares that go, from 0 to below 1: 0.5,0.9 or 0.1-0.9:0.1.",
        json_schema_extra={"when": {"granularities": ["weights", *CUT]}},
    )
    granularities: Annotated[tuple[Granularity, ...], SPLIT] = Field(
        ("weights",),
        min_length=1,
        title="Granularities",
        description="weights; n:m; neurons of feed-forward blocks, attention heads or channels, cut out.",
    )
    pattern: str = Field(
        "2:4",
        title="Pattern",
        description="For n:m: N of M neighbouring inputs are kept.",
        json_schema_extra={"when": {"granularities": ["n:m"]}},
    )
    scopes: Annotated[tuple[Scope, ...], SPLIT] = Field(
        ("layer",),
        min_length=1,
        title="Scopes",
        description="The share of each layer, or of all layers together.",
        json_schema_extra={"when": {"granularities": ["weights", *CUT]}},
    )
    schedule: Literal["once", "cubic"] = Field(
        "once",
        title="Schedule",
        description="cubic prunes step by step over the first part of the fine-tuning, as movement always does.",
        json_schema_extra={"when": {"granularities": ["weights"]}},
    )
    finetune_steps: int | None = Field(
        None,
        ge=0,
        title="Finetune steps",
        description=f"Fine-tuning of each point; {DEFAULT_STEPS} if empty, 0 for none.",
    )
    finetune_epochs: float | None = Field(
        None, gt=0, title="Finetune epochs", description="Fine-tuning in epochs, instead of steps."
    )
    learning_rate: float = Field(1e-4, gt=0, le=1, title="Learning rate", description="Peak rate of the fine-tuning.")
    threshold: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Threshold",
        description="Inputs below this share of their token's largest are zeroed too; 0: none.",
    )
    layers: Words = Field(
        (), title="Layers", description="Types or name patterns to prune; empty: Linear, of images Conv2d too."
    )
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

    @property
    def trains(self) -> bool:
        """Unless the fine-tuning is left out."""
        return self.finetune_steps != 0

    @property
    def train_samples(self) -> int | None:
        """Those of the fine-tuning's steps."""
        steps = DEFAULT_STEPS if self.finetune_steps is None else self.finetune_steps
        return None if self.finetune_epochs is not None else self.batch_size * steps

    @property
    def copies(self) -> int:
        """The pruned ones, the same with their zeros, and what is left of them as it is written; then gradients."""
        by_gradients = any(SCORES[one].needs == "gradients" for one in self.methods if one in SCORES)
        return 5 if by_gradients else 3  # those of a batch, and their sum

    @property
    def side_by_side(self) -> int:
        """One at a time where models are cut: their speed is measured."""
        return 1 if set(CUT) & set(self.granularities) else super().side_by_side

    @property
    def needs_train(self) -> str:
        """Fine-tuning trains; some scores are of what comes in, or of gradients."""
        if self.finetune_epochs is not None or self.finetune_steps != 0:
            return "fine-tuning (finetune_steps=0 leaves it out)"
        if "channels" in self.granularities:
            return "tracing which channels belong together"
        return ", ".join(named for method, named in MEASURING.items() if method in self.methods)

    @model_validator(mode="after")
    def _tuning(self) -> Self:
        if self.finetune_steps is not None and self.finetune_epochs is not None:
            raise ValueError("give finetune_steps or finetune_epochs, not both")
        if self.schedule == "cubic" and set(self.granularities) != {"weights"}:
            raise ValueError("a cubic schedule prunes single weights: take granularities=weights with it")
        if self.schedule == "cubic" and self.finetune_steps == 0:
            raise ValueError("a cubic schedule prunes during the fine-tuning: give it finetune_steps")
        if "sparsegpt" in self.methods and not set(self.granularities) <= {"weights", "n:m"}:
            raise ValueError("sparsegpt prunes single weights: take granularities=weights or n:m with it")
        if "sparsegpt" in self.methods and "global" in self.scopes:
            raise ValueError(
                "sparsegpt prunes a layer after the other, each to the same share: take scopes=layer with it"
            )
        if "movement" in self.methods and set(self.granularities) != {"weights"}:
            raise ValueError("movement prunes single weights: take granularities=weights with it")
        if "movement" in self.methods and self.finetune_steps == 0:
            raise ValueError("movement trains its scores during the fine-tuning: give it finetune_steps")
        if self.teacher and self.finetune_steps == 0:
            raise ValueError("a teacher is followed in the fine-tuning: give it finetune_steps, or leave teacher out")
        return self
