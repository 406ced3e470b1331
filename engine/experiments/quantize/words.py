"""The findings of a sweep of number formats as sentences."""

from engine.experiments.shared import giving_up
from engine.experiments.shared.finding import Finding
from engine.preparing import parse_preparing
from engine.tasks.metric import Bounded, Metric

SAME_BYTES = 5
"""In ten thousandths of a size: what is not worth a word."""


def sentence(one: Finding, metric: Metric) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "held":
            down = "down to" if one.counts[0] > 1 else "at"
            return f"{one.of} {down} {one.at}: no significant loss ({_change(one, metric)})."
        case "lost":
            return f"{one.of} at {one.at}: significant loss, {_change(one, metric)}."
        case "gain":
            where = "above" if metric.better == "higher" else "below"
            return f"{one.of} at {one.at}: {metric.difference(_number(one))} {where} {one.against}."
        case "collapsed":
            return f"{one.of} at {one.at}: {100 * _number(one):.0f} % of the weights are zero."
        case "methods":
            better, worse, count = one.counts
            formats = f"{count} format{'' if count == 1 else 's'}"
            return f"{one.of} against {one.against}: better at {better}, worse at {worse} of {formats}."
        case "method":
            return f"{one.of} at {one.at} against {one.against}: {_compared(one, metric)}{_size(one.counts[0])}."
        case "chance":
            (count,) = one.counts
            return f"Of {count} such comparisons at 95 % about {round(0.05 * count)} differ by chance alone."
        case "damped":
            layers = f"{one.counts[0]} of the layers"
            return f"Calibration brought {layers} fewer rows than they have inputs: their H is damped, not full."
        case "prepared":
            preparing, (own, absorbed, every) = parse_preparing(one.of), one.counts
            if preparing is not None and preparing.rotates:
                return f"{one.of}: {own} of {every} layers rotate their inputs at run time."
            divide = "divides its inputs" if own == 1 else "divide their inputs"
            return f"{one.of}: of {every} layers {absorbed} have S absorbed by what comes before, {own} {divide}."
        case "given_up":
            return giving_up.sentence(one, metric)
    raise ValueError(f"a sweep of formats finds no {one.kind!r}")


def _change(one: Finding, metric: Metric) -> str:
    assert isinstance(one.value, Bounded)
    return metric.change(one.value, one.samples)


def _number(one: Finding) -> float:
    assert isinstance(one.value, float)
    return one.value


def _compared(one: Finding, metric: Metric) -> str:
    if isinstance(one.value, Bounded):
        return metric.change(one.value, one.samples)
    better = _number(one)
    return f"{metric.difference(abs(better))} {'better' if better > 0 else 'worse'}, beyond both intervals"


def _size(more: int) -> str:
    return ", same bytes" if abs(more) < SAME_BYTES else f", {more / 100:+.1f} % bytes"
