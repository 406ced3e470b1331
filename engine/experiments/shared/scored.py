"""Experiments whose models are scored: their columns carry the name, unit and direction of what the task measures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from engine.experiments.api import Choice, Column, Experiment
from engine.experiments.recorded import NamedParams, Recorded
from engine.experiments.shared.choosing import Candidate, candidates, choose, keep_front
from engine.experiments.shared.config import TaskConfig
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of
from engine.tasks.metric import ACCURACY, Metric

ScoredConfigT = TypeVar("ScoredConfigT", bound=TaskConfig)


class Scored(Experiment[ScoredConfigT]):
    """Its `Params` and `Result` say what there is to show; `shown` names the fields that tables have, in order.

    Where they are not given, `columns` are for accuracy on texts; a run of another task has them under its names.
    """

    Params: type[Recorded] | None = None
    Result: type[Recorded] | None = None
    shown: tuple[str, ...] = ()
    columns: Sequence[Column] = ()

    def columns_of(self, settings: Mapping[str, Any]) -> Sequence[Column]:
        """The columns with the metric of the settings' task."""
        if self.Params is None:
            return [_named(column, metric_of(settings)) for column in self.columns]
        fields = self._fields(settings)
        return [fields[name] for name in self.shown]

    def quantities(self, settings: Mapping[str, Any]) -> Mapping[str, Column]:
        """Those of `Params` and `Result`."""
        if self.Params is None:
            return super().quantities(settings)
        return {column.key: column for column in self._fields(settings).values()}

    def tables(self, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Column]]:
        """Those of lists in `Result`."""
        return {} if self.Result is None else self.Result.tables(metric_of(settings))

    def _fields(self, settings: Mapping[str, Any]) -> dict[str, Column]:
        metric = metric_of(settings)
        found: dict[str, Column] = {}
        for one in (self.Params, self.Result):
            found |= {} if one is None else one.columns(metric)
        return found


class Swept(Scored[ScoredConfigT]):
    """Its points keep models of which one is chosen: the smallest within one standard error of the best score."""

    Params: type[NamedParams]
    Result: type[Recorded]

    def best(self, config: ScoredConfigT, run: RunRecord) -> Choice | None:
        """The point to take, by validation data."""
        return choose(self._candidates(config, run), config.metric)

    def tidy(self, config: ScoredConfigT, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, self._candidates(config, run), config.metric)

    def _candidates(self, config: ScoredConfigT, run: RunRecord) -> list[Candidate]:
        return candidates(run, lambda params: self.Params.from_record(params).name, config.metric)


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
