"""The findings of the MXINT8 kernels' bench as sentences."""

from engine.experiments.profile.words import apart, share, times, two_times
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_seconds


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "decoded":
            ours, copy = two_times(one)
            rate, of_copy = one.values
            return (
                f"decoding takes {in_seconds(ours.value)}, {rate:.1f} GB/s, which is {share(of_copy)} of what copying "
                f"as many bytes reaches here{'' if apart(ours, copy) else _OVERLAP}."
            )
        case "compared":
            ours, other = two_times(one)
            ratio = times(other.value / ours.value)
            return f"that is {ratio} as {one.against}{'' if apart(ours, other) else _OVERLAP}."
        case "note":
            return f"{one.at}: {one.names[0]}."
    raise ValueError(f"mxint8 finds no {one.kind!r}")


_OVERLAP = " (the quartiles overlap)"
