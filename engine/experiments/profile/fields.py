"""Settings that several studies of `profile` have: a type for each, with its title, description and bounds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from engine.experiments.api import ExperimentConfig
from engine.experiments.shared.settings import SPLIT, WholeNumbers, unique
from engine.models.sources import absolute_source
from engine.runtime.references import PREFIX

StudyName = Literal["compile", "attention", "mxint8", "memory", "step", "deploy"]
Block = Literal["mlp", "attention", "encoder"]
Dtype = Literal["float32", "bfloat16", "float16"]


def _absolute(value: str) -> str:
    """What is here is named so that the run finds it wherever it is resumed from."""
    return absolute_source(value.strip()) if value.strip() else ""


def _positive(value: tuple[int, ...]) -> tuple[int, ...]:
    for number in value:
        if not 1 <= number <= 1 << 20:
            raise ValueError(f"a size lies between 1 and 1,048,576; {number} does not")
    return value


def _group_bounds(value: tuple[int, ...]) -> tuple[int, ...]:
    for group in value:
        if not 8 <= group <= 512:
            raise ValueError(f"a group holds 8 to 512 numbers; {group} does not")
    return value


Source = Annotated[str, AfterValidator(_absolute)]
Sizes = Annotated[WholeNumbers, AfterValidator(unique), AfterValidator(_positive)]
"""Whole numbers from 1 on, a point each."""

Model = Annotated[
    Source, Field(title="Model", description="A folder, a Hugging Face id, file.py:function, run:NAME or builtin.")
]
Blocks = Annotated[
    tuple[Block, ...],
    SPLIT,
    AfterValidator(unique),
    Field(title="Blocks", description="Built-in blocks, in place of the model."),
]
Hidden = Annotated[int, Field(ge=8, le=16384, title="Hidden", description="Features of the built-in blocks.")]
Dtypes = Annotated[
    tuple[Dtype, ...],
    SPLIT,
    AfterValidator(unique),
    Field(min_length=1, title="Dtypes", description="Of weights and activations, a point each."),
]
BatchSizes = Annotated[
    Sizes, Field(min_length=1, title="Batch sizes", description="Texts at once, a point each: 1,16.")
]
Tokens = Annotated[
    int | None,
    Field(ge=1, le=1 << 20, title="Sequence", description="Tokens per text; if empty 128, or what the model takes."),
]
Groups = Annotated[
    WholeNumbers,
    AfterValidator(unique),
    AfterValidator(_group_bounds),
    Field(min_length=1, title="Groups", description="Numbers that share a scale, 8 to 512."),
]


class StudyConfig(ExperimentConfig):
    """What every study is asked."""

    study: StudyName


class Timed(StudyConfig):
    """Of a study that times calls."""

    repeats: int = Field(30, ge=4, le=10_000, title="Repeats", description="Calls of each, beyond the warm-up.")


def subjects(model: str, blocks: Sequence[str]) -> Sequence[str]:
    """The blocks, or else the model."""
    return blocks or (model,)


def short(what: str) -> str:
    """A model or block in a word or two."""
    return what.removeprefix(PREFIX) if what.startswith(PREFIX) else Path(what).name
