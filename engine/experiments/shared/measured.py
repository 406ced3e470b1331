"""What every experiment on a scored model records of one: its score, its difference from the baseline, its file."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.pairing import Outcomes
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

Share = Annotated[float | None, Quantity("Covered", "percent", usual=1.0)]
"""The share of the model's bytes that the point's changed layers hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested(Recorded):
    """The score on test data, with its interval; `delta` is it less the baseline's on the same samples, paired."""

    score: Annotated[Bounded, Quantity("{Metric}", "score", key="{metric}")]
    loss: Annotated[float, Quantity("Loss", "number")]
    samples: Annotated[int, Quantity("Samples", "number")] = 0
    delta: Annotated[Bounded | None, Quantity("Δ base", "score", signed=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Tested):
    """The same with the score on validation data, which points are chosen by.

    `validation_error` is one standard error on the metric's own scale; runs of accuracies before 0.2 lack it.
    """

    validation: Annotated[float | None, Quantity("Validation", "score", key="validation_{metric}")] = None
    validation_samples: Annotated[int | None, Quantity("Validation samples", "number")] = None
    validation_error: Annotated[float | None, Quantity("Validation error", "number")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Measured):
    """The same with the outcome of each test sample, where points are compared with one another."""

    outcomes: Outcomes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded(Compared):
    """The same of a model that was saved: `bytes` of the file as written, the baseline's over it as `compression`.

    `model` is its folder below the run's. `peak_memory` is that of the process, or of a GPU's tensors. `given_up` is
    after how many samples its evaluation was ended, `given_up_of` how many would have decided; both only where it was.
    """

    bytes: Annotated[int, Quantity("Size", "bytes")]
    compression: Annotated[float | None, Quantity("Compression", "number")] = None
    model: Annotated[str | None, Quantity("Saved in")] = None
    peak_memory: Annotated[float | None, Quantity("Memory", "bytes")] = None
    given_up: Annotated[int | None, Quantity("Given up at", "number", usual=0)] = None
    given_up_of: Annotated[int | None, Quantity("Given up of", "number")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Measured):
    """The starting model's measure, and the bytes of its own weights."""

    bytes: Annotated[int, Quantity("Size", "bytes")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNoise(Recorded):
    """What quantisation does to a layer; `bits` is what a weight costs, shared scales of a block included.

    `inputs` is the format of its inputs where that is not the weight's, `absorbed` the module that divides them for it.
    """

    spec: Annotated[str, Quantity("Format")]
    inputs: Annotated[str | None, Quantity("Inputs")] = None
    prepare: Annotated[str | None, Quantity("Prepare")] = None
    absorbed: Annotated[str | None, Quantity("Absorbed by")] = None
    bits: Annotated[float | None, Quantity("Bits", "number")] = None
    sqnr_weight_db: Annotated[float | None, Quantity("SQNR w", "db")]
    sqnr_input_db: Annotated[float | None, Quantity("SQNR x", "db")]
    zeros: Annotated[float, Quantity("Zeros", "percent")]
    saturated: Annotated[float, Quantity("Sat.", "percent")]
    elements: Annotated[int, Quantity("Weights", "number")]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedLayer(Recorded):
    """The same of a layer by its name."""

    name: Annotated[str, Quantity("Layer")]
    noise: Annotated[LayerNoise, Part()]


def baseline_of(run: RunRecord, metric: Metric) -> Baseline | None:
    """What a run noted of its starting model; None before it is measured."""
    noted = run.notes.get("baseline")
    return Baseline.from_record(noted, metric) if noted else None
