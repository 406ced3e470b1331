"""Sweeps: experiments whose points keep models, of which one is chosen by its score."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from engine.experiments.api import Choice, Experiment
from engine.experiments.recorded import NamedParams, ResultT
from engine.experiments.shared.choosing import Candidate, candidates, choose, keep_front
from engine.experiments.shared.config import TaskConfig
from engine.runtime.records import RunRecord

SweptConfigT = TypeVar("SweptConfigT", bound=TaskConfig)
NamedT = TypeVar("NamedT", bound=NamedParams)


class Swept(Experiment[SweptConfigT, NamedT, ResultT]):
    """Its points keep models of which one is chosen: the smallest within one standard error of the best score."""

    @abstractmethod
    def asked(self, config: SweptConfigT) -> Iterable[NamedT]:
        """What each point is asked for, curve by curve, so that the first completes early."""

    def points(self, config: SweptConfigT) -> Sequence[Mapping[str, Any]]:
        """What is asked for, as it is recorded."""
        return [params.to_record(config.metric) for params in self.asked(config)]

    def chosen(self, config: SweptConfigT, run: RunRecord) -> int | None:
        """The index of the point to take."""
        best = self.best(config, run)
        return None if best is None else best.index

    def best(self, config: SweptConfigT, run: RunRecord) -> Choice | None:
        """The point to take, by validation data."""
        return choose(self._candidates(config, run), config.metric)

    def tidy(self, config: SweptConfigT, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, self._candidates(config, run), config.metric)

    def _candidates(self, config: SweptConfigT, run: RunRecord) -> list[Candidate]:
        return candidates(run, lambda params: self.Params.from_record(params).name, config.metric)
