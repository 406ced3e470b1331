"""The findings of engines side by side as sentences."""

from engine.experiments.profile.words import apart, number, share, times, two_times
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_bytes, in_seconds
from engine.tasks.metric import Bounded


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "bound":
            return _bound(one)
        case "faster":
            return _faster(one)
        case "same":
            return (
                "it computes the same operations in float32: other kernels and fewer launches are all it can gain by."
            )
        case "linear":
            best = 1 / max(1 - number(one), 1e-9)
            return (
                f"linear layers, all that it computes otherwise, take {share(number(one))} of the eager time: it can "
                f"be {best:.1f} times as fast at most."
            )
        case "decoded":
            return (
                "weights become floats in front of each product; that saves reading them, and at batch "
                f"{one.counts[0]} reading is {share(number(one))} of what has to be done."
            )
        case "integers":
            return "this processor has no products of 8-bit integers (VNNI, AMX): they are no faster than floats."
        case "halves":
            halves, floats = (f"{rate / 1e9:.3g}" for rate in one.values)
            rates = f"{halves} against {floats} billion operations a second"
            return f"bfloat16 products are no faster than float32 on this machine: {rates}."
        case "launching":
            return (
                "the batch is so small that the time goes to launching operators, not to what they compute: a larger "
                "batch or a compiled graph spreads it."
            )
        case "disturbed":
            what = f"{one.counts[0]:,} point{'s' * (one.counts[0] > 1)}"
            return f"other processes took part in the times of {what}; run it again when it is quiet."
    raise ValueError(f"deploy finds no {one.kind!r}")


_BOUND = {
    "operators": "most of it goes to small operators, launched one by one",
    "memory": "it is bound by memory",
    "arithmetic": "it is bound by arithmetic",
}


def _bound(one: Finding) -> str:
    assert isinstance(one.value, Bounded)
    (reading, computing), (size, operations) = one.values, one.counts
    return (
        f"reading its {in_bytes(size)} of weights takes {in_seconds(reading)} on this machine, its "
        f"{operations / 1e9:.3g} billion operations {in_seconds(computing)}, a call {in_seconds(one.value.value)}: "
        f"{_BOUND[one.at]}."
    )


def _faster(one: Finding) -> str:
    took, eager = two_times(one)
    loads, before = map(in_bytes, one.counts)
    smaller = "" if loads == before else f"; it loads {loads} in place of {before}"
    text = f"{times(eager.value / took.value)} as eager torch, {in_seconds(took.value)} a call against "
    text += f"{in_seconds(eager.value)}{smaller}."
    return text if apart(took, eager) else f"{text} The quartiles overlap, so the difference is uncertain."
