"""Experiments whose models are scored: their columns carry the name, unit and direction of what the task measures."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from engine.experiments.api import Choice, Column, Experiment
from engine.experiments.shared.choosing import candidates, choose, keep_front
from engine.experiments.shared.config import TaskConfig
from engine.runtime.records import Params, RunRecord
from engine.tasks.kinds import metric_of
from engine.tasks.metric import ACCURACY, Metric

ScoredConfigT = TypeVar("ScoredConfigT", bound=TaskConfig)


class Scored(Experiment[ScoredConfigT]):
    """Declares its columns for accuracy on texts; a run of another task has them under that task's names."""

    def columns_of(self, settings: Mapping[str, Any]) -> Sequence[Column]:
        """The columns with the metric of the settings' task."""
        return [_named(column, metric_of(settings)) for column in self.columns]


class Swept(Scored[ScoredConfigT]):
    """Its points keep models of which one is chosen: the smallest within one standard error of the best score."""

    @abstractmethod
    def point_name(self, params: Params) -> str:
        """What a sentence calls a point."""

    def best(self, config: ScoredConfigT, run: RunRecord) -> Choice | None:
        """The point to take, by validation data."""
        return choose(candidates(run, self.point_name, config.metric), config.metric)

    def tidy(self, config: ScoredConfigT, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, candidates(run, self.point_name, config.metric), config.metric)


def _named(column: Column, metric: Metric) -> Column:
    measured = column.key.endswith(ACCURACY.name) or column.signed

    def renamed(key: str | None) -> str | None:
        return key and key.replace(ACCURACY.name, metric.name).replace(ACCURACY.samples, metric.samples)

    label = column.label.replace(ACCURACY.title, metric.title).replace(ACCURACY.samples.title(), metric.samples.title())
    return replace(
        column,
        key=renamed(column.key) or "",
        label=label,
        unit=metric.unit if measured else column.unit,
        low=renamed(column.low),
        high=renamed(column.high),
    )
