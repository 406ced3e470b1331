"""The findings of naive against fused attention as sentences."""

from engine.experiments.profile.words import times, two_times
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_bytes, in_seconds


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "fastest":
            best, naive = two_times(one)
            length, bytes_, before = one.counts
            return (
                f"at {length:,} tokens {one.at} takes {in_seconds(best.value)} and {one.against} "
                f"{in_seconds(naive.value)}: {times(naive.value / best.value)}, with {in_bytes(bytes_)} at the peak "
                f"against {in_bytes(before)}."
            )
        case "slower":
            return f"naive is the faster way at {', '.join(f'{length:,}' for length in one.counts)} tokens."
        case "precision":
            errors = ", ".join(f"{way} {error:.1e}" for way, error in zip(one.names, one.values, strict=True))
            return f"largest difference from float64 at {one.counts[0]:,} tokens: {errors}."
        case "growth":
            short, long = one.counts
            grown = zip(one.names, one.values, strict=True)
            took = " and ".join(f"{way} {ratio:.1f} times the time" for way, ratio in grown)
            return f"{long / short:g} times the tokens take {took} ({short:,} to {long:,} tokens)."
        case "note":
            return f"{one.against} (at {one.counts[0]} of {one.counts[1]} shapes)."
    raise ValueError(f"attention finds no {one.kind!r}")
