"""Nothing that came from outside reaches the terminal as an escape, and there is one way to the terminal."""

import ast
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from tui_app.command.main import cli
from tui_app.command.say import CleanConsole

COMMANDS = Path(__file__).parents[2] / "tui_app" / "command"
HOSTILE = "\x1b]0;owned\x1b\\\x1b[31ma\x9b2Jb\u202ec"


@pytest.mark.parametrize("path", sorted(COMMANDS.glob("*.py")), ids=lambda path: path.name)
def test_the_verbs_print_through_one_module(path: Path) -> None:
    if path.name in ("say.py", "completion.py"):  # the second prints a script of click's own
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "click.echo", "click.secho", "Console", "sys.stdout.write"), called


@pytest.mark.parametrize(
    "words",
    [
        ["show", HOSTILE],
        ["run", "quantize", "--set", f"model={HOSTILE}"],
        ["run", "quantize", "--set", f"{HOSTILE}=1"],
        ["run", "quantize", "--config", HOSTILE],
        ["run", HOSTILE],
        [f"--{HOSTILE}"],
        [HOSTILE],
        ["export", "@last", "--csv"],
    ],
)
def test_an_error_repeats_no_escape(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code
    assert not set(result.output) & set("\x1b\x07\x9b\u202e"), result.output


def test_a_console_writes_its_own_colours_alone() -> None:
    table = Table()
    table.add_column(HOSTILE)
    table.add_row(Text(HOSTILE, style="red"))
    console = CleanConsole(file=io.StringIO(), force_terminal=True, color_system="standard", width=40)
    console.print(table)
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[31m" in written
    assert "owned" not in written
    assert not set(written) & set("\x07\x9b\u202e")


@pytest.mark.parametrize(
    "words",
    [
        ["show", "x" * 5000],
        ["run", "quantize", "--set", f"model=/{'x' * 5000}"],
        ["run", "quantize", "--set", f"data=/{'x/' * 2500}x.csv"],
        ["run", "quantize", "--config", "x" * 5000],
        ["run", "quantize", "--set", f"seed={'9' * 5000}"],
        ["run", "quantize", "--set", f"widths={'[' * 5000}{']' * 5000}"],
        ["run", "x" * 5000],
    ],
)
def test_thousands_of_characters_make_a_short_sentence(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code
    assert len(result.output) < 1200, result.output
