"""The findings of compiled against eager as sentences."""

from engine.experiments.profile.words import apart, number, times, two_times
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_seconds


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "pays":
            compiled, eager = two_times(one)
            saved = in_seconds(eager.value - compiled.value)
            text = f"compiling costs {in_seconds(one.values[0])} and saves {saved} a call: it pays after "
            text += f"{one.counts[0]:,} calls, which are then {times(eager.value / compiled.value)}."
            return text if apart(compiled, eager) else f"{text} {_unsure('saving')}"
        case "loses":
            compiled, eager = two_times(one)
            text = f"compiling costs {in_seconds(one.values[0])} and never pays: a compiled call takes "
            text += f"{in_seconds(compiled.value)}, an eager one {in_seconds(eager.value)}."
            return text if apart(compiled, eager) else f"{text} {_unsure('loss')}"
        case "breaks":
            return f"the forward falls into {one.counts[0]} graphs, because of: {'; '.join(one.names)}."
        case "differs":
            return f"compiled outputs differ by {number(one):.2g} at most, where the largest is {one.values[0]:.2g}."
        case "disturbed":
            return "other processes took part in these times; run it again when it is quiet."
        case "start_up":
            return f"before that the compiler took up to {in_seconds(number(one))} to start, once in each process."
        case "whole":
            return "no graph breaks: each forward is one graph."
    raise ValueError(f"compile finds no {one.kind!r}")


def _unsure(what: str) -> str:
    return f"The quartiles overlap, so the {what} is uncertain."
