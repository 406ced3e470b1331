"""The settings that experiments on models that are scored share: model, data, task and evaluation."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.config import JsonDict

from engine.experiments.api import ExperimentConfig
from engine.models.python_file import is_python
from engine.models.sources import absolute_source
from engine.runtime.references import PREFIX
from engine.tasks.kinds import AUTO, DEFAULT, LAYERS, METRICS, Name
from engine.tasks.metric import ACCURACY, Metric

InputRange = Literal["max", "error"]
CALIBRATION = "fitting the formats of inputs (activations=fp32 leaves them alone)"
"""What training data are needed for where formats are fitted to what comes into a layer."""
TEXT: JsonDict = {"when": {"task": ["text-classification", "causal-lm"]}}
LABELLED: JsonDict = {"when": {"task": ["text-classification", "image-classification"]}}
IMAGES: JsonDict = {"when": {"task": ["image-classification"]}}
TEXTS: JsonDict = {"when": {"task": ["text-classification"]}}
WINDOWS: JsonDict = {"when": {"task": ["causal-lm"]}}


def fold() -> Any:
    """The field of experiments that give layers number formats."""
    return Field(
        True,
        title="Fold",
        description="Batch norms are folded into the convolutions before them first.",
        json_schema_extra=IMAGES,
    )


def input_range() -> Any:
    """The field of experiments that give inputs of layers number formats."""
    return Field(
        "max",
        title="Input range",
        description="What the one scale of inputs in int(8,tensor) or nvfp4 covers: max, or what has the least error.",
    )


class TaskConfig(ExperimentConfig):
    """Model, data and evaluation of an experiment on a model that is scored."""

    model: str = Field(
        "builtin", title="Model", description="A folder, a Hugging Face id, file.py:function, run:NAME or builtin."
    )
    data: str = Field(
        "builtin", title="Data", description="A folder or file (Parquet, CSV, TSV, JSON lines), an id, or builtin."
    )
    task: Name = Field(
        AUTO, title="Task", description="What the model is for and is scored by; auto: read off the model."
    )
    text_column: str = Field(
        "", title="Text column", description="Detected from the header when empty.", json_schema_extra=TEXT
    )
    image_column: str = Field(
        "", title="Image column", description="Detected by what it holds when empty.", json_schema_extra=IMAGES
    )
    label_column: str = Field(
        "", title="Label column", description="Detected from the header when empty.", json_schema_extra=LABELLED
    )
    first_label: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        title="First label",
        description="The number of the first class; empty: 1 where labels start at 1, else 0.",
        json_schema_extra=LABELLED,
    )
    max_length: int = Field(
        256,
        ge=8,
        le=8192,
        title="Max length",
        description="Tokens per text; longer texts are cut.",
        json_schema_extra=TEXTS,
    )
    window: int | None = Field(
        None,
        ge=8,
        le=1 << 20,
        title="Window",
        description="Tokens of a window; empty: 2,048, or what the model takes.",
        json_schema_extra=WINDOWS,
    )
    calibration: str = Field(
        "",
        title="Calibration",
        description="Text to calibrate and train on where the data have no train set.",
        json_schema_extra=WINDOWS,
    )
    calibration_samples: int = Field(
        128,
        ge=1,
        title="Calibration samples",
        description="Texts, windows or images of train that formats are fitted to and scores are of.",
    )
    batch_size: int = Field(
        64, ge=1, le=4096, title="Batch size", description="Samples per batch, in evaluation and training."
    )
    eval_samples: int | None = Field(
        None,
        ge=2,
        title="Eval samples",
        description="At most so many texts, windows or images of validation and of test; empty takes all.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=1024,
        title="Workers",
        description="Points at once on a CPU; empty takes what cores and memory allow.",
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_layers(cls, values: Any) -> Any:
        """Where no layers are named they are those that the task's models mostly consist of."""
        if "layers" in cls.model_fields and isinstance(values, Mapping) and not values.get("layers"):
            return {**values, "layers": LAYERS.get(str(values.get("task")), LAYERS[DEFAULT])}
        return values

    @field_validator("model", "data", "calibration")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """What is here is named so that the run finds it wherever it is resumed from."""
        return absolute_source(value) if value else value

    @classmethod
    def recorded(cls, config: Mapping[str, Any]) -> Self:
        """Before calibration samples were a number of the config they were those of four batches."""
        size = config.get("batch_size")
        batches = {"calibration_samples": 4 * size} if isinstance(size, int) else {}
        return super().recorded({**batches, **config})

    @property
    def new_head(self) -> bool:
        """Whether a model without a head for the data's classes gets a new one."""
        return False

    @property
    def needs_train(self) -> str:
        """What training data are needed for, in a word or two; empty where they are not."""
        return ""

    @property
    def needs_validation(self) -> str:
        """What validation data are needed for, likewise."""
        return ""

    @property
    def model_name(self) -> str:
        """The model in a word or two: a folder's or repository's own name, or the run and point that made it."""
        return self.model.removeprefix(PREFIX) if self.model.startswith(PREFIX) else Path(self.model).name

    @property
    def side_by_side(self) -> int:
        """As many as there are: points are models of their own, and nothing is timed."""
        return sys.maxsize

    @property
    def trains(self) -> bool:
        """Whether points are trained."""
        return True

    @property
    def copies(self) -> int:
        """Copies of the weights that a point holds at once where it is not trained."""
        return 1

    @property
    def on_one_gpu(self) -> str:
        """Training is on one, and of a module of one's own nothing says where it may be parted."""
        if self.trains:
            return "training takes one"
        return "a Python file's module stays whole" if is_python(self.model) else super().on_one_gpu

    @property
    def metric(self) -> Metric:
        """What models are scored by."""
        return METRICS.get(self.task, ACCURACY)

    def check_sources(self) -> list[str]:
        """What is to be known of model and data before the start, a sentence each. Reads files, no torch.

        Raises:
            InputError: the model or the data cannot be used.
        """
        from engine.tasks.checks import check

        said = check(self)
        return ["; ".join([*said[:1], *self.cut]), *said[1:]] if said or self.cut else []

    @property
    def train_samples(self) -> int | None:
        """How many samples of train points are trained on at most; None: all."""
        return None

    @property
    def cut(self) -> list[str]:
        """Of which samples only some are used."""
        evaluated, trained = self.eval_samples, self.train_samples
        what = "rows" if self.metric.samples == "texts" else self.metric.samples
        said = [] if evaluated is None else [f"at most {evaluated:,} {what} of validation and of test are evaluated"]
        return said + ([f"at most {trained:,} of train are trained on"] if trained else [])
