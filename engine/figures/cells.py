"""The cells of a heat map: their colours and words, the same on screen and in a picture.

Values are told apart by the words; a colour only leads the eye.
"""

import math
from collections.abc import Callable

from engine.figures.figure import Figure
from engine.figures.units import in_percent

RGB = tuple[int, int, int]
HIGH: RGB = (0, 96, 160)
LOW: RGB = (184, 76, 0)
PALE: RGB = (242, 242, 242)
LIGHT = 0.179
"""The relative luminance at which black and white have the same contrast: (L + 0.05)² = 1.05 · 0.05."""


def limits(figure: Figure) -> tuple[float, float]:
    """The values of the palest and the darkest cell; around zero in a figure of differences."""
    values = [y for one in figure.rows for y in one.y if math.isfinite(y)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if figure.signed:
        most = max(abs(low), abs(high))
        return -most, most
    return low, high


def shade(figure: Figure, value: float) -> RGB:
    """Paler where the value is lower; of differences blue above zero and red below it, palest at zero."""
    low, high = limits(figure)
    share = (value - low) / (high - low) if high > low else 0.5
    if not figure.signed:
        return _mixed(PALE, HIGH, share)
    return _mixed(PALE, HIGH if share >= 0.5 else LOW, abs(2 * share - 1))


def ink(ground: RGB) -> RGB:
    """Black or white, whichever has more contrast with this ground (relative luminance of WCAG 2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in ground))
    return (0, 0, 0) if 0.2126 * red + 0.7152 * green + 0.0722 * blue > LIGHT else (255, 255, 255)


def words(figure: Figure, room: int = 7) -> Callable[[float], str]:
    """Writes values in at most so many characters, all with as many decimals; nothing where even none do not fit."""
    values = [y for one in figure.rows for y in one.y if math.isfinite(y)]
    fitting = (d for d in (2, 1) if all(len(_written(figure, value, d)) <= room for value in values))
    decimals = next(fitting, 0)

    def write(value: float) -> str:
        text = _written(figure, value, decimals)
        return text if len(text) <= room else ""

    return write


def _written(figure: Figure, value: float, decimals: int) -> str:
    if figure.y_unit == "percent":
        return in_percent(value, signed=figure.signed, decimals=decimals)
    return f"{value:{'+' if figure.signed else ''}.{decimals}f}"


def _mixed(pale: RGB, dark: RGB, share: float) -> RGB:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(pale, dark, strict=True))
    return red, green, blue
