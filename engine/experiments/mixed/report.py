"""What a search for a mix of formats says: its average bits, and the map of layers and formats."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Column, Listing
from engine.experiments.mixed.measures import MixedResult
from engine.experiments.shared import trials_report as reading
from engine.experiments.shared.measured import QuantizedLayer
from engine.experiments.shared.trials import Sought, curves, trials
from engine.figures.figure import Figure
from engine.figures.units import in_bytes
from engine.formats.registry import FULL
from engine.rounding import NEAREST
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


def in_words(formats: Mapping[str, str], methods: Mapping[str, str]) -> str:
    """`9 fixed(8,4) gptq, 5 fp32`: formats and methods with how many layers have each, the most frequent first.

    Nearest is not named.
    """
    by = {layer: method for layer, method in methods.items() if method != NEAREST}
    each = Counter(f"{spec} {by[layer]}" if layer in by else spec for layer, spec in formats.items())
    return ", ".join(f"{count} {chosen}" for chosen, count in each.most_common())


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


def best_of_each(sought: Sought, run: RunRecord) -> dict[str, MixedResult]:
    """What the trial with the best validation score of each curve measured."""
    metric = sought.metric
    found = {}
    for name, members in curves(trials(sought, run)).items():
        able = [_read(one.point, metric) for one in members if one.good]
        if able:
            found[name] = max(able, key=lambda one: metric.goodness(one.judged.validation.value))
    return found


def chosen_mix(sought: Sought, run: RunRecord) -> MixedResult | None:
    """What the chosen trial measured."""
    choice = reading.chosen(sought, run)
    return None if choice is None else _read(run.points[choice.index], sought.metric)


def _read(point: PointRecord, metric: Metric) -> MixedResult:
    return MixedResult.from_record(point.result or {}, metric)


def listings(sought: Sought, run: RunRecord) -> list[Listing]:
    """Layer by layer the chosen trial's format with bits and noise, then what the best of each family gives it."""
    result, metric = chosen_mix(sought, run), sought.metric
    if result is None:
        return []
    layers = {layer.name: layer.to_record() for layer in result.layers}
    full: dict[str, Any] = {"bits": 32.0}
    methods = result.methods or {}
    rows = tuple(
        {**layers.get(name, full), "layer": name, "format": spec, "method": methods.get(name)}
        for name, spec in result.formats.items()
    )
    told = QuantizedLayer.columns()
    noise = [told[name] for name in ("bits", "sqnr_weight_db", "sqnr_input_db", "elements")]
    score, size = metric.written(result.judged.validation.value), in_bytes(result.judged.bytes or 0)
    chosen = Listing(
        "map",
        "Format of each layer",
        (
            Column("layer", "Layer"),
            Column("format", "Format"),
            *([Column("method", "Method")] if methods else []),
            *noise,
        ),
        rows,
        f"The chosen trial: {score} on validation data, {result.bits:.2f} bits a weight on average, {size} as written.",
    )
    best = best_of_each(sought, run)
    sums = {
        "average bits": {family: f"{one.bits:.2f}" for family, one in best.items()},
        f"validation {metric.name}": {
            family: metric.written(one.judged.validation.value) for family, one in best.items()
        },
        "bytes": {family: in_bytes(one.judged.bytes or 0) for family, one in best.items()},
    }
    across = Listing(
        "families",
        "Best formats by family",
        (Column("layer", "Layer"), *(Column(name, name) for name in best)),
        (
            *(
                {"layer": name, **{family: one.formats[name] for family, one in best.items()}}
                for name in result.formats
            ),
            *({"layer": name, **values} for name, values in sums.items()),
        ),
        "Layers × families: the trial of each family with the best validation score.",
    )
    return [chosen, across]
