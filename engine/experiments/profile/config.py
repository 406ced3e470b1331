"""What can be profiled: six studies, each with its own settings."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from engine.experiments.api import ExperimentConfig
from engine.experiments.shared.settings import SPLIT, WholeNumbers, Words, unique
from engine.models.sources import absolute_source
from engine.runtime.references import PREFIX

Study = Literal["compile", "attention", "mxint8", "memory", "step", "deploy"]
Block = Literal["mlp", "attention", "encoder"]
Dtype = Literal["float32", "bfloat16", "float16"]
Mask = Literal["full", "causal"]
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


def _of(*studies: Study) -> dict[str, Any]:
    """Marks a field as one that only these studies read."""
    return {"when": {"study": list(studies)}}


class ProfileConfig(ExperimentConfig):
    """Which study, of what, at which sizes."""

    study: Study = Field(
        "compile",
        title="Study",
        description="Compiled or eager, fused attention, MXINT8 kernels, packed memory, a step, engines side by side.",
    )
    model: str = Field(
        "builtin",
        title="Model",
        description="A folder, a Hugging Face id, file.py:function, run:NAME or builtin.",
        json_schema_extra=_of("compile", "memory", "step", "deploy"),
    )
    engines: Annotated[tuple[Engine, ...], SPLIT] = Field(
        (),
        title="Engines",
        description="What computes the model, a point each; empty: those that are installed.",
        json_schema_extra=_of("deploy"),
    )
    data: str = Field(
        "",
        title="Data",
        description="Scores each engine on its test set: a folder, a file, an id or builtin; empty: times alone.",
        json_schema_extra=_of("deploy"),
    )
    eval_samples: int | None = Field(
        1000,
        ge=2,
        title="Eval samples",
        description="At most so many of the test set; empty takes all.",
        json_schema_extra=_of("deploy"),
    )
    blocks: Annotated[tuple[Block, ...], SPLIT] = Field(
        (),
        title="Blocks",
        description="Built-in blocks, in place of the model.",
        json_schema_extra=_of("compile", "memory", "step"),
    )
    hidden: int = Field(
        256,
        ge=8,
        le=16384,
        title="Hidden",
        description="Features of the built-in blocks.",
        json_schema_extra=_of("compile", "memory", "step"),
    )
    dtypes: Annotated[tuple[Dtype, ...], SPLIT] = Field(
        ("float32",),
        min_length=1,
        title="Dtypes",
        description="Of weights and activations, a point each.",
        json_schema_extra=_of("compile", "attention", "step"),
    )
    batch_sizes: WholeNumbers = Field(
        (1, 16),
        min_length=1,
        title="Batch sizes",
        description="Texts at once, a point each: 1,16.",
        json_schema_extra=_of("compile", "step", "deploy"),
    )
    sequence: int | None = Field(
        None,
        ge=1,
        le=1 << 20,
        title="Sequence",
        description="Tokens per text; if empty 128, or what the model takes.",
        json_schema_extra=_of("compile", "step"),
    )
    sequences: WholeNumbers = Field(
        (),
        title="Sequences",
        description="Tokens per text, a point each; if empty 128, or what the model takes.",
        json_schema_extra=_of("deploy"),
    )
    lengths: WholeNumbers = Field(
        (128, 256, 512, 1024),
        min_length=1,
        title="Lengths",
        description="Tokens that attend to each other, a point each.",
        json_schema_extra=_of("attention"),
    )
    head_sizes: WholeNumbers = Field(
        (64,), min_length=1, title="Head sizes", description="Features of a head.", json_schema_extra=_of("attention")
    )
    heads: int = Field(
        8,
        ge=1,
        le=65536,
        title="Heads",
        description="Heads of all texts together.",
        json_schema_extra=_of("attention"),
    )
    masks: Annotated[tuple[Mask, ...], SPLIT] = Field(
        ("full",),
        min_length=1,
        title="Masks",
        description="causal: a token sees none after it.",
        json_schema_extra=_of("attention"),
    )
    elements: WholeNumbers = Field(
        (8_388_608,),
        min_length=1,
        title="Elements",
        description="Numbers to decode; 1 GiB of them and more rotate.",
        json_schema_extra=_of("mxint8"),
    )
    decoded: Annotated[tuple[Dtype, ...], SPLIT] = Field(
        ("bfloat16",),
        min_length=1,
        title="Decoded",
        description="Types that the kernels write.",
        json_schema_extra=_of("mxint8"),
    )
    groups: WholeNumbers = Field(
        (32,),
        min_length=1,
        title="Groups",
        description="Numbers that share a scale, 8 to 512.",
        json_schema_extra=_of("mxint8", "memory"),
    )
    layers: Words = Field(
        ("Linear",),
        min_length=1,
        title="Layers",
        description="Types or name patterns to pack.",
        json_schema_extra=_of("memory"),
    )
    skip: Words = Field(
        (), title="Skip", description="Types or name patterns to leave out.", json_schema_extra=_of("memory")
    )
    mode: Literal["inference", "training"] = Field(
        "inference",
        title="Mode",
        description="training: forward, backward and AdamW.",
        json_schema_extra=_of("step"),
    )
    steps: int = Field(
        5, ge=1, le=1000, title="Steps", description="Steps under the profiler.", json_schema_extra=_of("step")
    )
    trace: bool = Field(
        True, title="Trace", description="Keep a Chrome trace with the run.", json_schema_extra=_of("step")
    )
    repeats: int = Field(
        30,
        ge=4,
        le=10_000,
        title="Repeats",
        description="Calls of each, beyond the warm-up.",
        json_schema_extra=_of("compile", "attention", "mxint8", "step", "deploy"),
    )

    @field_validator("model", "data")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """What is here is named so that the run finds it wherever it is resumed from."""
        return absolute_source(value.strip()) if value.strip() else ""

    @field_validator(
        "blocks",
        "dtypes",
        "engines",
        "batch_sizes",
        "sequences",
        "lengths",
        "head_sizes",
        "masks",
        "elements",
        "decoded",
        "groups",
    )
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("batch_sizes", "sequences", "lengths", "head_sizes")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for number in value:
            if not 1 <= number <= 1 << 20:
                raise ValueError(f"a size lies between 1 and 1,048,576; {number} does not")
        return value

    @field_validator("elements")
    @classmethod
    def _enough(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for number in value:
            if not 4096 <= number <= 1 << 32:
                raise ValueError(f"give 4,096 to 4,294,967,296 elements, not {number}")
        return value

    @field_validator("groups")
    @classmethod
    def _group_bounds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for group in value:
            if not 8 <= group <= 512:
                raise ValueError(f"a group holds 8 to 512 numbers; {group} does not")
        return value

    @property
    def subjects(self) -> tuple[str, ...]:
        """The blocks, or else the model."""
        return self.blocks or (self.model,)


def short(what: str) -> str:
    """A model or block in a word or two."""
    return what.removeprefix(PREFIX) if what.startswith(PREFIX) else Path(what).name
