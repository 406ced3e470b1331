"""What is known of each layer in each format, before and after its score is measured."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

from engine.experiments.recorded import Quantity, Recorded
from engine.experiments.shared.measured import LayerNoise
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from engine.compress import LayerReport

NOTE = "layers"
NOISE = ("sqnr_weight_db", "sqnr_input_db", "zeros", "saturated")
"""What the note holds of each point, in this order; a row is None where the format leaves the layer as it is."""

SECOND_ORDER = "second_order"
"""The key of tr((W−Q)·H·(W−Q)ᵀ), in rows and as the note's list of it for each point."""

COLLAPSED_ZEROS, COLLAPSED_DB = 0.9, 3.0
"""A layer has collapsed where so many of its weights are zero, or where noise is half as strong as the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Recorded):
    """One layer, or block, in one format; None is what is not known by now. `number` counts the layers from 1."""

    number: Annotated[int, Quantity("#", "number")]
    layer: Annotated[str, Quantity("Layer")]
    format: Annotated[str, Quantity("Format")]
    delta: Annotated[Bounded | None, Quantity("Δ base", "score", signed=True)] = None
    samples: Annotated[int, Quantity("Samples", "number")] = 0
    sqnr_weight_db: Annotated[float | None, Quantity("SQNR w", "db")] = None
    sqnr_input_db: Annotated[float | None, Quantity("SQNR x", "db")] = None
    zeros: Annotated[float | None, Quantity("Zeros", "percent")] = None
    saturated: Annotated[float | None, Quantity("Sat.", "percent")] = None
    second_order: Annotated[float | None, Quantity("Second order", "number")] = None

    @property
    def collapsed(self) -> bool:
        """Whether the weights say already that nothing is left."""
        noisy = self.sqnr_weight_db is not None and self.sqnr_weight_db < COLLAPSED_DB
        return noisy or (self.zeros or 0.0) >= COLLAPSED_ZEROS


def rows(run: RunRecord, metric: Metric) -> list[Row]:
    """A row for each point, in their order."""
    numbers = {layer: number for number, layer in enumerate(layers_of(run), start=1)}
    note = run.notes.get(NOTE) or {}
    noise, scores = note.get("rows") or (), note.get(SECOND_ORDER) or ()
    table = []
    for point in run.points:
        known: dict[str, Any] = {"number": numbers[point.params["layer"]]}
        if point.index < len(noise) and noise[point.index] is not None:
            known |= dict(zip(NOISE, noise[point.index], strict=False))
        if point.index < len(scores):
            known[SECOND_ORDER] = scores[point.index]
        table.append(Row.from_record({**known, **(point.result or {}), **point.params}, metric))
    return table


def layers_of(run: RunRecord) -> list[str]:
    """The layers that are tried, in order."""
    return list(dict.fromkeys(point.params["layer"] for point in run.points))


def by_format(table: Sequence[Row], *known: Callable[[Row], float | None]) -> dict[str, list[Row]]:
    """Rows by format where these values are known and finite; formats keep their place."""
    groups: dict[str, list[Row]] = {row.format: [] for row in table}
    for row in table:
        if all((value := of(row)) is not None and math.isfinite(value) for of in known):
            groups[row.format].append(row)
    return groups


def noise_of(layers: "Sequence[LayerReport]") -> LayerNoise | None:
    """What a point records of the layers that it rounds: of several their median SQNR, and means over all weights."""
    if not layers:
        return None
    if len(layers) == 1:
        return LayerNoise.from_record(layers[0].as_dict())
    from engine.compress import summarize

    found = summarize(layers)
    inputs = [layer.sqnr_input_db for layer in layers if layer.sqnr_input_db is not None]
    return LayerNoise(
        spec=layers[0].spec if len({layer.spec for layer in layers}) == 1 else "",
        bits=found["bits"],
        sqnr_weight_db=found["sqnr_db"],
        sqnr_input_db=median(inputs) if inputs else None,
        zeros=found["zeros"] or 0.0,
        saturated=found["saturated"] or 0.0,
        elements=sum(layer.elements for layer in layers),
    )


def noise(layers: "Sequence[LayerReport]") -> list[Any] | None:
    """The same as the note holds it; None where the format leaves them as they are."""
    found = noise_of(layers)
    return [getattr(found, key) for key in NOISE] if found else None
