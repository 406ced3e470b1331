"""What experiments on text classifiers share: settings, and the model, data and baseline that points need."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from engine.errors import InputError
from engine.experiments.base import ExperimentConfig
from engine.runtime.chain import PREFIX
from engine.runtime.context import Context, Point
from engine.runtime.files import write_durably

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.models.classifier import Classifier
    from engine.models.tokens import Splits
    from engine.training.tokens import Tokens

Report = Callable[[float, float, str], None]
WARM = (
    "torch",
    "transformers.models.bert.modeling_bert",
    "engine.compress",
    "engine.models.classifier",
    "engine.models.tokens",
    "engine.training.evaluate",
    "engine.training.statistics",
)
"""What a host imports for experiments on text classifiers."""

BASELINE_CORRECT = "baseline.safetensors"


class TextConfig(ExperimentConfig):
    """Model, data and evaluation of a text-classification experiment."""

    model: str = Field("builtin", title="Model", description="A folder, a Hugging Face id, run:NAME or builtin.")
    data: str = Field(
        "builtin", title="Data", description="A folder or file (Parquet, CSV, TSV, JSON lines), an id, or builtin."
    )
    text_column: str = Field("", title="Text column", description="Found by name where empty.")
    label_column: str = Field("", title="Label column", description="Found by name where empty.")
    max_length: int = Field(
        256, ge=8, le=8192, title="Max length", description="Tokens per text; longer texts are cut."
    )
    batch_size: int = Field(
        64, ge=1, le=4096, title="Batch size", description="Texts per batch, in evaluation and training."
    )
    eval_samples: int | None = Field(
        None,
        ge=10,
        title="Eval samples",
        description="At most so many texts of validation and of test; empty takes all.",
    )

    @field_validator("model", "data")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """What is here is named so that the run finds it wherever it is resumed from."""
        path = Path(value).expanduser()
        return str(path.absolute()) if value.strip() and path.exists() else value

    @property
    def model_name(self) -> str:
        """The model in a word or two: a folder's or repository's own name, or the run and point that made it."""
        return self.model.removeprefix(PREFIX) if self.model.startswith(PREFIX) else Path(self.model).name

    def check_sources(self) -> None:
        """Raises InputError where the model or the data cannot be used. Reads files, no torch."""
        from engine.models.check import check_sources

        check_sources(self.model, self.data, self.text_column or None, self.label_column or None)


@dataclass
class Workbench:
    """The model and the tokens of one task, each loaded when first asked for."""

    config: TextConfig
    context: Context
    report: Report

    @classmethod
    def of(cls, config: TextConfig, point: Point, context: Context) -> "Workbench":
        """For one point, which it reports as; torch is seeded and the run's baseline measured."""
        bench = cls(config, context, lambda *_: None)
        bench.turn_to(point)
        bench.baseline()
        return bench

    def turn_to(self, point: Point) -> None:
        """Begins a point: what follows is reported as its progress, and torch is seeded as for any other."""
        import torch

        def report(done: float, total: float, text: str) -> None:
            self.context.progress(point.index, done, total, text)

        torch.manual_seed(self.config.seed)
        self.report = report

    @cached_property
    def classifier(self) -> "Classifier":
        """The starting model, in eval mode, on the task's device."""
        from engine.compress import load

        classifier = load(self.config.model, progress=self.report)
        classifier.model.to(self.context.device)
        return classifier

    @cached_property
    def splits(self) -> "Splits":
        """Train, validation and test as tokens; validation and test cut to `eval_samples` by seed.

        Raises:
            InputError: the data has more classes than the model. What the hub holds is known only once it is here.
        """
        from engine.models.tokens import load_tokens

        config = self.config
        splits = load_tokens(
            config.data,
            self.classifier.tokenizer,
            config.max_length,
            config.seed,
            text_column=config.text_column or None,
            label_column=config.label_column or None,
            progress=self.report,
        )
        classes = self.classifier.labels
        if splits.labels > classes:
            raise InputError(
                f"{config.data} has the label {splits.labels - 1} and {config.model} tells {classes} classes apart "
                f"(0 to {classes - 1}); take a model with more classes or other data."
            )
        if config.eval_samples is None:
            return splits
        return replace(
            splits,
            validation=sampled(splits.validation, config.eval_samples, config.seed),
            test=sampled(splits.test, config.eval_samples, config.seed),
        )

    def measure(self, model: "nn.Module", report: Report) -> tuple[dict[str, Any], "Tensor"]:
        """Validation accuracy (to choose by) and test accuracy (to report), and which test texts were right."""
        from engine.training.evaluate import evaluate

        validation, test = self.splits.validation, self.splits.test
        total = len(validation) + len(test)

        def evaluated(tokens: "Tokens", before: int, text: str) -> Any:
            return evaluate(
                model,
                tokens,
                batch_size=self.config.batch_size,
                device=self.context.device,
                pad_id=self.classifier.pad_id,
                progress=lambda done, _total, _text: report(before + done, total, text),
            )

        chosen_by = evaluated(validation, 0, "validation")
        reported = evaluated(test, len(validation), "test")
        return {
            "accuracy": reported.accuracy,
            "accuracy_low": reported.low,
            "accuracy_high": reported.high,
            "loss": reported.loss,
            "samples": reported.n,
            "validation_accuracy": chosen_by.accuracy,
            "validation_samples": chosen_by.n,
        }, reported.correct

    def baseline(self) -> tuple[dict[str, Any], "Tensor"]:
        """The starting model's measure, taken once per run, and which test texts it got right."""
        from safetensors.torch import load_file, save_file

        path = self.context.artifact(BASELINE_CORRECT)

        def compute() -> dict[str, Any]:
            measured, correct = self.measure(
                self.classifier.model, lambda done, total, text: self.report(done, total, f"baseline: {text}")
            )
            write_durably(path, lambda partial: save_file({"correct": correct}, partial))
            return measured | {"bytes": written_bytes(self.classifier, self.context.artifact("baseline"))}

        measured = self.context.once("baseline", compute)
        return measured, load_file(path)["correct"]

    def compared(self, model: "nn.Module", prefix: str = "") -> dict[str, Any]:
        """A model's measure and its difference from the baseline on the same texts, under names with that prefix."""
        from engine.training.statistics import paired_difference

        _, baseline_correct = self.baseline()
        measured, correct = self.measure(model, self.report)
        delta, low, high = paired_difference(correct, baseline_correct)
        found = measured | {"delta": delta, "delta_low": low, "delta_high": high}
        return {prefix + name: value for name, value in found.items()}

    def conclude(self, point: int, model: "nn.Module") -> dict[str, Any]:
        """What every point records: how it compares with the baseline, its model, saved, in bytes, and what it took."""
        from engine.compress import save
        from engine.training.memory import peak_memory

        baseline, _ = self.baseline()
        compared = self.compared(model)
        folder = self.context.artifact("points", str(point), "model")
        written = save(replace(self.classifier, model=model), folder)
        return compared | {
            "bytes": written,
            "compression": baseline["bytes"] / written,
            "model": str(folder.relative_to(self.context.directory)),
            "peak_memory": peak_memory(self.context.device),
        }


def sampled(tokens: "Tokens", count: int, seed: int) -> "Tokens":
    """At most `count` texts drawn by seed, in their order."""
    import torch

    if len(tokens) <= count:
        return tokens
    drawn = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))[:count]
    return tokens.select(drawn.sort().values)


def written_bytes(classifier: "Classifier", folder: Path) -> int:
    """Bytes of the weights file that saving this classifier writes; `folder` is gone afterwards."""
    from engine.compress import save

    try:
        return save(classifier, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
