"""What in the space of a search of architectures changed nothing, as data; `words.py` puts it into sentences."""

from collections import Counter
from dataclasses import dataclass

from engine.experiments.recorded import Recorded, results_of
from engine.experiments.shared.finding import Finding
from engine.runtime.records import RunRecord
from engine.tasks.metric import Metric

NOTE, IDLE = "dimensions", "idle"
"""The run's note of dimensions that change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built(Recorded):
    """What a trial records of layers that it could not leave out."""

    not_skipped: tuple[str, ...] = ()


def unused(run: RunRecord, metric: Metric) -> list[Finding]:
    """`idle`: a dimension; `unapplied`: a layer that so many trials could not leave out."""
    idle = (run.notes.get(NOTE) or {}).get(IDLE) or ()
    kept = Counter(name for one in results_of(run, _Built, metric) for name in one.not_skipped)
    return [
        *(Finding("idle", name) for name in idle),
        *(Finding("unapplied", name, counts=(count,)) for name, count in kept.items()),
    ]
