"""What a point of `graph` is asked for, and what it reads off the capture."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Quantity, Recorded, TypedPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphParams(Recorded):
    """One model with one set of inputs, `input_ids,labels`."""

    model: Annotated[str, Quantity("Model")]
    inputs: Annotated[str, Quantity("Inputs")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed(Recorded):
    """What a pass did: operators before and after, the largest difference on random inputs, and that in words."""

    name: Annotated[str, Quantity("Pass", key="pass")]
    before: Annotated[int, Quantity("Operators before", "number")]
    after: Annotated[int, Quantity("after", "number")]
    difference: Annotated[float | None, Quantity("Max diff.", "number")]
    found: Annotated[str, Quantity("Found")]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphResult(Recorded):
    """A capture in numbers; FLOPs and bytes of outputs hold for the config's batch and sequence.

    `title` names the model, `model_class` is its class, `seconds` what the capture took. With a `problem` there is no
    graph. `difference` is that after the last pass. `graph` and `after` are files below the run's folder: the graph as
    captured, and as the passes left it.
    """

    title: Annotated[str, Quantity("Model")]
    model_class: Annotated[str, Quantity("Class", key="class")]
    nodes: Annotated[int, Quantity("Nodes", "number")]
    operators: Annotated[int, Quantity("Operators", "number")]
    modules: Annotated[int, Quantity("Modules", "number")]
    parameters: Annotated[int, Quantity("Params", "number")]
    weight_bytes: Annotated[int, Quantity("Weights", "bytes")]
    output_bytes: Annotated[int, Quantity("Outputs", "bytes")]
    flops: Annotated[int, Quantity("FLOPs", "number")]
    attention_flops: Annotated[int, Quantity("FLOPs in attn.", "number")]
    dropouts: Annotated[int, Quantity("Dropout", "number")]
    attention_dropouts: Annotated[int, Quantity("in attn.", "number")]
    seconds: Annotated[float, Quantity("Capture", "seconds")]
    problem: Annotated[str, Quantity("Problem")]
    notes: tuple[str, ...]
    passes: tuple[Passed, ...]
    difference: Annotated[float | None, Quantity("Max diff.", "number")]
    graph: Annotated[str | None, Quantity("Saved in")]
    after: Annotated[str | None, Quantity("Saved after passes in")]


GraphPoint = TypedPoint[GraphParams, GraphResult]
