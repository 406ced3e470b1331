"""The findings of a search for a mix of formats as sentences."""

from engine.experiments.shared.finding import Finding
from engine.figures.units import in_bytes


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    if one.kind != "mix":
        raise ValueError(f"a search for a mix finds no {one.kind!r}")
    size, *source = map(in_bytes, one.counts)
    before = f" (the starting model: {source[0]})" if source else ""
    return f"The chosen mix takes {one.value:.2f} bits a weight on average and {size} as written{before}: {one.at}."
