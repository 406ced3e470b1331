"""The findings of captures as sentences."""

from engine.experiments.shared.finding import Finding
from engine.graph import words
from engine.graph.reasons import Reason


def sentence(one: Finding | Reason) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    if not isinstance(one, Finding):
        return words.sentence(one)
    match one.kind:
        case "problem":
            return f"{one.of} has no graph. {one.names[0]}"
        case "note":
            return f"{one.of}: {one.names[0]}"
        case "pass":
            return f"{one.at} ({one.of}): {one.names[0]}"
    raise ValueError(f"a capture finds no {one.kind!r}")
