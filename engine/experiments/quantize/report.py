"""What a sweep of number formats shows: its figures, and its layers as a table."""

from collections.abc import Callable, Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.quantize import caches, gains
from engine.experiments.quantize.measures import QuantizeParams, QuantizePoint, QuantizeResult
from engine.experiments.shared.charts import baseline_level, loss_figure, score_scale, score_series, size_figure, span
from engine.experiments.shared.measured import QuantizedLayer
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark
from engine.preparing import PLAIN
from engine.runtime.records import RunRecord
from engine.tasks.metric import Metric

SLOTS = {"PTQ": 0, "QAT": 1}  # curves with a teacher, a method or a cache's format take the next
AXES = {
    "width": "Width (bits)",
    "fraction_bits": "Fraction bits",
    "bits": "Bits per quantised weight",
}
Done = tuple[QuantizeParams, QuantizeResult]
Curves = dict[str, tuple[int, list[Done]]]
"""Finished points by curve, with the curve's slot."""


def figures(run: RunRecord, points: Sequence[QuantizePoint], best: int | None, metric: Metric) -> list[Figure]:
    """The score against the swept quantity and against bytes, what methods gain, and the loss of what was trained.

    `best` is the index of the chosen point, which both figures of scores mark.
    """
    curves, key = _curves(points), _swept(points)
    chosen = None if best is None else _done(points[best])
    sizes = {name: (slot, [result.measured for _, result in members]) for name, (slot, members) in curves.items()}
    drawn = [
        _scores(run, points, curves, _marked(chosen, lambda one: _place(one, key)), metric),
        size_figure(run, sizes, _marked(chosen, lambda one: float(one[1].measured.bytes)), metric),
        *caches.figure(run, points, metric),
        *gains.figures(points, metric),
    ]
    losses = loss_figure(run, [one.format + one.prepared + taught(one.teacher) for one in (p.params for p in points)])
    return [*drawn, losses] if losses.series else drawn


def _swept(points: Sequence[QuantizePoint]) -> str:
    """The quantity along the axis: a number that was asked for, or else the bits that formats came to."""
    params = points[0].params if points else None
    return next((key for key in ("fraction_bits", "width") if getattr(params, key, None) is not None), "bits")


def _place(one: Done, key: str) -> float:
    value = getattr(one[1] if key == "bits" else one[0], key)
    if value is None:
        raise ValueError(f"a point has no {key}")
    return float(value)


def _done(point: QuantizePoint) -> Done | None:
    return None if point.result is None else (point.params, point.result)


def _curves(points: Sequence[QuantizePoint]) -> Curves:
    """One for each mode and teacher, in a grid for each number of integer bits too."""
    names: Curves = {}
    for point in points:
        mode = point.params.curve
        if point.params.integer_bits is not None:
            name = f"{mode}, {point.params.integer_bits} integer bits"
            slot = names[name][0] if name in names else len(names)
        else:
            name = mode
            others = len(SLOTS) + len(names.keys() - SLOTS.keys() - {name})
            slot = names[name][0] if name in names else SLOTS.get(name, others)
        members = names.setdefault(name, (slot, []))[1]
        if done := _done(point):
            members.append(done)
    return {name: curve for name, curve in names.items() if curve[1]}


def _marked(chosen: Done | None, place: Callable[[Done], float]) -> tuple[Mark, ...]:
    if chosen is None:
        return ()
    params, result = chosen
    return (Mark(place(chosen), result.measured.score.value, f"best: {params.name}"),)


def _scores(
    run: RunRecord, points: Sequence[QuantizePoint], curves: Curves, marks: tuple[Mark, ...], metric: Metric
) -> Figure:
    key = _swept(points)
    series = []
    for name, (slot, members) in curves.items():
        ordered = sorted(members, key=lambda one: _place(one, key))
        scores = [result.measured.score for _, result in ordered]
        series.append(score_series(name, slot, scores, [_place(one, key) for one in ordered]))
    planned = [float(value) for point in points if (value := getattr(point.params, key, None)) is not None]
    planned = planned or [x for one in series for x in one.x]
    return Figure(
        key=metric.name,
        title=f"Test {metric.name} against {AXES[key].split(' (')[0].lower()}",
        x_label=AXES[key],
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, planned, metric)),
        y_unit=metric.unit,
        y_scale=score_scale(series, metric),
        x_range=span(planned),
        marks=marks,
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )


def layers(points: Sequence[QuantizePoint]) -> list[Listing]:
    """Every layer of every finished point, the noisiest weights first."""
    found = [(params.curve, layer) for params, result in filter(None, map(_done, points)) for layer in result.layers]
    if not found:
        return []
    found.sort(key=lambda one: (one[1].noise.sqnr_weight_db is None, one[1].noise.sqnr_weight_db or 0.0))
    told = QuantizedLayer.columns()
    rows = tuple(
        {"mode": mode, "layer": layer.name, told["prepare"].key: PLAIN, **layer.to_record()} for mode, layer in found
    )
    prepared = [told[name] for name in ("prepare", "absorbed") if any(getattr(one.noise, name) for _, one in found)]
    noise = [told[name] for name in ("sqnr_weight_db", "sqnr_input_db", "zeros", "saturated", "bits")]
    inputs = [told["inputs"]] if any(layer.noise.inputs for _, layer in found) else []
    columns = (Column("layer", "Layer"), told["spec"], *inputs, Column("mode", "Mode"), *prepared, *noise)
    caption = "SQNR of weights and inputs in each format, the noisiest weights first."
    return [Listing("layers", "Layers by noise", columns, rows, caption)]
