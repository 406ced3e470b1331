"""What a sweep of number formats shows: its figures, its sentences, and its layers as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.quantize import gains, preparing
from engine.experiments.quantize.naming import mode_of, point_name
from engine.experiments.shared.charts import baseline_level, loss_figure, score_series, size_figure, span
from engine.experiments.shared.covered import enough
from engine.experiments.shared.pairing import apart
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark
from engine.preparing import PLAIN
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import Metric

SLOTS = {"PTQ": 0, "QAT": 1}  # curves with a teacher, a method or a cache's format take the next
AXES = {
    "width": "Width (bits)",
    "fraction_bits": "Fraction bits",
    "bits": "Bits per quantised weight",
}


def figures(run: RunRecord, best: int | None, metric: Metric) -> list[Figure]:
    """The score against the swept quantity and against bytes, what methods gain, and the loss of what was trained.

    `best` is the index of the chosen point, which both figures of scores mark.
    """
    drawn = [_scores(run, best, metric), size_figure(run, _curves(run), _marks(run, best, "bytes", metric), metric)]
    drawn += gains.figures(run, metric)
    losses = loss_figure(run, lambda params: f"{params['format']}{preparing.named(params)}{taught(params)}")
    return [*drawn, losses] if losses.series else drawn


def _swept(run: RunRecord) -> str:
    params: Mapping[str, Any] = run.points[0].params if run.points else {}
    return next((key for key in ("fraction_bits", "width") if key in params), "bits")


def _value(point: PointRecord, key: str) -> float:
    return float(point.params[key] if key in point.params else (point.result or {})[key])


def _curves(run: RunRecord) -> dict[str, tuple[int, list[PointRecord]]]:
    """Finished points by curve: one for each mode and teacher, in a grid for each number of integer bits too."""
    names: dict[str, tuple[int, list[PointRecord]]] = {}
    for point in run.points:
        mode = mode_of(point.params)
        if "integer_bits" in point.params:
            name = f"{mode}, {point.params['integer_bits']} integer bits"
            slot = names[name][0] if name in names else len(names)
        else:
            name = mode
            others = len(SLOTS) + len(names.keys() - SLOTS.keys() - {name})
            slot = names[name][0] if name in names else SLOTS.get(name, others)
        members = names.setdefault(name, (slot, []))[1]
        if point.state == "finished":
            members.append(point)
    return {name: curve for name, curve in names.items() if curve[1]}


def _marks(run: RunRecord, best: int | None, key: str, metric: Metric) -> tuple[Mark, ...]:
    if best is None:
        return ()
    point = run.points[best]
    return (
        Mark(
            _value(point, key),
            _value(point, metric.name),
            f"best: {point_name(point.params)}",
        ),
    )


def _scores(run: RunRecord, best: int | None, metric: Metric) -> Figure:
    key = _swept(run)
    series = []
    for name, (slot, members) in _curves(run).items():
        ordered = sorted(members, key=lambda point: _value(point, key))
        series.append(score_series(name, slot, ordered, [_value(point, key) for point in ordered], metric))
    planned = [float(point.params[key]) for point in run.points if key in point.params]
    planned = planned or [x for one in series for x in one.x]
    return Figure(
        key=metric.name,
        title=f"Test {metric.name} against {AXES[key].split(' (')[0].lower()}",
        x_label=AXES[key],
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, planned, metric)),
        y_unit=metric.unit,
        x_range=span(planned),
        marks=_marks(run, best, key, metric),
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )


NOTHING_LEFT = 0.9  # share of zeros from which on a model has collapsed
NEEDED = {"delta", "delta_low", "delta_high", "samples", "bits", "zeros"}


def findings(run: RunRecord, metric: Metric) -> list[str]:
    """For each mode down to which format no loss is significant and what the next costs; gains of QAT; collapse."""
    points = enough(point for point in run.finished if _result(point).keys() >= NEEDED.union(metric.bounded()))
    results = {(mode_of(point.params), point.params["format"]): _result(point) for point in points}
    sentences: list[str] = []
    for mode in dict.fromkeys(mode_of(point.params) for point in points):
        sentences += _holds(mode, [point for point in points if mode_of(point.params) == mode], metric)
    for (mode, spec), result in results.items():
        if mode == "QAT" and (gain := _gain(result, results.get(("PTQ", spec)), metric)):
            sentences.append(f"QAT at {spec}: {gain} PTQ.")
        elif "teacher" in mode and (gain := _gain(result, results.get(("QAT", spec)), metric)):
            sentences.append(f"{mode} at {spec}: {gain} QAT without a teacher.")
    for (mode, spec), result in results.items():
        if result["zeros"] >= NOTHING_LEFT and metric.lost(result)[0] > 0:
            sentences.append(f"{mode} at {spec}: {100 * result['zeros']:.0f} % of the weights are zero.")
    return [*sentences, *gains.findings(points, metric), *_damped(points)]


def _damped(points: Sequence[PointRecord]) -> list[str]:
    """Whether calibration was too small for some layers."""
    most = max((_result(point).get("damped", 0) for point in points), default=0)
    if not most:
        return []
    return [f"Calibration brought {most} of the layers fewer rows than they have inputs: their H is damped, not full."]


def _gain(result: Mapping[str, Any], other: Mapping[str, Any] | None, metric: Metric) -> str:
    """How far a result is above (or below) another, in words; empty unless it is better beyond both intervals."""
    if other is None:
        return ""
    better = apart(result, other, metric)
    where = "above" if metric.better == "higher" else "below"
    return f"{metric.difference(better)} {where}" if better > 0 else ""


def _result(point: PointRecord) -> Mapping[str, Any]:
    assert point.result is not None
    return point.result


def _holds(mode: str, points: Sequence[PointRecord], metric: Metric) -> list[str]:
    """The fewest bits from which on no loss is significant, and what the next fewer cost."""
    ordered = sorted(points, key=lambda point: _result(point)["bits"])
    lossy = [place for place, point in enumerate(ordered) if metric.lost(_result(point))[0] > 0]
    first = lossy[-1] + 1 if lossy else 0
    sentences = []
    if first < len(ordered):
        held = ordered[first]
        down = "down to" if len(ordered) - first > 1 else "at"
        change = metric.change(_result(held))
        sentences.append(f"{mode} {down} {held.params['format']}: no significant loss ({change}).")
    if lossy:
        point = ordered[lossy[-1]]
        sentences.append(f"{mode} at {point.params['format']}: significant loss, {metric.change(_result(point))}.")
    return sentences


def layers(run: RunRecord) -> list[Listing]:
    """Every layer of every finished point, the noisiest weights first."""
    rows = [
        {"mode": mode_of(point.params), "layer": layer["name"], preparing.PARAM: PLAIN, **layer}
        for point in run.finished
        for layer in _result(point).get("layers") or ()
    ]
    if not rows:
        return []
    columns = (
        Column("layer", "Layer"),
        Column("spec", "Format"),
        *((Column("inputs", "Inputs"),) if any(row.get("inputs") for row in rows) else ()),
        Column("mode", "Mode"),
        *((Column(preparing.PARAM, "Prepare"),) if any(row[preparing.PARAM] != PLAIN for row in rows) else ()),
        Column("sqnr_weight_db", "SQNR w", "db"),
        Column("sqnr_input_db", "SQNR x", "db"),
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
        Column("bits", "Bits", "number"),
    )
    noisy = sorted(rows, key=lambda row: (row["sqnr_weight_db"] is None, row["sqnr_weight_db"] or 0.0))
    caption = "Signal-to-noise ratio of weights and inputs in each format, the noisiest weights first."
    return [Listing("layers", "Layers by noise", columns, tuple(noisy), caption)]
