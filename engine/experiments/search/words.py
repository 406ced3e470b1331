"""What in the space of a search of architectures changed nothing, as sentences."""

from engine.experiments.shared.finding import Finding


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "idle":
            return f"{one.of} changes nothing: models of its first and its last value compute the same."
        case "unapplied":
            return (
                f"{one.of} could not be left out in {one.counts[0]} trials: their models have no such square layer, so "
                "the choice changed nothing there."
            )
    raise ValueError(f"a search of architectures finds no {one.kind!r}")
