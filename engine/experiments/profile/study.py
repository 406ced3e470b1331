"""What a study of `profile` is: an experiment whose points are measured one by one, each against something."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.errors import InputError
from engine.experiments.api import Experiment
from engine.experiments.profile.fields import StudyConfig
from engine.experiments.recorded import Recorded, ResultT, TypedPoint
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.python_files import hold_to_file
from engine.models.own_source import is_own
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord
from engine.tasks.metric import ACCURACY, Metric


class StudyParams(Recorded, ABC):
    """Of the points of a study."""

    __slots__ = ()

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """The words that tell a point from the others of its run."""


StudyConfigT = TypeVar("StudyConfigT", bound=StudyConfig)
StudyParamsT = TypeVar("StudyParamsT", bound=StudyParams)


class Study(Experiment[StudyConfigT, StudyParamsT, ResultT]):
    """One study of `profile`: subclasses say what its points are, measure one, and find what the numbers mean."""

    @abstractmethod
    def subjects(self, config: StudyConfigT) -> Sequence[str]:
        """What is studied, each in a word or two."""

    @abstractmethod
    def asked(self, config: StudyConfigT) -> Sequence[StudyParamsT]:
        """What each point is asked for."""

    @abstractmethod
    def measure(self, config: StudyConfigT, point: int, params: StudyParamsT, context: Context) -> ResultT:
        """Measures one point, in a worker."""

    @abstractmethod
    def found(self, points: Sequence[TypedPoint[StudyParamsT, ResultT]], run: RunRecord) -> Sequence[Finding]:
        """What the numbers mean, as data."""

    @abstractmethod
    def sentence(self, one: Finding) -> str:
        """A finding in words, to follow the name of its point."""

    def model(self, config: StudyConfigT) -> str:
        """The model that is studied; empty where it is none."""
        return ""

    def metric(self, result: ResultT) -> Metric:
        """What a point was scored by, where it was."""
        return ACCURACY

    def label(self, config: StudyConfigT) -> str:
        """The study, and of what."""
        return f"{config.study} {'+'.join(self.subjects(config))}"

    def points(self, config: StudyConfigT) -> Sequence[Mapping[str, Any]]:
        """What is asked for, as it is recorded."""
        return [params.to_record() for params in self.asked(config)]

    def run(self, config: StudyConfigT, points: Sequence[Point], context: Context) -> None:
        """Measures one point after the other."""
        for point in points:
            if model := self.model(config):
                hold_to_file(context, model)
            result = self.measure(config, point.index, self.Params.from_record(point.params), context)
            context.finish(point.index, result.to_record(self.metric(result)))

    def findings(self, config: StudyConfigT, run: RunRecord) -> Sequence[str]:
        """What the numbers mean, after the name of the point where there are several."""
        return [_said(one.of, self.sentence(one)) for one in self.found(self.read(config, run), run)]


def _said(of: str, text: str) -> str:
    return f"{of}: {text}" if of else text[0].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Named(Generic[StudyParamsT, ResultT]):
    """A finished point with its name; `of` is that name where the run has several points, else empty."""

    name: str
    of: str
    params: StudyParamsT
    result: ResultT


def named(points: Sequence[TypedPoint[StudyParamsT, ResultT]]) -> list[Named[StudyParamsT, ResultT]]:
    """Finished points named by the parts in which the run's points differ; by all parts where there is one point."""
    every = [point.params.parts for point in points]
    varying = [place for place in range(len(every[0])) if len({one[place] for one in every}) > 1] if every else []

    def name(words: tuple[str, ...]) -> str:
        return ", ".join(words[place] for place in varying or range(len(words)))

    several = len(points) > 1
    return [
        Named(called := name(point.params.parts), called if several else "", point.params, point.result)
        for point in points
        if point.result is not None
    ]


def check_model(model: str, sequence: int | None = None) -> list[str]:
    """What is to be known of a model before the start, a sentence each.

    Raises:
        InputError: it is not there, or takes fewer tokens.
    """
    from engine.models.check import check_body
    from engine.models.fields import longest_text

    if (said := check_body(model)) or is_own(model):
        return said
    longest = longest_text(model)
    if sequence is not None and longest is not None and sequence > longest:
        raise InputError(f"{model} takes {longest:,} tokens at most, not {sequence:,}; give a shorter sequence.")
    return []
