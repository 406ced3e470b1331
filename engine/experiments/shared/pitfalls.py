"""Figures of what goes wrong with number formats, worked out by the formats themselves (docs/formats.md)."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from engine.figures.figure import Figure, Series

if TYPE_CHECKING:
    from torch import Tensor

SPREAD = 0.05  # standard deviation of the weights, as in a trained layer
WIDTHS = range(4, 17)
HELD = 4
LOG = "log(3,5)"  # magnitudes 2^-4, 2^-3, 2^-2 and zero


def write_figures(folder: Path) -> list[Path]:
    """Draws them all as PNG. Raises InputError where the folder cannot be written."""
    from engine.figures.image import render

    paths = []
    for figure in (fraction(), scale(), zero()):
        paths.append(folder / f"formats-{figure.key}.png")
        render(figure, paths[-1])
    return paths


def fraction() -> Figure:
    """Signal-to-noise ratio of weights against the width, for three ways to choose the fraction."""
    from engine.compress.signal import noise
    from engine.formats import parse

    weights = _normal(64, 128) * SPREAD

    def ratio(spec: str) -> float:
        return noise(parse(spec).fit(weights), weights).sqnr_db or 0.0

    ways = {
        "fixed(w): fitted": [f"fixed({w})" for w in WIDTHS],
        "fixed(w,w/2): half of the width": [f"fixed({w},{w // 2})" for w in WIDTHS],
        f"fixed(w,{HELD}): held": [f"fixed({w},{HELD})" for w in WIDTHS],
    }
    return Figure(
        key="fraction",
        title="A fraction that is held gains nothing from more bits",
        x_label="Width (bits)",
        y_label="SQNR of the weights (dB)",
        series=tuple(
            Series(name, tuple(float(w) for w in WIDTHS), tuple(map(ratio, specs)), slot=slot)
            for slot, (name, specs) in enumerate(ways.items())
        ),
        caption=f"8,192 normal weights with a standard deviation of {SPREAD:g}.",
    )


def scale() -> Figure:
    """How large a layer's outputs become with weights of one or two bits, with and without a scale."""
    from engine.formats import parse

    weights, inputs = _normal(64, 128) * SPREAD, _normal(256, 128)
    specs = ("binary", "binary_scaled", "binary_residual(2)", "ternary")
    whole = float((inputs @ weights.T).square().mean())
    sizes = [math.sqrt(float((inputs @ parse(spec).quantize(weights).T).square().mean()) / whole) for spec in specs]
    places = tuple(float(place) for place in range(len(specs)))
    return Figure(
        key="scale",
        title="Signs without a scale make outputs nearly twenty times too large",
        x_label="Format of the weights",
        y_label="Outputs, as a multiple of float32's",
        series=(Series("root mean square of the outputs", places, tuple(sizes), kind="bar"),),
        categories=specs,
        caption=f"A layer of 64 x 128 normal weights with a standard deviation of {SPREAD:g}, normal inputs.",
    )


def zero() -> Figure:
    """What small weights become in a log format that has a zero, and in one whose lowest code is a number too."""
    import torch

    from engine.formats import parse

    weights = torch.linspace(0, 0.15, 301)
    with_zero = parse(LOG).quantize(weights)
    lowest = 2.0**-5
    without = torch.where(weights < lowest * math.sqrt(2), lowest, with_zero)
    x = tuple(weights.tolist())
    return Figure(
        key="zero",
        title="Without a zero a log format lifts every small weight",
        x_label="Weight",
        y_label="What it becomes",
        series=(
            Series(LOG, x, tuple(with_zero.tolist()), kind="steps", slot=0),
            Series("the same without a zero", x, tuple(without.tolist()), kind="steps", slot=1),
            Series("the weight itself", (0.0, 0.15), (0.0, 0.15), slot=-1),
        ),
        caption="Half of the weights of a normal layer with a standard deviation of 0.05 lie below 0.034.",
    )


def _normal(*shape: int) -> "Tensor":
    import torch

    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
