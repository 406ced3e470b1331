"""The choice of a point, beside a brute-force reading of its definition."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.api import Choice
from engine.experiments.shared.choosing import Candidate
from engine.experiments.shared.choosing import choose as choose_by
from engine.experiments.shared.choosing import pareto_front as front_by
from engine.tasks.metric import ACCURACY, PERPLEXITY


def measured(index: int, size: int, share: float, samples: int, label: str = "") -> Candidate:
    error = math.sqrt(share * (1 - share) / samples)
    return Candidate(index, label or f"p{index}", size, share, samples, error)


candidates = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 50)).map(lambda pair: (pair[0], pair[1] / 50)), min_size=1, max_size=12
).map(lambda pairs: [measured(index, size, share, 100) for index, (size, share) in enumerate(pairs)])


def choose(points: list[Candidate]) -> Choice | None:
    return choose_by(points, ACCURACY)


def pareto_front(points: list[Candidate]) -> list[Candidate]:
    return front_by(points, ACCURACY)


def beaten(one: Candidate, others: list[Candidate]) -> bool:
    return any(
        (other.bytes <= one.bytes and other.score >= one.score)
        and (other.bytes < one.bytes or other.score > one.score or other.index < one.index)
        for other in others
    )


@given(candidates)
def test_front_is_every_candidate_that_no_other_beats(points: list[Candidate]) -> None:
    expected = {one.index for one in points if not beaten(one, points)}
    assert {one.index for one in pareto_front(points)} == expected


@given(candidates)
def test_choice_is_the_smallest_within_one_standard_error(points: list[Candidate]) -> None:
    highest = max(one.score for one in points)
    error = math.sqrt(highest * (1 - highest) / 100)
    within = [one for one in points if one.score >= highest - error]
    choice = choose(points)
    assert choice is not None
    chosen = points[choice.index]
    assert chosen in within
    assert chosen.bytes == min(one.bytes for one in within)
    assert chosen in pareto_front(points)


@given(candidates, candidates)
def test_what_leaves_the_front_is_never_chosen_later(first: list[Candidate], second: list[Candidate]) -> None:
    later = [replace(c, index=len(first) + i) for i, c in enumerate(second)]
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
    points = [measured(i, 1000 * (i + 1), a, 2500, f"fixed({i + 2})") for i, a in enumerate(accuracies)]
    choice = choose(points)
    assert choice is not None
    assert expected in choice.reason
    assert "validation accuracy, 86.00 %" in choice.reason


def test_of_perplexities_the_lowest_is_best_and_its_error_is_of_its_logarithm() -> None:
    """30.0 ± 2 % reaches 30.6: a smaller file at 30.5 is taken, one at 31 is not."""
    points = [
        Candidate(0, "a", 100, 31.0, 32, 0.02),
        Candidate(1, "b", 200, 30.5, 32, 0.02),
        Candidate(2, "c", 300, 30.0, 32, 0.02),
        Candidate(3, "d", 400, 30.2, 32, 0.02),
    ]
    choice = choose_by(points, PERPLEXITY)
    assert choice is not None
    assert choice.index == 1
    assert [one.index for one in front_by(points, PERPLEXITY)] == [0, 1, 2]
    assert "the smallest of 3 within one standard error (2.02 %, n=32)" in choice.reason
    assert "of the lowest validation perplexity, 30.000 by c; its own is 30.500" in choice.reason
