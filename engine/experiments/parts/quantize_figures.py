"""The figures of a quantisation sweep, from its recorded results."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.parts.selection import front_of
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import PointRecord, RunRecord

SLOTS = {"ptq": 0, "qat": 1}
AXES = {
    "width": "Width (bits)",
    "fraction_bits": "Fraction bits",
    "bits": "Bits per quantised weight",
}


def figures(run: RunRecord, best: int | None) -> list[Figure]:
    """Accuracy against the swept quantity, accuracy against bytes, and the loss of what was trained.

    `best` is the index of the chosen point, which both accuracy figures mark.
    """
    drawn = [_accuracy(run, best), _size(run, best)]
    losses = _loss(run)
    return [*drawn, losses] if losses.series else drawn


def _swept(run: RunRecord) -> str:
    params: Mapping[str, Any] = run.points[0].params if run.points else {}
    return next((key for key in ("fraction_bits", "width") if key in params), "bits")


def _value(point: PointRecord, key: str) -> float:
    return float(point.params[key] if key in point.params else (point.result or {})[key])


def _curves(run: RunRecord) -> dict[str, tuple[int, list[PointRecord]]]:
    """Finished points by curve: one for each mode, or for each mode and number of integer bits in a grid."""
    names: dict[str, tuple[int, list[PointRecord]]] = {}
    for point in run.points:
        mode = point.params["mode"]
        if "integer_bits" in point.params:
            name = f"{mode.upper()}, {point.params['integer_bits']} integer bits"
            slot = names[name][0] if name in names else len(names)
        else:
            name, slot = mode.upper(), SLOTS[mode]
        members = names.setdefault(name, (slot, []))[1]
        if point.state == "finished":
            members.append(point)
    return {name: curve for name, curve in names.items() if curve[1]}


def _series(name: str, slot: int, points: Sequence[PointRecord], x: Sequence[float], kind: Any) -> Series:
    results = [point.result or {} for point in points]
    return Series(
        name,
        tuple(x),
        tuple(result["accuracy"] for result in results),
        tuple(result["accuracy_low"] for result in results),
        tuple(result["accuracy_high"] for result in results),
        kind,
        slot,
    )


def _baseline(run: RunRecord, x: Sequence[float]) -> list[Series]:
    baseline = run.notes.get("baseline")
    if not baseline or not x:
        return []
    ends = (min(x), max(x))

    def both(key: str) -> tuple[float, float]:
        return (baseline[key], baseline[key])

    return [Series("baseline", ends, both("accuracy"), both("accuracy_low"), both("accuracy_high"), "level", -1)]


def _marks(run: RunRecord, best: int | None, key: str) -> tuple[Mark, ...]:
    if best is None:
        return ()
    point = run.points[best]
    return (
        Mark(
            _value(point, key),
            _value(point, "accuracy"),
            f"best: {point.params['format']} {point.params['mode'].upper()}",
        ),
    )


def _accuracy(run: RunRecord, best: int | None) -> Figure:
    key = _swept(run)
    series = []
    for name, (slot, members) in _curves(run).items():
        ordered = sorted(members, key=lambda point: _value(point, key))
        series.append(_series(name, slot, ordered, [_value(point, key) for point in ordered], "line"))
    planned = [float(point.params[key]) for point in run.points if key in point.params]
    planned = planned or [x for one in series for x in one.x]
    return Figure(
        key="accuracy",
        title=f"Test accuracy against {AXES[key].split(' (')[0].lower()}",
        x_label=AXES[key],
        y_label="Test accuracy",
        series=(*series, *_baseline(run, planned)),
        y_unit="percent",
        x_range=(min(planned), max(planned)) if len(set(planned)) > 1 else None,
        marks=_marks(run, best, key),
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )


def _size(run: RunRecord, best: int | None) -> Figure:
    series = []
    for name, (slot, members) in _curves(run).items():
        series.append(_series(name, slot, members, [_value(point, "bytes") for point in members], "scatter"))
    front = front_of((x, y) for one in series for x, y in zip(one.x, one.y, strict=True))
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    baseline = run.notes.get("baseline", {})
    sizes = [x for one in series for x in one.x] + ([float(baseline["bytes"])] if baseline else [])
    return Figure(
        key="size",
        title="Test accuracy against size",
        x_label="Bytes of the weights file",
        y_label="Test accuracy",
        series=(*series, *_baseline(run, sizes)),
        x_unit="bytes",
        y_unit="percent",
        x_range=(min(sizes), max(sizes)) if len(set(sizes)) > 1 else None,
        marks=_marks(run, best, "bytes"),
        caption="The whole file as written, embeddings included. A point below and right of the front is beaten.",
    )


def _loss(run: RunRecord) -> Figure:
    series: list[Series] = []
    for point in run.points:
        if losses := point.metrics.get("loss"):
            steps, values = zip(*losses, strict=True)
            series.append(Series(point.params["format"], steps, values, kind="line", slot=len(series)))
    return Figure(
        key="loss",
        title="Training loss",
        x_label="Step",
        y_label="Loss",
        series=tuple(series),
        caption="One value a step, as trained: each is the mean of one batch.",
    )
