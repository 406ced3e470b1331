"""Calls in turns: which of their times count."""

from collections.abc import Callable, Iterable
from itertools import count, repeat
from typing import Any

import pytest

from cuda_kernels import timing
from cuda_kernels.timing import Timing, take_turns


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call returns the seconds that it takes and whether nobody disturbed it."""

    def timed(call: Callable[..., Any], arguments: Iterable[Any]) -> tuple[float, bool]:
        seconds, clean = call(*arguments)
        return seconds, clean

    monkeypatch.setattr(timing, "time_on_cpu", timed)
    monkeypatch.setattr(timing, "PATIENCE", 0)


@pytest.mark.usefixtures("scripted")
def test_median_and_quartiles_of_the_undisturbed_calls() -> None:
    turns = count(1 - timing.WARM_UP)

    def call() -> tuple[float, bool]:
        turn = next(turns)
        return (float(turn), True) if turn % 2 else (1000.0, False)

    # undisturbed of 10 calls: 1, 3, 5, 7, 9
    assert take_turns("cpu", {"a": call}, 10)["a"] == Timing(5.0, 2.0, 8.0)


@pytest.mark.usefixtures("scripted")
def test_calls_take_turns_with_arguments_of_their_own() -> None:
    seen: list[tuple[str, int]] = []

    def call(name: str, number: int) -> tuple[float, bool]:
        seen.append((name, number))
        return 1.0, True

    take_turns("cpu", {"a": call, "b": call}, 2, {name: zip(repeat(name), count()) for name in "ab"})
    warm = timing.WARM_UP
    assert seen[2 * warm :] == [("a", warm), ("b", warm), ("a", warm + 1), ("b", warm + 1)]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(("clean", "disturbed"), [((True, False), (False, True)), ((False, True), (True, True))])
def test_with_the_first_call_disturbed_all_count_as_disturbed(
    clean: tuple[bool, bool], disturbed: tuple[bool, bool]
) -> None:
    first, second = take_turns("cpu", {"a": lambda: (1.0, clean[0]), "b": lambda: (2.0, clean[1])}, 4).values()
    assert (first, second) == (Timing(1.0, 1.0, 1.0, disturbed[0]), Timing(2.0, 2.0, 2.0, disturbed[1]))


def test_real_calls_take_real_time() -> None:
    found = take_turns("cpu", {"sum": lambda: sum(range(10_000))}, 4)["sum"]
    assert 0 < found.low <= found.median <= found.high
