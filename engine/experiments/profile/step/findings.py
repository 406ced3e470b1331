"""What a profiled step finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.experiments.profile.step.measures import Spent, StepResult
from engine.experiments.profile.step.report import Done
from engine.experiments.shared.finding import Finding

NAMED = 3
"""Operators and layers that a sentence names."""


def findings(done: Sequence[Done], directory: Path) -> list[Finding]:
    """Where the time goes, what the profiler itself costs, and where the trace is."""
    return [finding for one in done for finding in _of(one.of, one.result, directory)]


def _of(name: str, one: StepResult, directory: Path) -> Iterator[Finding]:
    """`step`: its time, and with the profiler. `operators`, `layers`: the slowest with their shares; of the former the
    share of these together, and how many of how many they are. `phases`: the same of all. `trace`: its file.
    """
    yield Finding("step", name, value=one.time, values=(one.profiled,))
    if first := one.operators[:NAMED]:
        together = sum(row.share for row in first)
        yield _shares("operators", name, first, together, (len(first), len(one.operators)))
    if first := one.layer_times[:NAMED]:
        yield _shares("layers", name, first)
    if len(one.phases) > 1:
        yield _shares("phases", name, one.phases)
    if one.trace:
        yield Finding("trace", name, str(directory / one.trace))


def _shares(
    kind: str, name: str, rows: Sequence[Spent], together: float | None = None, counts: tuple[int, ...] = ()
) -> Finding:
    names, values = tuple(row.name for row in rows), tuple(row.share for row in rows)
    return Finding(kind, name, value=together, names=names, values=values, counts=counts)
