"""The tables that people read: in the report, in Markdown and for a paper."""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from engine.experiments.report import write_report
from engine.experiments.results import points_table
from engine.experiments.shared import covered
from engine.experiments.summary import paper_table, summary_table
from engine.figures.look import Look
from tests.tui.recorded import run_record

HOSTILE = "a\x1b[31m_b_ | <img src=x> $x$\n```\n# end"


def test_a_paper_gets_the_columns_of_the_report_and_not_every_recorded_value() -> None:
    run = run_record("q-0001", modes=("ptq", "qat"))
    table, everything = paper_table(run), points_table(run)
    assert table.headers[:3] == ("Format", "Mode", "Accuracy (%)")
    assert "Size (MB)" in table.headers
    assert "SQNR (dB)" in table.headers
    assert "State" not in table.headers
    assert len(table.headers) < len(everything.headers) / 1.5
    row = dict(zip(table.headers, table.rows[0], strict=True))
    assert row["Accuracy (%)"] == "53.98 ±0.43"
    assert row["Size (MB)"] == "15.91"
    assert "95 %" in table.note
    assert "n" in table.note
    assert r"\pm" in table.latex()


def test_the_share_that_was_changed_is_a_column_where_it_is_not_all() -> None:
    run = run_record("q-0001", widths=(4, 8))

    def headers(*shares: float) -> tuple[str, ...]:
        points = [
            replace(point, result={**(point.result or {}), "covered": share})
            for point, share in zip(run.points, shares, strict=True)
        ]
        return summary_table(replace(run, points=tuple(points))).headers

    assert "Covered %" in headers(1.0, 0.093)
    assert "Covered %" not in headers(1.0, 1.0)


def test_files_that_are_larger_than_their_source_are_said_to_be() -> None:
    """A model in half precision is twice as large when it has been trained, and no finding said so."""
    run = run_record("q-0001", widths=(4, 8))

    def said(*sizes: int) -> list[str]:
        points = [
            replace(point, result={**(point.result or {}), "bytes": size})
            for point, size in zip(run.points, sizes, strict=True)
        ]
        return covered.larger(replace(run, points=tuple(points), notes={"baseline": {"bytes": 8_000_000}}))

    assert said(16_000_000, 8_000_000) == [
        "1 of 2 files are larger than the source (8.00 MB): up to 16.0 MB, 2 times it."
    ]
    assert said(8_000_000, 4_000_000) == []
    assert said(8_000_500, 4_000_000) == [], "a header, or a head of a class more, is no growth that anyone sees"


def test_a_setting_that_never_differs_is_left_out_of_the_paper() -> None:
    assert "Mode" not in paper_table(run_record("q-0001", modes=("ptq",))).headers


def test_points_that_have_not_finished_are_named_as_such() -> None:
    table = paper_table(run_record("q-0001", state="running", done=2))
    assert table.headers[-1] == "State"
    assert [row[-1] for row in table.rows[:3]] == ["finished", "finished", "running"]
    assert summary_table(run_record("q-0001", state="running", done=2)).rows[2][-1] == "running"


def test_a_report_shows_hostile_names_as_they_stand(tmp_path: Path) -> None:
    run = replace(run_record("q-0001", widths=(2, 3), config={"model": HOSTILE}), name=HOSTILE, versions={"x": HOSTILE})
    text = write_report(tmp_path / "report", [run]).read_text()
    assert "\x1b" not in text
    lines = text.splitlines()
    opened = next(i for i, line in enumerate(lines) if line.endswith("sh") and line.startswith("````"))
    closed = next(i for i, line in enumerate(lines[opened + 1 :], opened + 1) if line == lines[opened][:-2])
    prose = "\n".join(lines[:opened] + lines[closed + 1 :])
    assert "<img" not in prose.replace("\\<", "")
    assert "\n# end" not in prose
    assert r"a_b\_ \| \<img src=x\> \$x\$" in prose


def test_a_report_holds_what_a_paper_needs(tmp_path: Path) -> None:
    run = replace(run_record("q-0001", widths=(2, 3)), hardware="a processor (2 cores, 24 GB)", seed=7)
    folder = tmp_path / "report"
    text = write_report(folder, [run], Look(3.5, 2.6, 100)).read_text()
    assert "Hardware: a processor (2 cores, 24 GB)." in text
    assert "seed 7" in text
    assert "labtui run quantize" in text
    assert (folder / "q-0001-points.csv").read_text().startswith("point,")
    assert r"\toprule" in (folder / "q-0001-points.tex").read_text()
    pictures = sorted(folder.glob("*.png"))
    assert pictures
    assert Image.open(pictures[0]).size == (350, 260)
