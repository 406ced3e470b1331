"""Figures to draw."""

import math

from engine.figures.figure import Figure, Mark, Series

WIDTHS = (2.0, 3.0, 4.0, 6.0, 8.0, 16.0)


def around(values: tuple[float, ...], half: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(v - half for v in values), tuple(v + half for v in values)


def sweep(half: float = 0.004, upto: int = 6) -> Figure:
    """Two curves, a baseline and a chosen point."""
    ptq, qat = (0.5, 0.61, 0.842, 0.861, 0.863, 0.864)[:upto], (0.55, 0.78, 0.858, 0.864, 0.865, 0.866)[:upto]
    x = WIDTHS[:upto]
    return Figure(
        "accuracy",
        "Accuracy against width",
        "Width (bits)",
        "Accuracy",
        (
            Series("PTQ", x, ptq, *around(ptq, half), slot=0),
            Series("QAT", x, qat, *around(qat, half), slot=1),
            Series("baseline", (2, 16), (0.8645, 0.8645), kind="level", slot=-1),
        ),
        y_unit="percent",
        x_range=(2, 16),
        marks=(Mark(4.0, 0.858, "best: 4 bits"),) if upto > 2 else (),
    )


def losses(steps: int, curves: int = 4, until: int = 500) -> Figure:
    """Training losses up to a step of a plan of `until`."""
    series = tuple(
        Series(
            f"fixed({k + 2})", tuple(range(steps)), tuple(math.exp(-i / (100 + 30 * k)) for i in range(steps)), slot=k
        )
        for k in range(curves)
    )
    return Figure("loss", "Training loss", "Step", "Loss", series, x_range=(0, until))


def one(*values: float, **more: object) -> Figure:
    """One curve at x = 0, 1, 2…"""
    return Figure("one", "One", "x", "y", (Series("a", tuple(range(len(values))), values),), **more)  # type: ignore[arg-type]
