"""PNG and SVG: the same curves, labels and hues as the data says."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.image import imread

from engine.errors import InputError
from engine.figures.figure import Figure, Mark, Series
from engine.figures.image import canvas, render
from engine.figures.lanes import lanes
from engine.figures.look import Look, look
from engine.figures.palette import style

FIGURE = Figure(
    key="accuracy",
    title="Accuracy against width",
    x_label="Width (bits)",
    y_label="Test accuracy",
    series=(
        Series("PTQ", (2.0, 4.0, 8.0), (0.5, 0.8, 0.86), (0.49, 0.79, 0.85), (0.51, 0.81, 0.87), slot=0),
        Series("QAT", (2.0, 4.0, 8.0), (0.7, 0.85, 0.86), slot=1),
        Series("baseline", (2.0, 8.0), (0.87, 0.87), kind="level", slot=-1),
    ),
    y_unit="percent",
    marks=(Mark(4.0, 0.85, "best: fixed(4)"),),
)


def test_drawing_holds_the_data_in_the_palettes_hues() -> None:
    axes = canvas(FIGURE).axes[0]
    curves = [line for line in axes.lines if line.get_linestyle() != "None"]  # the others are ends of intervals
    lines = dict(zip((series.name for series in FIGURE.series), curves, strict=False))
    for series in FIGURE.series[:2]:
        line = lines[series.name]
        assert tuple(line.get_xdata()) == series.x
        assert tuple(line.get_ydata()) == series.y
        assert to_hex(line.get_color()) == style(series.slot).hex
        assert line.get_marker() == style(series.slot).marker
    assert set(lines["baseline"].get_ydata()) == {0.87}


def test_logarithmic_axes_are_written_in_their_unit() -> None:
    series = (Series("flash", (64.0, 512.0), (4e-4, 6e-3)),)
    figure = Figure("time", "T", "Tokens", "Time", series, y_unit="seconds", x_scale="log", y_scale="log")
    page = canvas(figure)
    page.draw_without_rendering()
    axes = page.axes[0]
    for axis, ends, known in ((axes.xaxis, axes.get_xlim(), "64"), (axes.yaxis, axes.get_ylim(), "1 ms")):
        places = zip(axis.get_ticklocs(), axis.get_majorticklabels(), strict=True)
        shown = [label.get_text() for place, label in places if ends[0] <= place <= ends[1]]
        assert known in shown
        assert len(shown) >= 2
        assert not any("10^" in text for text in shown)
        assert not any(label.get_text() for label in axis.get_minorticklabels())


def test_png_is_a_picture_with_the_series_hues(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figure.png"
    render(FIGURE, path)
    picture = (imread(path)[..., :3] * 255).round().astype(int).reshape(-1, 3)
    colours = {tuple(pixel) for pixel in picture.tolist()}
    assert style(0).rgb in colours
    assert style(1).rgb in colours


def test_svg_holds_labels_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    render(FIGURE, first)
    render(FIGURE, second)
    text = first.read_text()
    for words in ("Accuracy against width", "Width (bits)", "PTQ", "best: fixed(4)"):
        assert f">{words}<" in text or f"<!-- {words} -->" in text
    assert strip_ids(text) == strip_ids(second.read_text())


def strip_ids(svg: str) -> str:
    return re.sub(r'(id="|#|url\(#)[\w-]+', "", svg)


def test_empty_figure_is_drawn(tmp_path: Path) -> None:
    render(replace(FIGURE, series=(), marks=()), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        render(FIGURE, tmp_path / "figure.gif")


@pytest.mark.parametrize("slot", range(6))
def test_hues_stay_apart_for_deuteranopes(slot: int) -> None:
    others = [style(other).rgb for other in range(6) if other != slot]
    assert (
        min(sum((a - b) ** 2 for a, b in zip(seen(style(slot).rgb), seen(rgb), strict=True)) for rgb in others) > 20**2
    )


def seen(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    """What a deuteranope sees (Viénot, Brettel and Mollon 1999), in linear RGB scaled back to 0..255."""
    red, green, blue = ((value / 255) ** 2.2 for value in rgb)
    seen_rg = 0.29275 * red + 0.70725 * green
    seen_b = -0.02234 * red + 0.02234 * green + blue
    return tuple(255 * max(value, 0) ** (1 / 2.2) for value in (seen_rg, seen_rg, seen_b))  # type: ignore[return-value]


def test_bars_stand_side_by_side_over_their_categories() -> None:
    bars = replace(
        FIGURE,
        series=(
            Series("eager", (0.0, 1.0), (3.0, 2.0), (2.5, 1.5), (3.5, 2.5), "bar", 0),
            Series("compiled", (0.0, 1.0), (1.0, 4.0), kind="bar", slot=1),
        ),
        marks=(),
        categories=("mlp", "attention"),
    )
    axes = canvas(bars).axes[0]
    found = sorted((bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in axes.patches)
    assert [height for _, _, height in found] == [3.0, 1.0, 2.0, 4.0]
    assert all(right <= left + 1e-9 for (_, right, _), (left, _, _) in pairwise(found))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["mlp", "attention"]


def test_whole_numbers_have_whole_ticks() -> None:
    narrow = replace(FIGURE, series=(Series("PTQ", (1.0, 2.0, 3.0), (0.5, 0.8, 0.86), slot=0),), marks=())
    assert all(float(tick).is_integer() for tick in canvas(narrow).axes[0].get_xticks())
    halves = replace(narrow, series=(Series("PTQ", (1.0, 1.5, 2.0), (0.5, 0.8, 0.86), slot=0),))
    assert not all(float(tick).is_integer() for tick in canvas(halves).axes[0].get_xticks())


def test_sizes_near_each_other_have_ticks_that_differ() -> None:
    sizes = replace(FIGURE, series=(Series("PTQ", (16.02e6, 16.2e6), (0.5, 0.8), slot=0),), x_unit="bytes", marks=())
    page = canvas(sizes)
    page.draw_without_rendering()
    labels = [label.get_text() for label in page.axes[0].get_xticklabels()]
    assert len(labels) > 2
    assert len(set(labels)) == len(labels)


def legend_texts(page: Canvas) -> list[str]:
    return [text.get_text() for legend in page.legends for text in legend.get_texts()]


def test_the_legend_lies_over_no_curve_and_its_names_are_whole() -> None:
    names = tuple(f"quantize-{i}: QAT, {i} integer bits" for i in range(10))
    crowd = replace(FIGURE, series=tuple(replace(FIGURE.series[0], name=name, slot=i) for i, name in enumerate(names)))
    for figure in (FIGURE, crowd):
        page = canvas(figure)
        page.draw_without_rendering()
        (legend,) = page.legends
        assert not legend.get_window_extent().overlaps(page.axes[0].get_window_extent())
        assert legend_texts(page) == [one.name for one in figure.series]
        assert page.axes[0].get_window_extent().width > page.bbox.width / 3


def test_names_are_shown_as_they_stand() -> None:
    """Dollars are no mathematics, an underscore in front hides nothing, a control character breaks no SVG."""
    name = "_a $\\frac{$ \x1b[31mb\x00\ufffe"
    figure = replace(FIGURE, title="$x", series=(replace(FIGURE.series[0], name=name), FIGURE.series[1]))
    page = canvas(figure)
    page.draw_without_rendering()
    assert legend_texts(page)[0] == "_a $\\frac{$ b"
    assert page.axes[0].get_title() == "$x"


def test_an_svg_is_xml_whatever_the_names(tmp_path: Path) -> None:
    figure = replace(FIGURE, title="a\x1b[1m<b>&\x00\ud800\uffff")
    render(figure, tmp_path / "a.svg")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_percent_has_a_space_and_no_digits_for_nothing() -> None:
    page = canvas(replace(FIGURE, series=(replace(FIGURE.series[0], y=(0.7, 0.8, 0.9), y_low=None, y_high=None),)))
    page.draw_without_rendering()
    labels = [label.get_text() for label in page.axes[0].get_yticklabels()]
    assert "80.0 %" in labels or "80 %" in labels
    assert all(label.endswith(" %") for label in labels)
    page = canvas(replace(FIGURE, y_range=(0.0, 1.0)))
    page.draw_without_rendering()
    assert "80 %" in [label.get_text() for label in page.axes[0].get_yticklabels()]


@pytest.mark.parametrize("kind", ["line", "steps"])
def test_identical_curves_lie_side_by_side(kind: Any) -> None:
    one = replace(FIGURE.series[1], kind=kind)
    page = canvas(replace(FIGURE, series=(one, replace(one, name="same", slot=0)), marks=()))
    page.draw_without_rendering()
    first, second = page.axes[0].lines
    heights = [line.get_transform().transform((4.0, 0.85))[1] for line in (first, second)]
    assert abs(heights[0] - heights[1]) > 1
    assert tuple(first.get_ydata()) == tuple(second.get_ydata()) == one.y


def test_curves_that_only_cross_are_drawn_where_they_are() -> None:
    crossing = Series("x", (0.0, 1.0, 2.0), (0.0, 1.0, 2.0)), Series("y", (0.0, 1.0, 2.0), (2.0, 1.0, 0.0), slot=1)
    assert lanes(replace(FIGURE, series=crossing)) == [0, 0]
    fine = tuple(i / 300 for i in range(301))
    stairs = Series("s", fine, tuple(round(4 * x) / 4 for x in fine), kind="steps"), Series("l", (0.0, 1.0), (0.0, 1.0))
    assert lanes(replace(FIGURE, series=stairs)) == [0, 0]
    meeting = Series("x", (0.0, 1.0, 2.0), (0.0, 1.0, 1.0)), Series("y", (0.0, 1.0, 2.0), (2.0, 1.0, 1.0), slot=1)
    assert lanes(replace(FIGURE, series=meeting)) == [0, 1]


def test_bars_have_no_markers_and_differ_by_hatching() -> None:
    bars = tuple(Series(name, (0.0, 1.0), (3.0, 2.0), kind="bar", slot=i) for i, name in enumerate("ab"))
    axes = canvas(replace(FIGURE, series=bars, marks=(), categories=("x", "y"))).axes[0]
    assert not axes.lines
    assert len({patch.get_hatch() for patch in axes.patches}) == 2


def test_size_resolution_and_title_are_the_users(tmp_path: Path) -> None:
    render(FIGURE, tmp_path / "a.png", look("3.5x2.5", 100, "Mine"))
    assert imread(tmp_path / "a.png").shape[:2] == (250, 350)
    assert canvas(FIGURE, look(title="Mine")).axes[0].get_title() == "Mine"
    assert canvas(FIGURE, look(title="")).axes[0].get_title() == ""
    assert canvas(FIGURE).axes[0].get_title() == FIGURE.title
    assert look("slide") == Look(10, 5.6)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("3x", None), "such as 7x4.4"),
        (("100x3", None), "2 to 40 inches"),
        (("0x0", None), "2 to 40 inches"),
        ((None, 5), "30 to 1200 dots"),
        ((None, 10**6), "30 to 1200 dots"),
        (("40x40", 1200), "100 million dots"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused_in_a_sentence(asked: tuple[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        look(*asked)


def test_long_names_of_categories_leave_room_for_the_plot() -> None:
    names = tuple(f"_scaled_dot_product_flash_attention_for_{device}" for device in ("cpu", "cuda", "mps"))
    bars = Series("time", (0.0, 1.0, 2.0), (3.0, 2.0, 1.0), kind="bar")
    page = canvas(replace(FIGURE, series=(bars,), marks=(), categories=names))
    page.draw_without_rendering()
    labels = [label.get_text() for label in page.axes[0].get_xticklabels()]
    assert len(set(labels)) == 3
    assert page.axes[0].get_window_extent().height > page.bbox.height / 2
