"""Ranges, ticks and labels."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_app.widgets.curve.axes import Axis, label_span, plan_axis, round_step, value_axis


@pytest.mark.parametrize(("span", "count", "step"), [(1, 5, 0.2), (1, 4, 0.25), (10, 3, 5), (0.3, 3, 0.1), (7, 7, 1)])
def test_steps_are_round(span: float, count: int, step: float) -> None:
    assert round_step(span, count) == pytest.approx(step)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20), st.integers(1, 40), st.sampled_from((1, 4)))
def test_every_value_is_in_range_and_ticks_are_few(values: list[float], lines: int, down: int) -> None:
    axis = value_axis(values, None, False, "number", lines, down)
    slack = 1e-6 * max(1.0, axis.high - axis.low)
    assert axis.low - slack <= min(values) <= max(values) <= axis.high + slack
    assert len(axis.ticks) <= (max(2, lines) if lines <= 6 else lines / 2 + 1)
    assert list(axis.ticks) == sorted(axis.ticks)
    assert equal_distances(axis, lines, down)


def equal_distances(axis: Axis, cells: int, dots: int) -> bool:
    """Ticks are the same number of cells apart, within the axis, and stand where their values are."""
    steps = {after - before for before, after in pairwise(axis.cells)}
    exact = [(dots * cells - 1) * (tick - axis.low) / (axis.high - axis.low) / dots for tick in axis.ticks]
    near = all(abs(cell + 0.5 - place) <= 1.01 for cell, place in zip(axis.cells, exact, strict=True))
    return len(steps) <= 1 and near and all(0 <= cell < cells for cell in axis.cells)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20), st.integers(1, 12))
def test_log_ranges_hold_every_value(values: list[float], count: int) -> None:
    axis = value_axis(values, None, True, "number", count)
    assert axis.low - 1e-6 <= math.log10(min(values)) <= math.log10(max(values)) <= axis.high + 1e-6
    assert axis.high > axis.low
    assert axis.ticks
    assert equal_distances(axis, count, 4)


def test_the_range_moves_in_steps() -> None:
    """A little more of the same leaves it where it is, so that nothing is drawn again."""
    ranges = {
        (axis.low, axis.high)
        for top in range(810, 849)
        for axis in [value_axis([0.5, top / 1000], None, False, "percent", 12)]
    }
    assert len(ranges) == 1


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_nothing_to_show_still_has_a_range(values: list[float]) -> None:
    axis = value_axis(values, None, False, "number", 4)
    assert axis.high > axis.low


def test_a_flat_curve_gets_room() -> None:
    axis = value_axis([3.0, 3.0], None, False, "number", 4)
    assert axis.low < 3.0 < axis.high


def test_percent_is_labelled_as_percent() -> None:
    assert value_axis([0.5, 0.9], None, False, "percent", 15).labels == ("50%", "60%", "70%", "80%", "90%")


@pytest.mark.parametrize(
    ("xs", "log", "labels"),
    [
        ((2, 3, 4, 6, 8, 16), False, ("2", "4", "6", "8", "10", "12", "14", "16")),
        ((1, 2, 3), False, ("1", "2", "3")),
        ((64, 128, 256), True, ("64", "128", "256")),
        ((1, 16), True, ("1", "2", "4", "8", "16")),
        ((1e-4, 1e-2, 1), True, ("0.0001", "0.001", "0.01", "0.1", "1")),
        (tuple(range(24)), False, ("0", "5", "10", "15", "20")),
        ((0.1, 0.5, 0.9), False, ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9")),
    ],
)
def test_ticks_are_round_and_at_the_points_where_they_can_be(
    xs: tuple[float, ...], log: bool, labels: tuple[str, ...]
) -> None:
    place = math.log10 if log else float
    axis = plan_axis((place(xs[0]), place(xs[-1])), xs, log, "number", 60)
    assert axis.labels == labels
    assert equal_distances(axis, 60, 2)


@given(st.sets(st.integers(0, 10_000), min_size=2, max_size=60), st.integers(10, 120), st.booleans())
def test_labels_never_touch(xs: set[int], columns: int, log: bool) -> None:
    low, high = (math.log10(max(1, min(xs))), math.log10(max(xs))) if log else (min(xs), max(xs))
    axis = plan_axis((low, high), tuple(xs), log, "number", columns)
    spans = [label_span(cell, len(label), columns) for cell, label in zip(axis.cells, axis.labels, strict=True)]
    spans.sort()
    assert all(before[1] + 1 < after[0] for before, after in pairwise(spans))
    assert equal_distances(axis, columns, 2)
