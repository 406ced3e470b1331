"""The figures of a quantisation sweep, from its recorded results."""

from collections.abc import Mapping
from typing import Any

from engine.experiments.parts.accuracy_figures import accuracy_series, baseline_level, loss_figure, size_figure, span
from engine.figures.figure import Figure, Mark
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
    drawn = [_accuracy(run, best), size_figure(run, _curves(run), _marks(run, best, "bytes"))]
    losses = loss_figure(run, lambda params: str(params["format"]))
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
        series.append(accuracy_series(name, slot, ordered, [_value(point, key) for point in ordered]))
    planned = [float(point.params[key]) for point in run.points if key in point.params]
    planned = planned or [x for one in series for x in one.x]
    return Figure(
        key="accuracy",
        title=f"Test accuracy against {AXES[key].split(' (')[0].lower()}",
        x_label=AXES[key],
        y_label="Test accuracy",
        series=(*series, *baseline_level(run, planned)),
        y_unit="percent",
        x_range=span(planned),
        marks=_marks(run, best, key),
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )
