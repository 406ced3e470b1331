"""Series on their way to the screen."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tui_app.widgets.curve.data import clip, scaler, smooth, staircase, thin, transform, unbroken

NAN = math.nan
numbers = st.floats(-1e6, 1e6)


def test_a_gap_breaks_the_line() -> None:
    dots = [(0.0, 1.0), (1.0, NAN), (2.0, 3.0), (3.0, 4.0), (NAN, 5.0), (4.0, math.inf)]
    assert list(unbroken(dots)) == [[(0.0, 1.0)], [(2.0, 3.0), (3.0, 4.0)]]


def test_log_has_no_place_for_zero_and_less() -> None:
    place = scaler(True)
    assert place(1000) == 3
    assert all(math.isnan(place(value)) for value in (0, -1, NAN, math.inf))


def test_transform_sorts_by_x() -> None:
    assert transform((3, 1, 2), (30, 10, 20), False, False) == [(1, 10), (2, 20), (3, 30)]


def test_clip_cuts_exactly_at_the_edges() -> None:
    assert clip([(0, 0), (10, 10)], 2, 4) == [(2, 2), (4, 4)]
    assert clip([(0, 0), (1, 1), (2, 0)], 0, 2) == [(0, 0), (1, 1), (2, 0)]
    assert clip([(0, 0), (1, 1)], 5, 6) == []
    assert clip([(3, 7)], 0, 5) == [(3, 7)]


@given(st.lists(numbers, min_size=200, max_size=400))
def test_thinning_keeps_extremes_and_ends(values: list[float]) -> None:
    dots = [(float(i), value) for i, value in enumerate(values)]
    kept = thin(dots, 0.0, float(len(dots)), 20)
    assert len(kept) <= 4 * 20 + 4
    assert kept[0] == dots[0]
    assert kept[-1] == dots[-1]
    assert min(y for _, y in kept) == min(values)
    assert max(y for _, y in kept) == max(values)
    assert kept == sorted(kept, key=lambda dot: dot[0])


def test_a_growing_curve_keeps_what_was_thinned() -> None:
    """Columns are keyed by x: only the column that grows changes."""
    dots = [(float(i), math.sin(i / 9)) for i in range(1000)]
    before, after = thin(dots[:900], 0, 1000, 50), thin(dots[:905], 0, 1000, 50)
    settled = [dot for dot in before if dot[0] < 880]
    assert after[: len(settled)] == settled


def test_a_front_is_a_staircase() -> None:
    assert staircase([(1, 1), (2, 3), (4, 5)]) == [(1, 1), (2, 1), (2, 3), (4, 3), (4, 5)]
    assert staircase([]) == []


@given(numbers, st.sampled_from([0.0, 0.5, 0.9]))
def test_smoothing_leaves_a_constant_alone(value: float, weight: float) -> None:
    assert all(math.isclose(y, value, abs_tol=1e-6) for _, y in smooth([(i, value) for i in range(20)], weight))


def test_smoothing_is_the_corrected_moving_average() -> None:
    values, weight = [1.0, 3.0, 2.0, 8.0], 0.6
    for n, (_, y) in enumerate(smooth(list(enumerate(values)), weight), 1):
        weights = [weight ** (n - 1 - i) for i in range(n)]
        assert math.isclose(y, sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights))
