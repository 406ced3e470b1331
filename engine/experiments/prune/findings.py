"""What a pruning run finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from engine.experiments.prune.measures import PrunePoint
from engine.experiments.prune.report import curves_of
from engine.experiments.shared import giving_up
from engine.experiments.shared.covered import enough
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import Compared
from engine.tasks.metric import Metric


def findings(settings: Mapping[str, object], points: Sequence[PrunePoint], metric: Metric) -> list[Finding]:
    """Up to which sparsity no loss is significant, for each curve, straight after pruning and fine-tuned.

    Last how many points were given up.
    """
    tuned = "without fine-tuning" if settings.get("finetune_steps") == 0 else "after fine-tuning"
    found: list[Finding] = []
    for label, (_, members) in curves_of(points).items():
        some = [one for one in members if enough(one.result.covered)]
        before = [(one.params.sparsity, one.result.pruned) for one in some if one.result.pruned]
        after = [(one.params.sparsity, one.result.measured) for one in some]
        found += _holds(f"{label} straight after pruning", before, metric)
        found += _holds(f"{label} {tuned}", after, metric)
    return [*found, *giving_up.findings(point.result.measured for point in points if point.result is not None)]


def _holds(of: str, members: Sequence[tuple[float, Compared]], metric: Metric) -> Iterator[Finding]:
    """`held`: the last sparsity up to which every paired 95 % interval reaches zero; `lost`: the next.

    The `counts` of the former are how many higher ones were tried. Nothing is said of a single point.
    """
    points = [(sparsity, one.delta, one.samples) for sparsity, one in members if one.delta is not None]
    if len(points) < 2:
        return
    held = list(takewhile(lambda point: metric.lost(point[1]).low <= 0, points))
    if held:
        sparsity, delta, samples = held[-1]
        yield Finding("held", of, f"{sparsity:g}", value=delta, samples=samples, counts=(len(points) - len(held),))
    if len(held) < len(points):
        sparsity, delta, samples = points[len(held)]
        yield Finding("lost", of, f"{sparsity:g}", value=delta, samples=samples)
