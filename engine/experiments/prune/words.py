"""The findings of a pruning run as sentences."""

from engine.experiments.shared import giving_up
from engine.experiments.shared.finding import Finding
from engine.tasks.metric import Bounded, Metric


def sentence(one: Finding, metric: Metric) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    if one.kind == "given_up":
        return giving_up.sentence(one, metric)
    if one.kind == "held":
        highest = "" if one.counts[0] else ", the highest tried"
        return f"{one.of}: no significant loss up to sparsity {one.at}{highest}."
    assert isinstance(one.value, Bounded)
    return f"{one.of}: significant loss at sparsity {one.at}, {metric.change(one.value, one.samples)}."
