"""Experiments whose models are scored: their columns carry the name, unit and direction of what the task measures."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from engine.experiments.api import Choice, Column, Experiment
from engine.experiments.recorded import NamedParams, ParamsT, ResultT, TypedPoint, typed_points
from engine.experiments.shared.choosing import Candidate, candidates, choose, keep_front
from engine.experiments.shared.config import TaskConfig
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of

ScoredConfigT = TypeVar("ScoredConfigT", bound=TaskConfig)
NamedT = TypeVar("NamedT", bound=NamedParams)


class Scored(Experiment[ScoredConfigT], Generic[ScoredConfigT, ParamsT, ResultT]):
    """Its `Params` and `Result` say what there is to show; `shown` names the fields that tables have, in order."""

    Params: type[ParamsT]
    Result: type[ResultT]
    shown: tuple[str, ...]

    def columns_of(self, settings: Mapping[str, Any]) -> Sequence[Column]:
        """The columns with the metric of the settings' task."""
        fields = self._fields(settings)
        return [fields[name] for name in self.shown]

    def quantities(self, settings: Mapping[str, Any]) -> Mapping[str, Column]:
        """Those of `Params` and `Result`."""
        return {column.key: column for column in self._fields(settings).values()}

    def tables(self, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Column]]:
        """Those of lists in `Result`."""
        return self.Result.tables(metric_of(settings))

    def _fields(self, settings: Mapping[str, Any]) -> dict[str, Column]:
        metric = metric_of(settings)
        return self.Params.columns(metric) | self.Result.columns(metric)


class Swept(Scored[ScoredConfigT, NamedT, ResultT]):
    """Its points keep models of which one is chosen: the smallest within one standard error of the best score."""

    @abstractmethod
    def asked(self, config: ScoredConfigT) -> Iterable[NamedT]:
        """What each point is asked for, curve by curve, so that the first completes early."""

    def points(self, config: ScoredConfigT) -> Sequence[Mapping[str, Any]]:
        """What is asked for, as it is recorded."""
        return [params.to_record(config.metric) for params in self.asked(config)]

    def read(self, config: ScoredConfigT, run: RunRecord) -> list[TypedPoint[NamedT, ResultT]]:
        """The points of a run."""
        return typed_points(run.points, self.Params, self.Result, config.metric)

    def chosen(self, config: ScoredConfigT, run: RunRecord) -> int | None:
        """The index of the point to take."""
        best = self.best(config, run)
        return None if best is None else best.index

    def best(self, config: ScoredConfigT, run: RunRecord) -> Choice | None:
        """The point to take, by validation data."""
        return choose(self._candidates(config, run), config.metric)

    def tidy(self, config: ScoredConfigT, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, self._candidates(config, run), config.metric)

    def _candidates(self, config: ScoredConfigT, run: RunRecord) -> list[Candidate]:
        return candidates(run, lambda params: self.Params.from_record(params).name, config.metric)
