"""What a sweep of number formats finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.quantize.measures import QuantizePoint
from engine.experiments.shared import giving_up
from engine.experiments.shared.covered import enough
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import Concluded
from engine.experiments.shared.pairing import apart, gain
from engine.tasks.metric import Bounded, Metric

NOTHING_LEFT = 0.9
"""Share of zeros from which on a model has collapsed."""
MANY = 20
"""Comparisons of which one is expected to differ though nothing does."""


def findings(points: Sequence[QuantizePoint], metric: Metric) -> list[Finding]:
    """Where each mode holds the baseline and what the next costs, gains, collapse; then methods and preparations.

    Only of points that changed enough of their model. Last how many points were given up.
    """
    some = [point for point in points if point.result is not None and enough(point.result.covered)]
    return [
        *_losses(some, metric),
        *_gains(some, metric),
        *_collapsed(some, metric),
        *_methods(some, metric),
        *_damped(some),
        *_prepared(points),
        *giving_up.findings(point.result.measured for point in points if point.result is not None),
    ]


def _losses(points: Sequence[QuantizePoint], metric: Metric) -> Iterator[Finding]:
    """`held`: the fewest bits from which on no loss is significant, `counts` how many formats are; `lost`: the next."""
    modes: dict[str, list[tuple[float, str, Bounded, int]]] = {}
    for point in points:
        one = point.result
        if one is not None and one.bits is not None and one.measured.delta is not None:
            place = (one.bits, point.params.format, one.measured.delta, one.measured.samples)
            modes.setdefault(point.params.curve, []).append(place)
    for mode, members in modes.items():
        ordered = sorted(members, key=lambda one: one[0])
        lossy = [place for place, (_, _, delta, _) in enumerate(ordered) if metric.lost(delta).low > 0]
        first = lossy[-1] + 1 if lossy else 0
        if first < len(ordered):
            _, spec, delta, samples = ordered[first]
            yield Finding("held", mode, spec, value=delta, samples=samples, counts=(len(ordered) - first,))
        if lossy:
            _, spec, delta, samples = ordered[lossy[-1]]
            yield Finding("lost", mode, spec, value=delta, samples=samples)


def _gains(points: Sequence[QuantizePoint], metric: Metric) -> Iterator[Finding]:
    """`gain`: by how much training is better than none, and a teacher than none, beyond both intervals."""
    found = _by_curve(points)
    for (mode, spec), one in found.items():
        other, against = ("PTQ", "PTQ") if mode == "QAT" else ("QAT", "QAT without a teacher")
        before = found.get((other, spec)) if mode == "QAT" or "teacher" in mode else None
        if before is not None and (better := apart(one.score, before.score, metric)) > 0:
            yield Finding("gain", mode, spec, against, better)


def _collapsed(points: Sequence[QuantizePoint], metric: Metric) -> Iterator[Finding]:
    """`collapsed`: the share of zeros where nearly nothing else is left and the loss is significant."""
    for point in points:
        one = point.result
        if one is None or one.zeros is None or one.measured.delta is None:
            continue
        if one.zeros >= NOTHING_LEFT and metric.lost(one.measured.delta).low > 0:
            yield Finding("collapsed", point.params.curve, point.params.format, value=one.zeros)


def _methods(points: Sequence[QuantizePoint], metric: Metric) -> Iterator[Finding]:
    """`methods`: at how many formats one is better, worse, of all; `method`: each such format; `chance` of so many.

    The `counts` of a method are how much larger its file is, in ten thousandths.
    """
    results, many = _by_curve(points), 0
    for mode, other in {point.params.curve: point.params.plain.curve for point in points}.items():
        pairs = {spec: results[other, spec] for own, spec in results if own == mode and (other, spec) in results}
        if mode == other or not pairs:
            continue
        found = {spec: _difference(results[mode, spec], one, metric) for spec, one in pairs.items()}
        signs = [sign for sign, _ in found.values()]
        yield Finding("methods", mode, against=other, counts=(signs.count(1), signs.count(-1), len(signs)))
        for spec, (sign, value) in found.items():
            if sign:
                one, before = results[mode, spec], pairs[spec]
                more = round(10_000 * (one.bytes / before.bytes - 1))
                yield Finding("method", mode, spec, other, value, one.samples, counts=(more,))
        many += len(found)
    if many >= MANY:
        yield Finding("chance", counts=(many,))


def _difference(one: Concluded, other: Concluded, metric: Metric) -> tuple[int, Bounded | float]:
    """Whether a point is significantly better (1) or worse (−1) than another, and the difference.

    That is a score less the other's, paired, or how much better it is where both intervals are passed.
    """
    if (paired := gain(one.outcomes, other.outcomes)) is not None:
        lost = metric.lost(paired)
        return (1 if lost.high < 0 else -1 if lost.low > 0 else 0), paired
    better = apart(one.score, other.score, metric)
    return (better > 0) - (better < 0), better


def _damped(points: Sequence[QuantizePoint]) -> Iterator[Finding]:
    """`damped`: how many layers calibration was too small for, at most."""
    most = max((point.result.damped or 0 for point in points if point.result is not None), default=0)
    if most:
        yield Finding("damped", counts=(most,))


def _prepared(points: Sequence[QuantizePoint]) -> Iterator[Finding]:
    """`prepared`: how many layers do more than multiply, for how many another operation does it, and of how many."""
    most: dict[str, tuple[int, int, int]] = {}
    for point in points:
        if (one := point.result) is not None and (name := point.params.prepare) and (one.prepared or one.absorbed):
            counts = (one.prepared or 0, one.absorbed or 0, len(one.layers))
            most[name] = max(most.get(name, counts), counts)
    for name, counts in most.items():
        yield Finding("prepared", name, counts=counts)


def _by_curve(points: Sequence[QuantizePoint]) -> dict[tuple[str, str], Concluded]:
    return {
        (point.params.curve, point.params.format): point.result.measured for point in points if point.result is not None
    }
