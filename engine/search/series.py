"""One study: the trials of one sampler with one seed, as Optuna sees them."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.runtime.records import PointRecord
from engine.search.constraints import Constraint
from engine.search.keys import GIVEN, TRIAL
from engine.search.samplers import REPLAYED, STARTUP, Pruner, Sampler, make_pruner, make_sampler, trial_seed
from engine.search.space import Dimension, Params, Range, Space

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

OVER = ("finished", "failed", "pruned")


@dataclass(frozen=True, slots=True)
class Goal:
    """A key of the results, and which way is better."""

    key: str
    maximize: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """`labels` are what the points of the series carry beside their trial's number; `first` are its first trials.

    `reports` is how often a trial reports its accuracy while it is trained, for the pruner; `startup` how many trials
    TPE and GP draw at random.
    """

    labels: Mapping[str, Any]
    sampler: Sampler
    space: Space
    seed: int
    goals: tuple[Goal, ...]
    constraints: tuple[Constraint, ...] = ()
    first: tuple[Params, ...] = ()
    pruner: Pruner = "none"
    reports: int = 1
    startup: int = STARTUP

    @property
    def name(self) -> str:
        """What a reader calls it: `tpe, plain, seed 1`."""
        return ", ".join(
            f"{key} {value}" if isinstance(value, int) else str(value) for key, value in self.labels.items()
        )

    @property
    def directions(self) -> list[Literal["maximize", "minimize"]]:
        """Which way each goal is better, in Optuna's words."""
        return ["maximize" if goal.maximize else "minimize" for goal in self.goals]

    def owns(self, params: Params) -> bool:
        """Whether a point is one of its trials."""
        return TRIAL in params and all(params.get(key) == value for key, value in self.labels.items())

    def asked(self, point: PointRecord) -> bool:
        """Whether one of its trials has more than what stood for it."""
        return len(point.params) > len(self.labels) + 1


class Trials:
    """The trials of a series in an in-memory study, brought up to a run's record and asked for the next.

    Proposals depend on the seed, the number of the trial and what is told, never on how the study came about: trials
    are entered as they are recorded, and where a sampler keeps a state of its own it is asked again in order.
    """

    def __init__(self, series: Series, *, replay: bool = True):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.series = series
        self._replay = replay and series.sampler in REPLAYED
        self._trials: list[Trial] = []
        self._told = 0
        self._proposed: dict[str, Any] | None = None
        self._grid: list[dict[str, Any]] | None = None
        self._study: Study = optuna.create_study(
            directions=series.directions,
            study_name=series.name,
            sampler=make_sampler("random", 0),
            pruner=make_pruner(series.pruner, series.reports),
        )

    @property
    def study(self) -> "Study":
        """As Optuna knows it."""
        return self._study

    def propose(self, before: Sequence[PointRecord], known: int) -> dict[str, Any] | None:
        """Parameters for the trial after `before`, of which the first `known` have ended and may be looked at.

        None where a grid is at its end.
        """
        number, series = len(before), self.series
        if number < len(series.first):
            return {**series.space.checked(series.first[number]), GIVEN: "warm start"}
        if series.sampler == "grid":
            if self._grid is None:
                self._grid = series.space.product()
                random.Random(series.seed).shuffle(self._grid)  # a budget below its size is no corner of it
            asked = number - len(series.first)
            return self._grid[asked] if asked < len(self._grid) else None
        if self._proposed is not None and len(self._trials) == number + 1:  # asked before, and not recorded since
            return self._proposed
        self.enter(before, known)
        self._proposed = self._ask(number)
        return self._proposed

    def enter(self, points: Sequence[PointRecord], known: int) -> None:
        """Takes in the trials that are new, and how the first `known` of them ended."""
        lag = len(points) - known
        for number in range(len(self._trials), len(points)):
            self._tell(points, number - lag)
            if self._replay and GIVEN not in points[number].params:
                self._ask(number)
            else:
                self._add(points[number])
        self._tell(points, known)

    def hopeless(self, step: int, value: float) -> bool:
        """Reports a value of the last trial; whether the pruner gives it up. Of several goals none is judged by."""
        if len(self.series.goals) > 1:
            return False
        self._trials[-1].report(value, step)
        return bool(self._trials[-1].should_prune())

    @property
    def rungs(self) -> dict[str, float]:
        """How the last trial stood at the rungs of successive halving, by which later ones are judged."""
        attrs = self._study.get_trials(deepcopy=False)[-1].system_attrs
        return {key: value for key, value in attrs.items() if key.startswith("completed_rung")}

    def _ask(self, number: int) -> dict[str, Any]:
        seed = trial_seed(self.series.seed, number)
        self._study.sampler = make_sampler(self.series.sampler, seed, self.series.startup)
        trial = self._study.ask()
        self._trials.append(trial)
        return self.series.space.choose(lambda dimension: suggested(trial, dimension))

    def _add(self, point: PointRecord) -> None:
        import optuna

        self._study.sampler = make_sampler("random", 0)
        params, distributions = encoded(self.series.space, point.params)
        state, attrs = optuna.trial.TrialState.RUNNING, dict((point.result or {}).get("rungs") or {})
        frozen = optuna.create_trial(state=state, params=params, distributions=distributions, system_attrs=attrs)
        self._study.add_trial(frozen)
        added = self._study.get_trials(deepcopy=False)[-1]
        self._trials.append(optuna.Trial(self._study, added._trial_id))

    def _tell(self, points: Sequence[PointRecord], until: int) -> None:
        from optuna.trial import TrialState

        while self._told < until:
            point, trial = points[self._told], self._trials[self._told]
            result = point.result or {}
            for step, value in result.get("reports") or () if len(self.series.goals) == 1 else ():
                trial.report(value, int(step))
            if point.state == "finished":
                for constraint in self.series.constraints:
                    trial.set_constraint(constraint.text, constraint.excess(result))
            values = [float(result[goal.key]) for goal in self.series.goals] if point.state == "finished" else []
            if values and not any(map(math.isnan, values)):
                self._study.tell(trial, values)
            else:
                self._study.tell(trial, state=TrialState.PRUNED if point.state == "pruned" else TrialState.FAIL)
            self._told += 1


def suggested(trial: "Trial", dimension: Dimension) -> Any:
    """The value that a trial's sampler gives to a dimension."""
    domain = dimension.domain
    if not isinstance(domain, Range):
        return domain[dimension.labels.index(trial.suggest_categorical(dimension.name, dimension.labels))]
    if domain.whole:
        low, high, step = int(domain.low), int(domain.high), int(domain.step or 1)
        return trial.suggest_int(dimension.name, low, high, step=step, log=domain.log)
    return trial.suggest_float(dimension.name, domain.low, domain.high, step=domain.step, log=domain.log)


def encoded(space: Space, params: Params) -> tuple[dict[str, Any], dict[str, "BaseDistribution"]]:
    """Parameters as Optuna has them: by dimension, with what each could have been."""
    values, distributions = {}, {}
    for dimension in space.dimensions:
        if dimension.exists(params):
            value = dimension.gathered(params)
            if not isinstance(dimension.domain, Range):
                value = dimension.labels[dimension.domain.index(value)]
            values[dimension.name] = value
            distributions[dimension.name] = _distribution(dimension)
    return values, distributions


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    domain = dimension.domain
    if not isinstance(domain, Range):
        return CategoricalDistribution(dimension.labels)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
