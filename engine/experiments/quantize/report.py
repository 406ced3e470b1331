"""What a sweep of number formats shows: its figures, its sentences, and its layers as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.experiments.api import Column, Listing
from engine.experiments.quantize import caches, gains
from engine.experiments.quantize.measures import QuantizeParams, QuantizePoint, QuantizeResult
from engine.experiments.shared.charts import baseline_level, loss_figure, score_series, size_figure, span
from engine.experiments.shared.covered import enough
from engine.experiments.shared.measured import QuantizedLayer
from engine.experiments.shared.pairing import apart
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark
from engine.preparing import PLAIN
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

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
        x_range=span(planned),
        marks=marks,
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )


NOTHING_LEFT = 0.9  # share of zeros from which on a model has collapsed


@dataclass(frozen=True, slots=True)
class _Compared:
    """A point of which there is enough to speak: its difference from the baseline, bits per weight, share of zeros."""

    params: QuantizeParams
    score: Bounded
    delta: Bounded
    samples: int
    bits: float
    zeros: float
    damped: int


def _compared(points: Sequence[QuantizePoint]) -> list[_Compared]:
    """Runs of first versions lack what is spoken of."""
    found = []
    for params, result in filter(None, map(_done, points)):
        one = result.measured
        if one.delta is not None and result.bits is not None and result.zeros is not None:
            damped = result.damped or 0
            found.append(_Compared(params, one.score, one.delta, one.samples, result.bits, result.zeros, damped))
    return found


def findings(points: Sequence[QuantizePoint], metric: Metric) -> list[str]:
    """For each mode down to which format no loss is significant and what the next costs; gains of QAT; collapse."""
    points = [point for point in points if point.result is not None and enough(point.result.covered)]
    spoken = _compared(points)
    by_name = {(one.params.curve, one.params.format): one for one in spoken}
    sentences: list[str] = []
    for mode in dict.fromkeys(one.params.curve for one in spoken):
        sentences += _holds(mode, [one for one in spoken if one.params.curve == mode], metric)
    for (mode, spec), one in by_name.items():
        if mode == "QAT" and (gain := _gain(one, by_name.get(("PTQ", spec)), metric)):
            sentences.append(f"QAT at {spec}: {gain} PTQ.")
        elif "teacher" in mode and (gain := _gain(one, by_name.get(("QAT", spec)), metric)):
            sentences.append(f"{mode} at {spec}: {gain} QAT without a teacher.")
    for (mode, spec), one in by_name.items():
        if one.zeros >= NOTHING_LEFT and metric.lost(one.delta).low > 0:
            sentences.append(f"{mode} at {spec}: {100 * one.zeros:.0f} % of the weights are zero.")
    return [*sentences, *gains.findings(points, metric), *_damped(spoken)]


def _damped(points: Sequence[_Compared]) -> list[str]:
    """Whether calibration was too small for some layers."""
    most = max((one.damped for one in points), default=0)
    if not most:
        return []
    return [f"Calibration brought {most} of the layers fewer rows than they have inputs: their H is damped, not full."]


def _gain(one: _Compared, other: _Compared | None, metric: Metric) -> str:
    """How far a point is above (or below) another, in words; empty unless it is better beyond both intervals."""
    if other is None:
        return ""
    better = apart(one.score, other.score, metric)
    where = "above" if metric.better == "higher" else "below"
    return f"{metric.difference(better)} {where}" if better > 0 else ""


def _holds(mode: str, points: Sequence[_Compared], metric: Metric) -> list[str]:
    """The fewest bits from which on no loss is significant, and what the next fewer cost."""
    ordered = sorted(points, key=lambda one: one.bits)
    lossy = [place for place, one in enumerate(ordered) if metric.lost(one.delta).low > 0]
    first = lossy[-1] + 1 if lossy else 0
    sentences = []
    if first < len(ordered):
        held = ordered[first]
        down = "down to" if len(ordered) - first > 1 else "at"
        change = metric.change(held.delta, held.samples)
        sentences.append(f"{mode} {down} {held.params.format}: no significant loss ({change}).")
    if lossy:
        worst = ordered[lossy[-1]]
        change = metric.change(worst.delta, worst.samples)
        sentences.append(f"{mode} at {worst.params.format}: significant loss, {change}.")
    return sentences


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
    prepared = [told["prepare"]] if any(layer.noise.prepare is not None for _, layer in found) else []
    noise = [told[name] for name in ("sqnr_weight_db", "sqnr_input_db", "zeros", "saturated", "bits")]
    inputs = [told["inputs"]] if any(layer.noise.inputs for _, layer in found) else []
    columns = (Column("layer", "Layer"), told["spec"], *inputs, Column("mode", "Mode"), *prepared, *noise)
    caption = "Signal-to-noise ratio of weights and inputs in each format, the noisiest weights first."
    return [Listing("layers", "Layers by noise", columns, rows, caption)]
