"""The colours and words of a heat map's cells, and the picture that is made of them."""

import itertools

import pytest
from matplotlib.colors import to_hex

from engine.figures.cells import HIGH, LOW, PALE, ink, limits, shade, words
from engine.figures.figure import Figure, Series
from engine.figures.image import canvas


def heat(*rows: tuple[float, ...], **more: object) -> Figure:
    series = tuple(
        Series(f"row {i}", tuple(map(float, range(len(row)))), row, kind="cells", slot=i) for i, row in enumerate(rows)
    )
    names = tuple(f"f{i}" for i in range(len(rows[0])))
    return Figure("heat", "Heat", "Format", "Score", series, categories=names, **{"y_unit": "percent", **more})  # type: ignore[arg-type]


GAINS = heat((0.1, -0.2, 0.0), (0.05, float("nan"), 0.123), signed=True)


def test_scores_are_darker_where_they_are_higher() -> None:
    figure = heat((0.5, 0.7, 0.9))
    assert limits(figure) == (0.5, 0.9)
    assert (shade(figure, 0.5), shade(figure, 0.9)) == (PALE, HIGH)
    assert sum(shade(figure, 0.6)) > sum(shade(figure, 0.8))


def test_differences_part_at_zero() -> None:
    assert limits(GAINS) == (-0.2, 0.2)
    assert (shade(GAINS, -0.2), shade(GAINS, 0.0), shade(GAINS, 0.2)) == (LOW, PALE, HIGH)


@pytest.mark.parametrize("values", [(0.5, 0.5), (0.0, 0.0)])
@pytest.mark.parametrize("signed", [True, False])
def test_equal_values_have_a_colour(values: tuple[float, ...], signed: bool) -> None:
    assert all(0 <= part <= 255 for part in shade(heat(values, signed=signed), values[0]))


def test_words_can_be_read_on_every_shade() -> None:
    def luminance(color: tuple[int, int, int]) -> float:
        red, green, blue = ((part / 255) ** 2.2 for part in color)  # the curve that sRGB's own follows closely
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for figure, value in itertools.product((GAINS, heat((-0.2, 0.2))), [i / 50 for i in range(-10, 11)]):
        ground = shade(figure, value)
        dark, light = sorted((luminance(ground), luminance(ink(ground))))
        assert (light + 0.05) / (dark + 0.05) >= 4.4


@pytest.mark.parametrize(
    ("room", "written"), [(7, ["+10.00", "-20.00"]), (5, ["+10.0", "-20.0"]), (3, ["+10", "-20"]), (2, ["", ""])]
)
def test_all_words_have_as_many_decimals_as_fit(room: int, written: list[str]) -> None:
    assert [words(GAINS, room)(value) for value in (0.1, -0.2)] == written


def test_a_picture_has_every_cell_under_the_names_of_its_row_and_category() -> None:
    page = canvas(GAINS)
    page.draw_without_rendering()
    axes = page.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["row 0", "row 1"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["f0", "f1", "f2"]
    told = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert told == {(0, 0): "+10.00", (1, 0): "-20.00", (2, 0): "+0.00", (0, 1): "+5.00", (2, 1): "+12.30"}
    fields = {
        (round(one.get_x() + 0.5, 1), round(one.get_y() + 0.5, 1)): to_hex(one.get_facecolor()) for one in axes.patches
    }
    assert fields[1, 0] == "#{:02x}{:02x}{:02x}".format(*LOW)
    assert len(fields) == 5
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row is at the top
    assert page.legends == []
