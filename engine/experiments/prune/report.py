"""What a pruning run shows: figures and layers, from its recorded results."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.experiments.api import Choice, Column, Listing
from engine.experiments.prune.measures import PrunedLayer, PruneParams, PrunePoint, PruneResult
from engine.experiments.shared.charts import baseline_level, loss_figure, score_scale, score_series, size_figure, span
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric


@dataclass(frozen=True, slots=True)
class Done:
    """A finished point."""

    index: int
    params: PruneParams
    result: PruneResult

    @property
    def score(self) -> Bounded:
        """On test data."""
        return self.result.measured.score


Curves = dict[str, tuple[int, list[Done]]]


def figures(run: RunRecord, points: Sequence[PrunePoint], best: int | None, metric: Metric) -> list[Figure]:
    """The score against sparsity, before and after fine-tuning; against bytes; the loss of the fine-tunings."""
    curves = curves_of(points)
    chosen = [one for _, members in curves.values() for one in members if one.index == best]
    by_size = {name: (slot, [one.result.measured for one in members]) for name, (slot, members) in curves.items()}
    at_size = tuple(_mark(float(one.result.measured.bytes), one) for one in chosen)
    drawn = [_scores(run, points, curves, chosen, metric), size_figure(run, by_size, at_size, metric)]
    losses = loss_figure(run, [point.params.name for point in points])
    return [*drawn, losses] if losses.series else drawn


def curves_of(points: Sequence[PrunePoint]) -> Curves:
    """Finished points by method, granularity, scope and teacher; scope and granularity named where they differ."""
    several = len({point.params.of for point in points}) > 1, len({one.params.scope for one in points}) > 1
    found: Curves = {}
    for index, params, result in ((point.index, point.params, point.result) for point in points):
        named = [params.of] * several[0] + [params.scope] * several[1]
        label = " ".join([params.method, *named]) + taught(params.teacher)
        members = found.setdefault(label, (2 * len(found), []))[1]
        if result is not None:
            members.append(Done(index, params, result))
    ordered = {
        label: (slot, sorted(members, key=lambda one: one.params.sparsity)) for label, (slot, members) in found.items()
    }
    return {label: curve for label, curve in ordered.items() if curve[1]}


def _mark(place: float, one: Done) -> Mark:
    return Mark(place, one.score.value, f"best: {one.params.name}")


def _scores(
    run: RunRecord, points: Sequence[PrunePoint], curves: Curves, chosen: Sequence[Done], metric: Metric
) -> Figure:
    series = []
    for label, (slot, members) in curves.items():
        x = [one.params.sparsity for one in members]
        series.append(score_series(label, slot, [one.score for one in members], x))
        if before := [(one.params.sparsity, one.result.pruned.score) for one in members if one.result.pruned]:
            x, scores = [place for place, _ in before], [score for _, score in before]
            series.append(score_series(f"{label} before", slot + 1, scores, x))
    planned = [point.params.sparsity for point in points]
    return Figure(
        key=metric.name,
        title=f"Test {metric.name} against sparsity",
        x_label="Sparsity",
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, planned, metric)),
        y_unit=metric.unit,
        y_scale=score_scale(series, metric),
        x_range=span(planned),
        marks=tuple(_mark(one.params.sparsity, one) for one in chosen),
        caption="Before: straight after pruning, without fine-tuning. Intervals are 95 %; the best point is chosen on "
        "validation data.",
    )


def listings(points: Sequence[PrunePoint], best: Choice | None) -> list[Listing]:
    """The layers of the chosen point: how much of each is gone, and where its survivors lie."""
    told = PrunedLayer.columns()
    columns = (told["name"], told["sparsity"], Column("left", "Left"), told["map"])
    return [
        Listing(
            "layers",
            f"Layers of {point.params.name}",
            columns,
            tuple({**layer.to_record(), "left": f"{layer.rows}×{layer.columns_left}"} for layer in point.result.layers),
            "Of the chosen point. Each sign stands for a sixteenth of a layer's rows: _ where all is gone, @ where all "
            "is left.",
        )
        for point in points
        if best is not None and point.index == best.index and point.result is not None
    ]
