"""What the points of a search are, beside what their space says, and what they measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.measured import Tested
from engine.runtime.records import PointRecord, RunRecord
from engine.search.constraints import Constraint, feasible
from engine.search.keys import LABELS, TRIAL
from engine.search.series import OVER
from engine.tasks.metric import Bounded, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialParams(Recorded):
    """`family`, `sampler` and `mode` are its curve's, as far as its search has such; `trial` counts with each seed.

    A search's last point has a `stage`, and the `chosen` point's index.
    """

    family: Annotated[str | None, Quantity("Family")] = None
    sampler: Annotated[str | None, Quantity("Sampler")] = None
    mode: Annotated[str | None, Quantity("Mode")] = None
    trial: Annotated[int | None, Quantity("Trial", "number")] = None
    seed: Annotated[int | None, Quantity("Seed", "number")] = None
    given: Annotated[str | None, Quantity("Given")] = None
    stage: Annotated[str | None, Quantity("Stage")] = None
    chosen: Annotated[int | None, Quantity("Chosen", "number")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult(Recorded):
    """The validation score, which trials are chosen by, and what is lost of the baseline's; `bytes` as written.

    `feasible` says whether it keeps the constraints; then the `model` is kept. Of the chosen trial alone is `tested`.
    """

    validation: Annotated[Bounded, Quantity("Validation", "score", key="validation_{metric}", bounds="validation")]
    validation_samples: Annotated[int, Quantity("Validation samples", "number")]
    validation_error: Annotated[float | None, Quantity("Validation error", "number")] = None
    lost: Annotated[float | None, Quantity("Lost", "score")] = None
    bytes: Annotated[int | None, Quantity("Size", "bytes")] = None
    feasible: Annotated[bool | None, Quantity("Feasible")] = None
    model: Annotated[str | None, Quantity("Saved in")] = None
    tested: Annotated[Tested | None, Part("", {"score": "Test"})] = None


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for: the best score by this metric among the trials that keep the limits."""

    limits: tuple[Constraint, ...]
    metric: Metric


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of a run: how it was `judged` once it has finished, and whether it is `good`: keeps the limits then."""

    point: PointRecord
    params: TrialParams
    number: int
    judged: TrialResult | None
    good: bool

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.point.state in OVER

    def measured(self, key: str) -> float | None:
        """What a score is weighed against, by its key: bytes, bits, operations, latency."""
        value = (self.point.result or {}).get(key)
        return None if value is None or self.judged is None else float(value)


def trials(sought: Sought, run: RunRecord) -> list[Trial]:
    """The points that are trials."""
    return [_trial(sought, point) for point in run.points if TRIAL in point.params]


def _trial(sought: Sought, point: PointRecord) -> Trial:
    result = point.result if point.state == "finished" else None
    judged = TrialResult.from_record(result, sought.metric) if result else None
    good = result is not None and feasible(sought.limits, result)
    return Trial(point, TrialParams.from_record(point.params), point.params[TRIAL], judged, good)


def curves(found: Sequence[Trial]) -> Mapping[str, list[Trial]]:
    """The trials of each curve, in the order in which the curves begin, by what they differ in but the seed."""
    known = [label for label in LABELS if found and getattr(found[0].params, label) is not None]
    differing = [one for one in known if len({getattr(trial.params, one) for trial in found}) > 1] or known[:1]
    members: dict[str, list[Trial]] = {}
    for trial in found:
        members.setdefault(", ".join(str(getattr(trial.params, one)) for one in differing), []).append(trial)
    return members
