"""What figures of scores have in common: curves with intervals, the baseline's level, the score against bytes."""

from collections.abc import Mapping, Sequence

from engine.experiments.shared.choosing import front_of
from engine.experiments.shared.measured import Concluded, baseline_of
from engine.figures.figure import Figure, Kind, Mark, Scale, Series
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

Curves = Mapping[str, tuple[int, Sequence[Concluded]]]
"""What finished points measured by curve, with the curve's slot."""
FAR = 20
"""Between the highest and the lowest score of a figure."""


def score_series(name: str, slot: int, scores: Sequence[Bounded], x: Sequence[float], kind: Kind = "line") -> Series:
    """Scores with their intervals."""
    y, low, high = zip(*scores, strict=True) if scores else ((), (), ())
    return Series(name, tuple(x), y, low, high, kind, slot)


def baseline_level(run: RunRecord, x: Sequence[float], metric: Metric) -> list[Series]:
    """The starting model's score across `x`; nothing before it is measured."""
    baseline = baseline_of(run, metric)
    if baseline is None or not x:
        return []
    return [score_series("baseline", -1, (baseline.score,) * 2, (min(x), max(x)), "level")]


def score_scale(series: Sequence[Series], metric: Metric) -> Scale:
    """Logarithmic where perplexities are so far apart that all but the highest would lie on the axis."""
    values = [y for one in series for y in one.y]
    spread = metric.unit == "number" and bool(values) and min(values) > 0 and max(values) > FAR * min(values)
    return "log" if spread else "linear"


def span(values: Sequence[float]) -> tuple[float, float] | None:
    """The range of an axis that shows all values; None where it would have no length."""
    return (min(values), max(values)) if len(set(values)) > 1 else None


def size_figure(run: RunRecord, curves: Curves, marks: tuple[Mark, ...], metric: Metric) -> Figure:
    """The score against the bytes of the written file, with the Pareto front."""
    series = [
        score_series(name, slot, [one.score for one in found], [float(one.bytes) for one in found], "scatter")
        for name, (slot, found) in curves.items()
    ]
    front = front_of(((x, y) for one in series for x, y in zip(one.x, one.y, strict=True)), metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    baseline = baseline_of(run, metric)
    sizes = [x for one in series for x in one.x] + ([float(baseline.bytes)] if baseline else [])
    return Figure(
        key="size",
        title=f"Test {metric.name} against size",
        x_label="Bytes of the weights file",
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, sizes, metric)),
        x_unit="bytes",
        y_unit=metric.unit,
        y_scale=score_scale(series, metric),
        x_range=span(sizes),
        marks=marks,
        caption="The whole file as written, embeddings included. "
        f"A point {'below' if metric.better == 'higher' else 'above'} and right of the front is beaten.",
    )


def loss_figure(run: RunRecord, names: Sequence[str]) -> Figure:
    """The loss of each step of what was trained; `names` are those of the points."""
    series: list[Series] = []
    for name, point in zip(names, run.points, strict=True):
        if losses := point.metrics.get("loss"):
            steps, values = zip(*losses, strict=True)
            series.append(Series(name, steps, values, kind="line", slot=len(series)))
    return Figure(
        key="loss",
        title="Training loss",
        x_label="Step",
        y_label="Loss",
        series=tuple(series),
        caption="One value a step, as trained: each is the mean of one batch.",
    )
