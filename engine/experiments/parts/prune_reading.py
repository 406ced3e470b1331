"""What a pruning run shows: figures, layers and sentences, from its recorded results."""

from collections.abc import Callable, Sequence
from itertools import takewhile

from engine.experiments.base import Choice, Column, Listing
from engine.experiments.parts.accuracy_figures import accuracy_series, baseline_level, loss_figure, size_figure, span
from engine.figures.figure import Figure, Mark
from engine.runtime.records import Params, PointRecord, RunRecord

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
        return f"{params['method']} {granularity}"
    part = "" if granularity == "weights" else f" {granularity}"
    return f"{params['method']}{part} {params['sparsity']:g}"


def figures(run: RunRecord, best: int | None) -> list[Figure]:
    """Accuracy against sparsity, before and after fine-tuning; against bytes; the loss of the fine-tunings."""
    curves = _curves(run)
    drawn = [_accuracy(run, curves, best), size_figure(run, curves, _marks(run, best, lambda p: p.result["bytes"]))]  # type: ignore[index]
    losses = loss_figure(run, name)
    return [*drawn, losses] if losses.series else drawn


def _curves(run: RunRecord) -> Curves:
    """Finished points by method, granularity and scope; the latter two are named where they differ in the run."""
    named = [key for key in ("granularity", "scope") if len({point.params[key] for point in run.points}) > 1]
    found: Curves = {}
    for point in run.points:
        label = " ".join([point.params["method"], *(point.params[key] for key in named)])
        members = found.setdefault(label, (2 * len(found), []))[1]
        if point.state == "finished":
            members.append(point)
    ordered = {label: (slot, sorted(points, key=_sparsity)) for label, (slot, points) in found.items()}
    return {label: curve for label, curve in ordered.items() if curve[1]}


def _sparsity(point: PointRecord) -> float:
    return float(point.params["sparsity"])


def _tuned(points: Sequence[PointRecord]) -> list[PointRecord]:
    return [point for point in points if point.result and "pruned_accuracy" in point.result]


def _marks(run: RunRecord, best: int | None, place: Callable[[PointRecord], float]) -> tuple[Mark, ...]:
    chosen = [point for point in run.finished if point.index == best]
    return tuple(Mark(place(p), (p.result or {})["accuracy"], f"best: {name(p.params)}") for p in chosen)


def _accuracy(run: RunRecord, curves: Curves, best: int | None) -> Figure:
    series = []
    for label, (slot, points) in curves.items():
        series.append(accuracy_series(label, slot, points, list(map(_sparsity, points))))
        if tuned := _tuned(points):
            x = list(map(_sparsity, tuned))
            series.append(accuracy_series(f"{label} before", slot + 1, tuned, x, key="pruned_accuracy"))
    planned = [_sparsity(point) for point in run.points]
    return Figure(
        key="accuracy",
        title="Test accuracy against sparsity",
        x_label="Sparsity",
        y_label="Test accuracy",
        series=(*series, *baseline_level(run, planned)),
        y_unit="percent",
        x_range=span(planned),
        marks=_marks(run, best, _sparsity),
        caption="Before: straight after pruning, without fine-tuning. Intervals are 95 %; the best point is chosen on "
        "validation data.",
    )


def findings(run: RunRecord) -> list[str]:
    """Up to which sparsity each method holds the baseline, straight after pruning and fine-tuned."""
    return [
        sentence
        for label, (_, points) in _curves(run).items()
        for key, when, measured in (
            ("pruned_delta", "straight after pruning", _tuned(points)),
            ("delta", "after fine-tuning" if _tuned(points) else "without fine-tuning", points),
        )
        if len(measured) > 1
        for sentence in [_holds(label, when, measured, key)]
    ]


def _holds(label: str, when: str, points: Sequence[PointRecord], key: str) -> str:
    """A point holds the baseline where its paired 95 % interval reaches zero; those before it must hold too."""
    held = list(takewhile(lambda point: (point.result or {})[f"{key}_high"] >= 0, points))
    up_to = f"holds the baseline up to a sparsity of {_sparsity(held[-1]):g}" if held else "does not hold the baseline"
    if len(held) == len(points):
        return f"{label} {when}: {up_to}, the most that was tried."
    lost = points[len(held)]
    return f"{label} {when}: {up_to}; at {_sparsity(lost):g} it loses {-100 * (lost.result or {})[key]:.2f} points."


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
