"""What a search for a mix of formats says: its average bits, and the map of layers and formats."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Column, Listing
from engine.experiments.shared import trials_report as reading
from engine.figures.figure import Figure
from engine.figures.units import in_bytes
from engine.formats.registry import FULL
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import Metric

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
    """Bytes of the tensors of a model on this machine that no choice touches; 0 of one that is not."""
    from engine.models.weights import tensors_of

    left = (tensor for name, tensor in tensors_of(source).items() if name.rpartition(".")[0] not in layers)
    return sum(tensor.bytes for tensor in left)


def in_words(formats: Mapping[str, str]) -> str:
    """`9 fixed(8,4), 5 fp32`: the formats with how many layers have each, the most frequent first."""
    return ", ".join(f"{count} {spec}" for spec, count in Counter(formats.values()).most_common())


def zoomed(figure: Figure, metric: Metric) -> Figure:
    """The same curves where the better half of them ends, for what a full axis hides."""
    ends = sorted((one.y[-1] for one in figure.series if one.slot >= 0 and one.y), key=metric.goodness, reverse=True)
    if len(ends) < 2 or ends[0] == ends[len(ends) // 2]:
        return replace(figure, series=())
    low, top = sorted((ends[0], ends[len(ends) // 2]))
    margin = MARGIN * (top - low)
    return replace(
        figure,
        key="zoom",
        title=f"{figure.title}, near the best",
        y_range=(low - margin, top + margin),
        caption="The better half of the curves; the others end outside.",
    )


def best_of_each(sought: reading.Sought, run: RunRecord) -> dict[str, PointRecord]:
    """The trial with the best validation score of each curve."""
    metric = sought.metric
    found = {}
    for name, members in reading.curves(run).items():
        able = [point for point in members if reading.good(sought, point)]
        if able:
            found[name] = max(able, key=lambda point: metric.goodness((point.result or {})[metric.validation]))
    return found


def listings(sought: reading.Sought, run: RunRecord) -> list[Listing]:
    """Layer by layer the chosen trial's format with bits and noise, then what the best of each family gives it."""
    choice = reading.chosen(sought, run)
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
    metric = sought.metric
    score = metric.written(result[metric.validation])
    chosen = Listing(
        "map",
        "Format of each layer",
        columns,
        rows,
        f"The chosen trial: {score} on validation data, {result['bits']:.2f} bits a weight on average, "
        f"{in_bytes(result['bytes'])} as written.",
    )
    best = best_of_each(sought, run)
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
                "layer": f"validation {metric.name}",
                **{family: metric.written((p.result or {})[metric.validation]) for family, p in best.items()},
            },
            {"layer": "bytes", **{family: in_bytes((p.result or {})["bytes"]) for family, p in best.items()}},
        ),
        "Layers × families: the trial of each family with the best validation score.",
    )
    return [chosen, across]


def findings(sought: reading.Sought, run: RunRecord) -> list[str]:
    """What the chosen mix costs."""
    choice = reading.chosen(sought, run)
    if choice is None:
        return []
    result = run.points[choice.index].result or {}
    baseline = run.notes.get("baseline") or {}
    before = f" (the starting model: {in_bytes(baseline['bytes'])})" if "bytes" in baseline else ""
    size = f"{result['bits']:.2f} bits a weight on average and {in_bytes(result['bytes'])} as written{before}"
    return [f"The chosen mix takes {size}: {result['mix']}."]
