"""What a search for a mix of formats says: its average bits, and the map of layers and formats."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.base import Column, Listing
from engine.experiments.parts import search_reading as reading
from engine.experiments.parts.families import FULL
from engine.figures.figure import Figure
from engine.figures.units import in_bytes, in_percent
from engine.runtime.records import PointRecord, RunRecord
from engine.search.constraints import Constraint

if TYPE_CHECKING:
    from torch import nn

MARGIN = 0.15  # of the zoomed range, above and below


def average_bits(model: "nn.Module", formats: Mapping[str, str]) -> float:
    """Bits of a weight over all layers that chose, those in full precision at 32, shared scales included."""
    from engine.formats import parse

    sizes = {name: model.get_submodule(name).get_parameter("weight").numel() for name in formats}
    bits = sum(sizes[name] * (32.0 if spec == FULL else parse(spec).bits_per_element) for name, spec in formats.items())
    return bits / sum(sizes.values())


def least_bytes(source: str, layers: Sequence[str]) -> int:
    """Bytes of the float32 tensors of a local model that no choice touches; 0 of a model that is not a folder."""
    from engine.models.layer_names import weight_shapes
    from engine.models.sources import locate

    located = locate(source)
    shapes = weight_shapes(located.path) if located.kind == "local" else {}
    left = (shape for name, shape in shapes.items() if name.rpartition(".")[0] not in layers)
    return 4 * sum(math.prod(shape) for shape in left)


def in_words(formats: Mapping[str, str]) -> str:
    """`9 fixed(8,4), 5 fp32`: the formats with how many layers have each, the most frequent first."""
    return ", ".join(f"{count} {spec}" for spec, count in Counter(formats.values()).most_common())


def zoomed(figure: Figure) -> Figure:
    """The same curves where the better half of them ends, for what a full axis hides."""
    ends = sorted((one.y[-1] for one in figure.series if one.slot >= 0 and one.y), reverse=True)
    if len(ends) < 2 or ends[0] <= ends[len(ends) // 2]:
        return replace(figure, series=())
    top, low = ends[0], ends[len(ends) // 2]
    margin = MARGIN * (top - low)
    return replace(
        figure,
        key="zoom",
        title=f"{figure.title}, near the best",
        y_range=(low - margin, top + margin),
        caption="The better half of the curves; the others end below.",
    )


def best_of_each(limits: Sequence[Constraint], run: RunRecord) -> dict[str, PointRecord]:
    """The trial with the highest validation accuracy of each curve."""
    found = {}
    for name, members in reading.curves(run).items():
        able = [point for point in members if reading.good(limits, point)]
        if able:
            found[name] = max(able, key=lambda point: (point.result or {})[reading.ACCURACY])
    return found


def listings(limits: Sequence[Constraint], run: RunRecord) -> list[Listing]:
    """Layer by layer the chosen trial's format with bits and noise, then what the best of each family gives it."""
    choice = reading.chosen(limits, run)
    if choice is None:
        return []
    result = run.points[choice.index].result or {}
    layers = {one["name"]: one for one in result["layers"]}
    full: dict[str, Any] = {"bits": 32.0}
    rows = tuple({**layers.get(name, full), "layer": name, "format": spec} for name, spec in result["formats"].items())
    columns = (
        Column("layer", "Layer"),
        Column("format", "Format"),
        Column("bits", "Bits", "number"),
        Column("sqnr_weight_db", "SQNR w", "db"),
        Column("sqnr_input_db", "SQNR x", "db"),
        Column("elements", "Weights", "number"),
    )
    accuracy = in_percent(result[reading.ACCURACY])
    chosen = Listing(
        "map",
        "Format of each layer",
        columns,
        rows,
        f"The chosen trial: {accuracy} % on validation data, {result['bits']:.2f} bits a weight on average, "
        f"{in_bytes(result['bytes'])} as written.",
    )
    best = best_of_each(limits, run)
    across = Listing(
        "families",
        "Best formats by family",
        (Column("layer", "Layer"), *(Column(name, name) for name in best)),
        (
            *(
                {"layer": name, **{family: (point.result or {})["formats"][name] for family, point in best.items()}}
                for name in result["formats"]
            ),
            {
                "layer": "average bits",
                **{family: f"{(point.result or {})['bits']:.2f}" for family, point in best.items()},
            },
            {
                "layer": "validation accuracy",
                **{family: f"{in_percent((p.result or {})[reading.ACCURACY])} %" for family, p in best.items()},
            },
            {"layer": "bytes", **{family: in_bytes((p.result or {})["bytes"]) for family, p in best.items()}},
        ),
        "Layers × families: the trial of each family with the highest validation accuracy.",
    )
    return [chosen, across]


def findings(limits: Sequence[Constraint], run: RunRecord) -> list[str]:
    """What the chosen mix costs."""
    choice = reading.chosen(limits, run)
    if choice is None:
        return []
    result = run.points[choice.index].result or {}
    baseline = run.notes.get("baseline") or {}
    before = f" (the starting model: {in_bytes(baseline['bytes'])})" if "bytes" in baseline else ""
    size = f"{result['bits']:.2f} bits a weight on average and {in_bytes(result['bytes'])} as written{before}"
    return [f"The chosen mix takes {size}: {result['mix']}."]
