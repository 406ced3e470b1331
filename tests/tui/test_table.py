"""The table by itself: what stands in place of rows."""

import pytest
from textual.app import App, ComposeResult

from tests.tui.driving import screen_text
from tui_app import glyphs
from tui_app.widgets.table import GUTTER, Column, Table, _cell, fit

SAID = "The layers appear once the model is loaded."


class Alone(App[None]):
    """A table and nothing else."""

    def compose(self) -> ComposeResult:
        yield Table([Column("name", "Name", 6, flex=True)], empty=SAID)


@pytest.mark.parametrize("width", [20, 36, 80])
async def test_what_stands_in_place_of_rows_is_whole_at_every_width(width: int) -> None:
    """In a pane of 36 cells the sentence ended at *once the model*."""
    app = Alone()
    async with app.run_test(size=(width, 12)):
        lines = screen_text(app).splitlines()
        assert lines[1].strip() == ""
        assert " ".join(" ".join(lines[2:]).split()) == SAID
        assert all(line.startswith("   ") for line in lines[2:] if line.strip())


@pytest.mark.parametrize(
    ("width", "fitted"),
    [
        (40, [(0, 15), (1, 10), (2, 9)]),
        (37, [(0, 12), (1, 10), (2, 9)]),
        (33, [(0, 18), (1, 10)]),
        (26, [(0, 12), (1, 9)]),
        (20, [(0, 16)]),
        (4, [(0, 12)]),
    ],
)
def test_no_column_is_cut_by_the_frame(width: int, fitted: list[tuple[int, int]]) -> None:
    """The last ones stuck out of a narrow pane: the header read *Grou*, numbers lost their digits."""
    columns = [Column("a", "A", 12, flex=True), Column("b", "B", 10), Column("c", "C", 9, right=True)]
    assert fit(columns, width) == fitted
    assert width < 16 or GUTTER + sum(room + 1 for _, room in fitted) <= width


def test_a_value_that_is_cut_shows_it_without_unicode_too() -> None:
    """`fixed(2…` read `fixed(2` on a plain terminal, as if it were whole."""
    assert str(_cell("builtin fixed(2,4)", 10, False)) == "builtin f…"
    glyphs.use_plain(True)
    try:
        assert str(_cell("builtin fixed(2,4)", 10, False)) == "builtin f~"
        assert str(_cell("日本語", 4, False)) == "日 ~"
        assert str(_cell("ab", 1, False)) == "~"
    finally:
        glyphs.use_plain(False)
