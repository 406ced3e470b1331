"""All series of a run, as the runtime asks them for the next trial; and what is said of a trial while it is trained."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.records import Params, RunRecord
from engine.runtime.runs import read_run
from engine.search.keys import CHOSEN, GIVEN, STAGE, TRIAL
from engine.search.series import OVER, Series, Trials

TEST_POINT: Mapping[str, Any] = {STAGE: "test"}
"""The run's last point, which measures the chosen trial on the test set."""


def placeholders(series: Sequence[Series], trials: int) -> list[dict[str, Any]]:
    """What stands for the trials until they are asked for: the series take turns, so that all curves grow together."""
    sizes = [_size(one, trials) for one in series]
    return [
        {**one.labels, TRIAL: number}
        for number in range(trials)
        for one, size in zip(series, sizes, strict=True)
        if number < size
    ]


def _size(series: Series, trials: int) -> int:
    """A grid has no more trials than combinations."""
    return min(trials, len(series.first) + len(series.space.product())) if series.sampler == "grid" else trials


class Studies:
    """The runtime's `Study`. A trial waits for all before it in its series but as many as may run beside it.

    So what it is proposed from does not depend on which of two finished first, and a resumed search goes on as one that
    nobody disturbed.
    """

    def __init__(self, series: Callable[[], Sequence[Series]], choose: Callable[[RunRecord], int | None]):
        self._make, self._choose = series, choose
        self._series: list[Series] | None = None
        self._trials: dict[str, Trials] = {}

    @property
    def series(self) -> list[Series]:
        """Made when first asked for: a space may have to look at a model."""
        if self._series is None:
            self._series = list(self._make())
        return self._series

    def ask(self, index: int, run: RunRecord) -> Params | None:
        """A queued point's parameters; None while it waits."""
        planned = run.points[index].params
        if planned.get(STAGE) == "test":
            return self._test(planned, run)
        series = self._owner(planned)
        before = [point for point in run.points[:index] if series.owns(point.params)]
        known = max(0, len(before) + 1 - run.places)
        if any(point.state not in OVER for point in before[:known]) or not all(map(series.asked, before)):
            return None
        if series.name not in self._trials:
            self._trials[series.name] = Trials(series)
        params = self._trials[series.name].propose(before, known)
        if params is None:
            raise InputError(f"the grid of {series.name} has no combination left.")
        return {**planned, **params}

    def _test(self, planned: Params, run: RunRecord) -> Params | None:
        if any(point.state not in OVER for point in run.points if TRIAL in point.params):
            return None
        chosen = self._choose(run)
        return {**planned, CHOSEN: -1 if chosen is None else chosen}

    def _owner(self, params: Params) -> Series:
        return next(one for one in self.series if one.owns(params))

    def more(self, count: int, run: RunRecord) -> list[Params]:
        """More trials of every series, and another look at the test set when they are done."""
        added: list[Params] = []
        for number in range(count):
            for one in self.series:
                there = sum(one.owns(point.params) for point in run.points)
                if there + number < _size(one, there + count):
                    added.append({**one.labels, TRIAL: there + number})
        if not added:
            raise InputError("every combination of the grid has been tried; there is nothing to add.")
        return [*added, *self._another_test(run)]

    def _another_test(self, run: RunRecord) -> list[Params]:
        waiting = any(dict(point.params) == TEST_POINT for point in run.points)
        tested = any(point.params.get(STAGE) == "test" for point in run.points)
        return [dict(TEST_POINT)] if tested and not waiting else []

    def place(self, wanted: Params, run: RunRecord) -> tuple[int, Params]:
        """The next trial of the series that `wanted` names (the first where it names none) takes the parameters."""
        labels = {key for one in self.series for key in one.labels}
        named = {key: value for key, value in wanted.items() if key in labels}
        owners = [one for one in self.series if all(one.labels.get(key) == value for key, value in named.items())]
        if not owners:
            raise InputError(
                f"no series of this run has {named}; they are {'; '.join(one.name for one in self.series)}."
            )
        series = owners[0]
        params = series.space.checked({key: value for key, value in wanted.items() if key not in labels})
        mine = [point for point in run.points if series.owns(point.params)]
        free = next((point for point in mine if not series.asked(point)), None)
        given = {**params, GIVEN: "by hand"}
        if free is None:
            return len(run.points), {**series.labels, TRIAL: len(mine), **given}
        return free.index, {**free.params, **given}


class Watch:
    """For the process that computes a trial: says whether it is worth going on, from the same trials each time."""

    def __init__(self, series: Series, directory: Path, index: int):
        self._reports: list[tuple[int, float]] = []
        self._trials = Trials(series, replay=False)
        run = read_run(directory)
        before = [point for point in run.points[:index] if series.owns(point.params)]
        known = max(0, len(before) + 1 - run.places)
        self._trials.enter([*before, run.points[index]], known)

    def hopeless(self, step: int, value: float) -> bool:
        """Takes in a value reported after `step` (1, 2, …); whether the pruner gives the trial up."""
        self._reports.append((step, value))
        return self._trials.hopeless(step, value)

    @property
    def record(self) -> dict[str, Any]:
        """What the result of the trial keeps of this: later trials are judged by it."""
        return {"reports": [list(one) for one in self._reports], "rungs": self._trials.rungs}
