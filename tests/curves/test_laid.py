"""Imported curves in a figure of ours: hue, axes, units, and what does not fit."""

from dataclasses import replace

import pytest

from engine.curves.curve import Curve, fitting, laid
from engine.errors import InputError
from engine.figures.figure import Figure, Series

OURS = (
    Series("ours", (0.0, 4.0), (0.9, 0.8), slot=2),
    Series("baseline", (0.0, 4.0), (0.9, 0.9), kind="level", slot=-1),
)
SCORES = Figure(
    "scores", "Accuracy", "Step", "Accuracy", OURS, y_unit="percent", x_range=(0.0, 4.0), y_range=(0.5, 1.0)
)
SIZES = Figure("size", "Accuracy against size", "Bytes", "Accuracy", OURS, x_unit="bytes")
BARS = Figure("bars", "Calls", "", "Time", (), categories=("a", "b"))
THEIRS = Curve("logs: acc", (0.0, 9.0), (0.25, 0.75))


def test_it_takes_the_next_hue_and_pinned_axes_grow() -> None:
    figure = laid(SCORES, [THEIRS, replace(THEIRS, name="other")])
    assert figure.series[:2] == OURS
    assert [(one.name, one.slot, one.kind) for one in figure.series[2:]] == [
        ("logs: acc", 3, "line"),
        ("other", 4, "line"),
    ]
    assert (figure.x_range, figure.y_range) == ((0.0, 9.0), (0.25, 1.0))
    assert laid(SIZES, []) is SIZES


def test_percents_become_the_shares_that_the_figure_has() -> None:
    figure = laid(SCORES, [replace(THEIRS, y=(25.0, 75.0))])
    assert figure.series[-1].y == (0.25, 0.75)
    assert laid(replace(SCORES, y_unit="number"), [replace(THEIRS, y=(25.0, 75.0))]).series[-1].y == (25.0, 75.0)


def test_a_logarithmic_axis_shows_what_is_above_zero() -> None:
    log = replace(SCORES, x_scale="log", x_range=(1.0, 4.0))
    figure = laid(log, [THEIRS])
    assert (figure.series[-1].x, figure.x_range) == ((9.0,), (1.0, 9.0))
    with pytest.raises(InputError, match="no value above 0"):
        laid(log, [Curve("logs: acc", (0.0,), (0.5,))])


def test_the_first_figure_with_steps_is_taken_or_the_reason_said() -> None:
    assert fitting([BARS, SIZES, SCORES], lambda _: [THEIRS]).key == "scores"
    with pytest.raises(InputError, match="has names along it; take another figure"):
        fitting([BARS, SIZES], lambda _: [THEIRS])
    with pytest.raises(InputError, match="counts steps and 'Accuracy against size' has 'Bytes' along it"):
        fitting([SIZES], lambda _: [THEIRS])
    assert fitting([SIZES], lambda _: [replace(THEIRS, steps=False)]).series[-1].name == "logs: acc"
