"""The findings of a profiled step as sentences."""

from engine.experiments.profile.words import number, share
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_seconds
from engine.tasks.metric import Bounded


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "step":
            assert isinstance(one.value, Bounded)
            time, low, high = map(in_seconds, one.value)
            return f"a step takes {time} ({low} to {high}); under the profiler {in_seconds(one.values[0])}."
        case "operators":
            few, many = one.counts
            return f"{share(number(one))} of the operators' time goes to {few} of {many}: {_named(one)}."
        case "layers":
            return f"of the time in layers (forward) most goes to {_named(one)}."
        case "phases":
            return f"of a step, {_named(one)}."
        case "trace":
            return f"the Chrome trace is {one.at}; open it at ui.perfetto.dev."
    raise ValueError(f"a step finds no {one.kind!r}")


def _named(one: Finding) -> str:
    return ", ".join(f"{name} {share(value)}" for name, value in zip(one.names, one.values, strict=True))
