"""`labtui export --with`: a curve of another program in the written figure."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.tui.recorded import write_run
from tui_app.command.main import cli


def labtui(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def run() -> Path:
    return write_run(name="ours", widths=(4,))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.csv").write_text("step,loss,val loss\n0,0.65,0.7\n1,nan,0.6\n")


def test_the_legend_of_the_written_figure_says_where_the_curve_is_from(run: Path) -> None:
    result = labtui("export", run.name, "--svg", "loss.svg", "--with", "curve.csv:val loss", "--with", "curve.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == "loss.svg\n"
    assert "curve.csv: loss: 1 of 2 values are NaN or infinite and left out." in result.stderr
    drawn = Path("loss.svg").read_text(encoding="utf-8")
    for text in ("Training loss", "curve.csv: loss", "curve.csv: val loss"):
        assert f"<!-- {text} -->" in drawn
    alone = labtui("export", run.name, "--figure", "loss", "--png", "alone.png")
    beside = labtui("export", run.name, "--figure", "loss", "--png", "beside.png", "--with", "curve.csv")
    assert (alone.exit_code, beside.exit_code) == (0, 0)
    assert Path("alone.png").read_bytes() != Path("beside.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--csv", "x.csv", "--with", "curve.csv"], "say where it goes with --png or --svg"),
        (["--png", "x.png", "--with", "no.csv"], "no.csv does not exist"),
        (["--png", "x.png", "--figure", "accuracy", "--with", "curve.csv:loss"], "counts steps and"),
        (["--png", "x.png", "--with", "curve.csv:loss", "--step", "steps"], "has no column 'steps'"),
    ],
)
def test_what_has_no_place_is_refused_before_anything_is_written(run: Path, words: list[str], said: str) -> None:
    result = labtui("export", run.name, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("x.png").exists()
