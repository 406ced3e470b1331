"""The findings of a search as sentences."""

from collections.abc import Sequence

from engine.experiments.shared.finding import Finding
from engine.tasks.metric import Bounded, Metric


def sentence(one: Finding, metric: Metric) -> str:
    """A finding in words; `trials_findings.py` says what each kind holds."""
    match one.kind:
        case "lead":
            return f"After {one.counts[0]} trials the lead is with {_listed(one.names)} at {_score(one, metric)}."
        case "behind":
            worst = "lowest" if metric.better == "higher" else "highest"
            return f"The {worst} is {_score(one, metric)} by {_listed(one.names)}."
        case "close":
            assert isinstance(one.value, float)
            spread = metric.spread(one.value)
            return f"Two standard errors are {spread} at n={one.samples:,}: the curves are too close to rank."
        case "broken":
            broken, ended = one.counts
            return f"{broken} of {ended} finished trials break a constraint; they are never chosen."
        case "tested":
            return _tested(one, metric)
    raise ValueError(f"a search finds no {one.kind!r}")


def _tested(one: Finding, metric: Metric) -> str:
    assert isinstance(one.value, Bounded)
    assert isinstance(one.beside, Bounded)
    value, low, high = one.value
    delta, below, above = (metric.said(part, signed=True) for part in one.beside)
    points = " points" if metric.unit == "percent" else ""
    return (
        f"Chosen on validation data: {one.of}, trial {one.counts[0]}. On the test set, looked at once, it reaches "
        f"{metric.written(value)} ({metric.said(low)} to {metric.said(high)}): {delta}{points} against the starting "
        f"model ({below} to {above})."
    )


def _score(one: Finding, metric: Metric) -> str:
    assert isinstance(one.value, float)
    return metric.written(one.value)


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, or `a; b and c`: names hold commas."""
    return " and ".join(filter(None, ("; ".join(names[:-1]), names[-1])))
