"""What a pruning run shows: figures, layers and sentences, from its recorded results."""

from collections.abc import Callable, Sequence
from itertools import takewhile

from engine.experiments.api import Choice, Column, Listing
from engine.experiments.shared.charts import baseline_level, loss_figure, score_series, size_figure, span
from engine.experiments.shared.covered import enough
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark
from engine.runtime.records import Params, PointRecord, RunRecord
from engine.tasks.metric import Metric

Curves = dict[str, tuple[int, list[PointRecord]]]
LAYER_COLUMNS = (
    Column("name", "Layer"),
    Column("sparsity", "Gone", "percent"),
    Column("left", "Left"),
    Column("map", "Survivors by row"),
)


def name(params: Params) -> str:
    """`l1 0.5`, `l1 2:4`, `random heads 0.5`."""
    granularity = params["granularity"]
    if ":" in granularity:
        return f"{params['method']} {granularity}{taught(params)}"
    part = "" if granularity == "weights" else f" {granularity}"
    return f"{params['method']}{part} {params['sparsity']:g}{taught(params)}"


def figures(run: RunRecord, best: int | None, metric: Metric) -> list[Figure]:
    """The score against sparsity, before and after fine-tuning; against bytes; the loss of the fine-tunings."""
    curves = _curves(run)
    at_size = _marks(run, best, lambda point: (point.result or {})["bytes"], metric)
    drawn = [_scores(run, curves, best, metric), size_figure(run, curves, at_size, metric)]
    losses = loss_figure(run, name)
    return [*drawn, losses] if losses.series else drawn


def _curves(run: RunRecord) -> Curves:
    """Finished points by method, granularity, scope and teacher; scope and granularity named where they differ."""
    named = [key for key in ("granularity", "scope") if len({point.params[key] for point in run.points}) > 1]
    found: Curves = {}
    for point in run.points:
        label = " ".join([point.params["method"], *(point.params[key] for key in named)]) + taught(point.params)
        members = found.setdefault(label, (2 * len(found), []))[1]
        if point.state == "finished":
            members.append(point)
    ordered = {label: (slot, sorted(points, key=_sparsity)) for label, (slot, points) in found.items()}
    return {label: curve for label, curve in ordered.items() if curve[1]}


def _sparsity(point: PointRecord) -> float:
    return float(point.params["sparsity"])


def _tuned(points: Sequence[PointRecord]) -> list[PointRecord]:
    return [point for point in points if point.result and "pruned_delta" in point.result]


def _marks(run: RunRecord, best: int | None, place: Callable[[PointRecord], float], metric: Metric) -> tuple[Mark, ...]:
    chosen = [point for point in run.finished if point.index == best]
    return tuple(Mark(place(p), (p.result or {})[metric.name], f"best: {name(p.params)}") for p in chosen)


def _scores(run: RunRecord, curves: Curves, best: int | None, metric: Metric) -> Figure:
    series = []
    for label, (slot, points) in curves.items():
        series.append(score_series(label, slot, points, list(map(_sparsity, points)), metric))
        if tuned := _tuned(points):
            x = list(map(_sparsity, tuned))
            series.append(score_series(f"{label} before", slot + 1, tuned, x, metric, prefix="pruned_"))
    planned = [_sparsity(point) for point in run.points]
    return Figure(
        key=metric.name,
        title=f"Test {metric.name} against sparsity",
        x_label="Sparsity",
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, planned, metric)),
        y_unit=metric.unit,
        x_range=span(planned),
        marks=_marks(run, best, _sparsity, metric),
        caption="Before: straight after pruning, without fine-tuning. Intervals are 95 %; the best point is chosen on "
        "validation data.",
    )


def findings(run: RunRecord, metric: Metric) -> list[str]:
    """Up to which sparsity no loss is significant, for each method, straight after pruning and fine-tuned."""
    return [
        sentence
        for label, (_, points) in _curves(run).items()
        for prefix, when, measured in (
            ("pruned_", "straight after pruning", _tuned(points)),
            ("", "without fine-tuning" if run.config.get("finetune_steps") == 0 else "after fine-tuning", points),
        )
        if len(enough(measured)) > 1
        for sentence in [_holds(label, when, enough(measured), prefix, metric)]
    ]


def _holds(label: str, when: str, points: Sequence[PointRecord], prefix: str, metric: Metric) -> str:
    """A point holds the baseline where its paired 95 % interval reaches zero; those before it must hold too."""
    held = list(takewhile(lambda point: metric.lost(point.result or {}, prefix)[0] <= 0, points))
    up_to = f"no significant loss up to sparsity {_sparsity(held[-1]):g}" if held else ""
    if len(held) == len(points):
        return f"{label} {when}: {up_to}, the highest tried."
    after = points[len(held)]
    lost = f"significant loss at {_sparsity(after):g}, {metric.change(after.result or {}, prefix)}"
    return f"{label} {when}: {'; '.join(filter(None, (up_to, lost)))}."


def listings(run: RunRecord, best: Choice | None) -> list[Listing]:
    """The layers of the chosen point: how much of each is gone, and where its survivors lie."""
    shown = [point for point in run.finished if best is not None and point.index == best.index]
    return [
        Listing(
            "layers",
            f"Layers of {name(point.params)}",
            LAYER_COLUMNS,
            tuple({**layer, "left": f"{layer['rows']}×{layer['columns']}"} for layer in (point.result or {})["layers"]),
            "Of the chosen point. Each sign stands for a sixteenth of a layer's rows: _ where all is gone, @ where all "
            "is left.",
        )
        for point in shown
    ]
