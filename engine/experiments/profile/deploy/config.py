"""Which engines, at which sizes, and what they are scored on."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from engine.experiments.profile.fields import BatchSizes, Model, Sizes, Source, Timed
from engine.experiments.shared.settings import SPLIT, unique

Engine = Literal[
    "eager",
    "eager-bf16",
    "compiled",
    "torchao-int8-weights",
    "torchao-int8-dynamic",
    "onnxruntime",
    "onnxruntime-int8",
    "mxint8",
]


class DeployConfig(Timed):
    """Each engine at each batch size and length."""

    study: Literal["deploy"] = "deploy"
    model: Model = "builtin"
    engines: Annotated[tuple[Engine, ...], SPLIT, AfterValidator(unique)] = Field(
        (), title="Engines", description="What computes the model, a point each; empty: those that are installed."
    )
    data: Source = Field(
        "",
        title="Data",
        description="Scores each engine on its test set: a folder, a file, an id or builtin; empty: times alone.",
    )
    eval_samples: int | None = Field(
        1000, ge=2, title="Eval samples", description="At most so many of the test set; empty takes all."
    )
    batch_sizes: BatchSizes = (1, 16)
    sequences: Sizes = Field(
        (), title="Sequences", description="Tokens per text, a point each; if empty 128, or what the model takes."
    )
