"""Figures in cells."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.figures.cells import HIGH, PALE, ink, shade
from engine.figures.figure import Figure, Mark, Series
from engine.figures.palette import style
from tests.tui.curve.figures import losses, one, sweep
from tui_app import glyphs
from tui_app.widgets.curve.draw import draw
from tui_app.widgets.curve.frame import Frame, View
from tui_app.widgets.curve.legend import legend
from tui_app.widgets.curve.paint import changed


def picture(frame: Frame) -> list[str]:
    return ["".join(row).rstrip() for row in frame.text]


def cells(frame: Frame, char: str) -> list[tuple[int, int]]:
    return [(x, y) for y, row in enumerate(frame.text) for x, cell in enumerate(row) if cell == char]


def test_a_sweep_as_text() -> None:
    """The picture itself, drawn once by hand's eye and kept."""
    assert picture(draw(View(sweep(), 48, 12, log_x=True))) == SWEEP


def test_every_point_has_its_glyph_in_its_hue() -> None:
    frame = draw(View(sweep(), 78, 20))
    for slot in (0, 1):
        found = cells(frame, style(slot).glyph)
        assert len(found) == 6
        assert {frame.hues[y][x] for x, y in found} == {style(slot).rgb}


def test_glyphs_stand_on_their_lines() -> None:
    """Each glyph replaces a cell that the line goes through: its neighbours hold the line."""
    frame = draw(View(one(0.0, 1.0, 0.0, 1.0, 0.0), 60, 14))
    for x, y in cells(frame, "●")[1:-1]:
        around = [frame.text[row][column] for row in (y - 1, y, y + 1) for column in (x - 1, x + 1) if 0 <= row < 12]
        assert any("\u2800" < char <= "\u28ff" for char in around)


def test_intervals_are_drawn_where_they_can_be_seen() -> None:
    wide, narrow = draw(View(sweep(half=0.1), 60, 20)), draw(View(sweep(half=0.0001), 60, 20))
    faint = {hue for row in wide.hues for hue in row} - {hue for row in narrow.hues for hue in row}
    assert len(faint) == 2


def test_the_mark_is_reversed_and_named() -> None:
    frame = draw(View(sweep(), 60, 16))
    assert len(frame.marked) == 1
    ((column, row),) = frame.marked
    assert frame.text[row][column] == style(1).glyph
    assert any("best: 4 bits" in line for line in picture(frame))


def test_the_mark_is_on_the_glyph_of_its_own_curve() -> None:
    """Of two curves that meet it was the other's glyph that was reversed, and its hue that named the best point."""
    first = Series("PTQ", (2.0, 3.0, 4.0), (0.5, 0.8001, 0.9), slot=0)
    second = Series("QAT", (2.0, 3.0, 4.0), (0.7, 0.8, 0.9), slot=1)
    figure = Figure("accuracy", "t", "Width", "Accuracy", (first, second), marks=(Mark(3.0, 0.8, "best: QAT"),))
    frame = draw(View(figure, 60, 16))
    ((column, row),) = frame.marked
    assert frame.text[row][column] == style(1).glyph
    (line,) = [y for y, text in enumerate(picture(frame)) if "best: QAT" in text]
    assert frame.hues[line][picture(frame)[line].index("best")] == style(1).rgb


def test_a_mark_with_wide_characters_is_only_reversed() -> None:
    frame = draw(View(one(1, 2, 3, marks=(Mark(1, 2, "最佳"),)), 60, 16))
    assert frame.marked
    assert not any("最" in line for line in picture(frame))


def test_a_level_is_dotted_across_the_plot() -> None:
    frame = draw(View(sweep(upto=2), 60, 12))
    grey = [(x, y) for y, row in enumerate(frame.hues) for x, hue in enumerate(row) if hue == style(-1).rgb]
    assert len(grey) > 30
    assert len({y for _, y in grey}) == 1


def test_smoothing_leaves_the_raw_curve_dim() -> None:
    hues = {hue for row in draw(View(losses(300, curves=1), 80, 20, smoothing=0.9)).hues for hue in row}
    blue = style(0).rgb
    assert hues >= {blue, tuple(channel // 2 for channel in blue)}


def test_zooming_shows_more_of_less() -> None:
    near = draw(View(one(*[math.sin(i / 10) for i in range(200)]), 60, 16, window=(0.0, 0.25)))
    assert near.x.low == 0
    assert near.x.end == pytest.approx(199 / 4)


def test_ascii_draws_nothing_else() -> None:
    glyphs.use_plain(True)
    frame = draw(View(sweep(half=0.05), 60, 16))
    assert "".join(picture(frame)).isascii()
    assert cells(frame, "o")
    assert cells(frame, "^")


def test_a_growing_run_changes_few_cells() -> None:
    """What a frame costs the terminal: five more steps of four curves touch a few dozen cells."""
    before, after = (draw(View(losses(steps), 118, 26)) for steps in (200, 205))
    assert sum(width for _, _, width in changed(before, after)) < 60


def test_changed_spans_rebuild_the_new_frame() -> None:
    before, after = draw(View(sweep(upto=3), 60, 16)), draw(View(sweep(upto=5), 60, 16))
    text = [row[:] for row in before.text]
    for column, row, width in changed(before, after):
        text[row][column : column + width] = after.text[row][column : column + width]
    assert text == after.text
    assert list(changed(after, after)) == []


BARS = Figure(
    "b",
    "t",
    "",
    "ms",
    (
        Series("eager", (0, 1, 2), (3.2, 1.6, -0.8), (3.0, 1.0, -0.9), (3.4, 2.0, -0.5), "bar", 0),
        Series("compiled", (0, 1), (0.0, math.nan), kind="bar", slot=1),
    ),
    categories=("attention.self.query", "mlp", "a"),
)


def test_bars_stand_on_zero_side_by_side() -> None:
    frame = draw(View(BARS, 70, 22))
    lines = picture(frame)
    ground = next(row for row, line in enumerate(lines) if line.strip().startswith("0┤"))
    eager = style(0).rgb
    full = [
        [x for x, char in enumerate(line) if char == "█" and frame.hues[y][x] == eager] for y, line in enumerate(lines)
    ]
    middle = frame.left + frame.columns // 2
    assert {x < middle for x in full[ground - 2]} == {True}
    assert all(x > middle for row in full[ground + 1 :] for x in row)
    heights = [sum(column in row for row in full[:ground]) for column in (frame.left + 3, frame.column(1) or 0)]
    assert heights[0] > 0
    assert any("attention.self.query" in line for line in lines[-3:])
    assert any(" mlp " in line for line in lines[-3:])
    assert "█" not in "".join(picture(draw(View(replace(BARS, series=()), 70, 22))))


def test_a_log_axis_has_bars_from_its_bottom() -> None:
    frame = draw(View(replace(BARS, y_scale="log"), 60, 14, log_y=True))
    assert any("█" in line for line in picture(frame))
    assert not frame.x.log


def test_a_bar_has_no_marker_and_no_hole() -> None:
    """The interval lies over the bar, whose colour stays behind it."""
    frame = draw(View(BARS, 70, 22))
    assert not cells(frame, style(0).glyph)
    assert frame.grounds
    for (column, row), ground in frame.grounds.items():
        assert ground == style(0).rgb
        assert "\u2800" < frame.text[row][column] <= "\u28ff"
        assert frame.hues[row][column] == frame.view.ground
        assert "█" in (frame.text[row][column - 1], frame.text[row][column + 1])


def test_bars_of_several_series_differ_without_hue_and_are_equally_wide() -> None:
    places = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    series = tuple(Series(name, places, (3.0,) * 7, kind="bar", slot=slot) for slot, name in enumerate("ab"))
    frame = draw(View(Figure("b", "t", "", "y", series, categories=tuple("abcdefg")), 71, 14))
    row = next(line for line in picture(frame) if "█" in line and "▒" in line)
    assert len({len(bar) for bar in row.replace("▒", " ").split("│")[-1].split()}) == 1
    assert len({len(bar) for bar in row.replace("█", " ").split("│")[-1].split()}) == 1


def test_steps_are_steps() -> None:
    figure = Figure("s", "t", "Trial", "y", (Series("a", (0, 1, 2, 3), (0.1, 0.1, 0.8, 0.8), kind="steps"),))
    frame = draw(View(figure, 60, 14))
    lines = [[x for x in range(frame.left, 60) if frame.text[y][x] != " "] for y in range(frame.lines)]
    held = [row for row in lines if len(row) > 10]
    assert len(held) == 2
    assert all(len(row) <= 3 for row in lines if row not in held)


def test_the_interval_of_a_level_and_of_steps_is_shaded() -> None:
    level = Series("baseline", (0, 9), (0.5, 0.5), (0.3, 0.3), (0.7, 0.7), "level", -1)
    steps = Series("a", (0.0, 9.0), (0.9, 0.9), (0.85, 0.85), (0.95, 0.95), "steps", 0)
    frame = draw(View(Figure("s", "t", "x", "y", (steps, level)), 60, 30))
    for series, hue in ((level, (64, 64, 64)), (steps, tuple(value // 2 for value in style(0).rgb))):
        rows = {y for y, row in enumerate(frame.hues) for one in row if one == hue}
        ends = [frame.cell((5.0, bound[0])) for bound in (series.y_low, series.y_high) if bound]
        bottom, top = (cell[1] for cell in ends if cell)
        assert rows
        assert rows >= set(range(top + 1, bottom)) - {(frame.cell((5.0, series.y[0])) or (0, 0))[1]}
        assert rows <= set(range(top, bottom + 1))


def test_identical_curves_are_both_seen() -> None:
    x, y = (0.0, 1.0, 2.0, 3.0), (0.2, 0.8, 0.4, 0.6)
    for kind in ("line", "steps"):
        both = tuple(Series(name, x, y, kind=kind, slot=slot) for slot, name in enumerate("ab"))  # type: ignore[arg-type]
        frame = draw(View(Figure("i", "t", "x", "y", both), 70, 16))
        for slot in (0, 1):
            hue = style(slot).rgb
            assert cells(frame, style(slot).glyph)
            lines = [
                c
                for row, hues in zip(frame.text, frame.hues, strict=True)
                for c, h in zip(row, hues, strict=True)
                if h == hue
            ]
            assert sum("\u2800" < char <= "\u28ff" for char in lines) > 15


LONG = tuple(f"bert.encoder.layer.{i // 2}.{('attention.self.query', 'output.dense')[i % 2]}" for i in range(8))


@pytest.mark.parametrize(("width", "height"), [(76, 18), (50, 12), (30, 8)])
def test_names_of_categories_are_never_alike(width: int, height: int) -> None:
    bars = Series("a", tuple(map(float, range(8))), (1.0,) * 8, kind="bar")
    frame = draw(View(Figure("b", "t", "", "y", (bars,), categories=LONG), width, height))
    assert len(set(frame.x.labels)) == 8


AWKWARD = [
    BARS,
    Figure("e", "t", "x", "y", ()),
    one(),
    one(0.5),
    one(math.nan),
    one(0.5, math.nan, math.inf, -math.inf, 0.7),
    one(*[1.0] * 400),
    one(1e-300, 1e300),
    Figure("e", "t", "x", "y", (Series("a", (-100501.0,), (0.0,)),)),
    Figure("e", "t", "x", "y", (Series("a", (3, 3, 3), (1, 2, 3)),)),
    Figure("e", "t", "x", "y", (Series("a", (3,), (1,), (0.5,), (1.5,), "scatter"),), x_range=(0, 0)),
    Figure("e", "t", "x", "y", (Series("a", (1, 2), (1, 2), kind="steps", slot=-1), Series("b", (), (), kind="level"))),
    Figure("e", "t", "", "y", (Series("a", (1e6, 2e9), (0, 1)),), x_unit="bytes", y_unit="seconds", x_scale="log"),
]


@pytest.mark.parametrize("figure", AWKWARD)
@pytest.mark.parametrize("logs", [(False, False), (True, True)])
@pytest.mark.parametrize("size", [(80, 24), (20, 5), (14, 14), (4, 2), (1, 1)])
def test_awkward_figures_are_drawn_all_the_same(figure: Figure, logs: tuple[bool, bool], size: tuple[int, int]) -> None:
    frame = draw(View(figure, *size, smoothing=0.6, log_x=logs[0], log_y=logs[1]))
    assert [len(row) for row in frame.text] == [size[0]] * size[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=40),
    st.integers(1, 100),
    st.integers(1, 30),
    st.booleans(),
)
def test_any_numbers_can_be_drawn(points: list[tuple[float, float]], width: int, height: int, log: bool) -> None:
    series = Series("a", tuple(x for x, _ in points), tuple(y for _, y in points))
    frame = draw(View(Figure("f", "t", "x", "y", (series,)), width, height, log_x=log, log_y=log))
    assert len(frame.text) == height


SWEEP = [
    "    │",
    "    │",
    "    │⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀⡀●▲⣀⣀⣀⣀●▲⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀▲●",
    " 80%┤         ⢀⣀⠤⠔⠒●▲⠉⠉⠉⠉⠉⠉",
    "    │      ⢀⠔▲⠁ ⡔⠁    best: 4 bits",
    "    │    ⣀⠔⠁  ⡠⠊",
    " 60%┤  ⡠⠊   ⣀●",
    "    │▲⠊⢀⡠⠤⠒⠉",
    "    │●⠊⠁",
    " 40%┤",
    "    └┬─────────────┬─────────────┬─────────────┬",
    "     2             4             8            16",
]


def heat(rows: int) -> Figure:
    values = [(0.5 + 0.1 * i, 0.625, 0.75) for i in range(rows)]
    series = tuple(Series(f"row {i}", (0.0, 1.0, 2.0), row, kind="cells", slot=i) for i, row in enumerate(values))
    return Figure("heat", "Heat", "Format", "Score", series, y_unit="percent", categories=("a", "b", "c"))


def test_a_heat_map_has_a_named_row_for_each_series() -> None:
    frame = draw(View(heat(2), 36, 8))
    assert picture(frame) == [
        "     │",
        "row 0┤   50.00     62.50     75.00",
        "     │",
        "     │",
        "row 1┤   60.00     62.50     75.00",
        "     │",
        "     └─────┬─────────┬─────────┬────",
        "           a         b         c",
    ]
    assert frame.grounds[8, 1] == frame.grounds[8, 2] == shade(heat(2), 0.5)
    assert frame.grounds[8, 4] == shade(heat(2), 0.6)
    assert (16, 1) not in frame.grounds
    assert frame.hues[1][9] == ink(shade(heat(2), 0.5))


@pytest.mark.parametrize("size", [(14, 3), (20, 5), (36, 40), (200, 12)])
@pytest.mark.parametrize("rows", [1, 5, 30])
def test_a_heat_map_of_any_size_stays_in_its_frame(rows: int, size: tuple[int, int]) -> None:
    frame = draw(View(heat(rows), *size))
    assert all(len(row) == size[0] for row in frame.text)
    assert all(frame.left <= column < size[0] and 0 <= row < frame.lines for column, row in frame.grounds)
    assert frame.column(1.0) is not None


def test_the_legend_of_a_heat_map_is_its_scale() -> None:
    ((low, high),) = legend(heat(3), 60, 2)
    assert (low.text, high.text) == ("50.00 %", "75.00 %")
    assert (low.hue, high.hue) == (PALE, HIGH)
