"""The choice of a point, beside a brute-force reading of its definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.parts.selection import Candidate, choose, pareto_front

candidates = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 50)).map(lambda pair: (pair[0], pair[1] / 50)), min_size=1, max_size=12
).map(lambda pairs: [Candidate(index, f"p{index}", size, acc, 100) for index, (size, acc) in enumerate(pairs)])


def beaten(one: Candidate, others: list[Candidate]) -> bool:
    return any(
        (other.bytes <= one.bytes and other.accuracy >= one.accuracy)
        and (other.bytes < one.bytes or other.accuracy > one.accuracy or other.index < one.index)
        for other in others
    )


@given(candidates)
def test_front_is_every_candidate_that_no_other_beats(points: list[Candidate]) -> None:
    expected = {one.index for one in points if not beaten(one, points)}
    assert {one.index for one in pareto_front(points)} == expected


@given(candidates)
def test_choice_is_the_smallest_within_one_standard_error(points: list[Candidate]) -> None:
    highest = max(one.accuracy for one in points)
    error = math.sqrt(highest * (1 - highest) / 100)
    within = [one for one in points if one.accuracy >= highest - error]
    choice = choose(points)
    assert choice is not None
    chosen = points[choice.index]
    assert chosen in within
    assert chosen.bytes == min(one.bytes for one in within)
    assert chosen in pareto_front(points)


@given(candidates, candidates)
def test_what_leaves_the_front_is_never_chosen_later(first: list[Candidate], second: list[Candidate]) -> None:
    later = [Candidate(len(first) + i, c.label, c.bytes, c.accuracy, c.samples) for i, c in enumerate(second)]
    dropped = {one.index for one in first} - {one.index for one in pareto_front(first)}
    choice = choose([*first, *later])
    assert choice is not None
    assert choice.index not in dropped


def test_nothing_is_chosen_of_nothing() -> None:
    assert choose([]) is None


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([0.50, 0.855, 0.86], "smallest of 2 within one standard error (0.69 points, n=2,500)"),
        ([0.50, 0.60, 0.86], "no other point is within one standard error (0.69 points, n=2,500)"),
    ],
)
def test_reason_says_which_rule_decided(accuracies: list[float], expected: str) -> None:
    points = [Candidate(i, f"fixed({i + 2})", 1000 * (i + 1), a, 2500) for i, a in enumerate(accuracies)]
    choice = choose(points)
    assert choice is not None
    assert expected in choice.reason
    assert "validation accuracy, 86.00 %" in choice.reason
