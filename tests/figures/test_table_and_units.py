"""Tables and numbers as text, read back by other programs where there are any."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.figures import escape
from engine.figures.files import to_json, whole, write_text
from engine.figures.table import Table
from engine.figures.units import in_bytes, in_percent, in_seconds, ticks_in_bytes

cells = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.tuples(cells, cells), max_size=6))
def test_csv_is_read_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    """But for what a terminal or a spreadsheet would obey."""
    text = Table(("a", "b"), tuple(rows)).csv()
    expected = [tuple(str(escape.csv_cell(cell)) for cell in row) for row in rows]
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] == [("a", "b"), *expected]


@given(st.lists(st.tuples(cells, cells), max_size=6))
def test_markdown_keeps_one_line_a_row_and_two_cells_a_line(rows: list[tuple[str, str]]) -> None:
    lines = Table(("a", "b"), tuple(rows)).markdown().splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)


def test_latex_escapes_what_latex_reads() -> None:
    text = Table(("share_%", "b"), (("50 % & {x}", 0.123456), (None, 3))).latex()
    assert r"share\_\% & b \\" in text
    assert r"50 \% \& \{x\} & 0.1235 \\" in text
    assert r"\begin{tabular}{lr}" in text
    assert r" & 3 \\" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (17_549_312, "17.5 MB"), (999_600, "1.00 MB"), (2.5e9, "2.50 GB")],
)
def test_bytes(value: float, expected: str) -> None:
    assert in_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (41.4e-6, "41.4 µs"),
        (0.0042, "4.2 ms"),
        (3.21, "3.2 s"),
        (59.97, "1m 00s"),
        (250, "4m 10s"),
        (3599.8, "1h 00m"),
        (7500, "2h 05m"),
        (90000, "1d 1h"),
        (math.nan, "nan"),
    ],
)
def test_seconds(value: float, expected: str) -> None:
    assert in_seconds(value) == expected


def test_percent() -> None:
    assert in_percent(0.8567) == "85.67"
    assert in_percent(-0.012, signed=True) == "-1.20"
    assert in_percent(math.inf) == "inf"


def test_json_has_no_nan() -> None:
    assert json.loads(to_json({"a": [math.nan, math.inf, 1.5], "b": ("x",)})) == {"a": [None, None, 1.5], "b": ["x"]}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def interrupted() -> None:
        with whole(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another place"):
        write_text(tmp_path / "file" / "a.txt", "x")


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([0.0, 5e5, 1e6, 1.5e6], ["0", "500 kB", "1.00 MB", "1.50 MB"]),
        ([16.05e6, 16.10e6, 16.15e6], ["16.05 MB", "16.10 MB", "16.15 MB"]),
        ([16.0e6, 16.1e6, 16.2e6], ["16.0 MB", "16.1 MB", "16.2 MB"]),
        ([1_000_000.0, 1_000_500.0], ["1.0000 MB", "1.0005 MB"]),
        ([100.0, 101.0], ["100 B", "101 B"]),
        ([1000.0, 1001.0], ["1.000 kB", "1.001 kB"]),
        ([2e6], ["2.00 MB"]),
        ([16.25e6, 16.5e6, 16.75e6], ["16.25 MB", "16.50 MB", "16.75 MB"]),
        ([], []),
    ],
)
def test_ticks_in_bytes_are_told_apart(ticks: list[float], labels: list[str]) -> None:
    assert ticks_in_bytes(ticks) == labels
