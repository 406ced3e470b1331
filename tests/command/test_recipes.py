"""`labtui recipes` and `labtui run --recipe`, in process."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.recipes import book
from engine.runtime.runs import list_runs
from tests.command.test_completion import offered
from tui_app.command.main import cli


def test_the_list_names_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # readline sets it for what pytest starts
    result = CliRunner().invoke(cli, ["recipes"])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(book.names()), "a line each where nothing has to fit"
    found = json.loads(CliRunner().invoke(cli, ["recipes", "--json"]).stdout)
    assert [one["name"] for one in found] == list(book.names())
    assert found[0].keys() == {"name", "title", "summary", "runs", "source", "protocol"}


def test_one_shows_its_runs_as_commands() -> None:
    result = CliRunner().invoke(cli, ["recipes", "lab-fixed-point"])
    assert "labtui run quantize --set widths=2-6,8,12,16" in result.stdout
    assert "labtui run --recipe lab-fixed-point" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["recipes", "lab-prunning"], "did you mean lab-pruning?"),
        (["run", "--recipe", "lab-prunning"], "did you mean lab-pruning?"),
        (
            ["run", "--recipe", "lab-pruning", "--set", "widths=4"],
            "no run of the recipe lab-pruning has such a setting",
        ),
        (["run", "--recipe", "lab-pruning", "--set", "widths"], "A setting is written key=value"),
        (["run", "--recipe", "lab-pruning", "quantize"], "name an experiment or a --recipe, not both"),
        (["run", "--set", "widths=4", "quantize"], "--set goes after the experiment's name"),
        (["run", "--offline"], "--offline belongs to --recipe NAME"),
        (["run", "--recipe", "lab-pruning", "--detach", "--report", "x"], "leave --detach out"),
    ],
)
def test_refused(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not list_runs()


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("labtui run --rec", ["--recipe"]),
        ("labtui run --recipe lab-m", ["lab-mixed-precision", "lab-mxint8"]),
        ("labtui recipes lab-p", ["lab-pruning"]),
    ],
)
def test_shells_complete_names(typed: str, values: list[str]) -> None:
    assert offered(typed) == values


def test_run_alone_shows_its_help() -> None:
    result = CliRunner().invoke(cli, ["run"])
    assert "--recipe" in result.output
    assert "quantize" in result.output


@pytest.mark.slow
def test_one_line_runs_a_recipe_and_writes_its_report(builtin: Path, tmp_path: Path) -> None:
    small = ["eval_samples=40", "finetune_steps=2", "sparsities=0.5", "methods=l1", "device=cpu"]
    settings = [word for one in small for word in ("--set", one)]
    words = ["run", "--recipe", "lab-pruning", "--report", str(tmp_path / "report"), *settings]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    report = (tmp_path / "report" / "report.md").read_text()
    assert "pruning: methods" in report
    assert list((tmp_path / "report").glob("*.png"))
