"""What a shell is offered, in process and through a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tui.recorded import write_run
from tui_app.command.completion import SHELLS, register
from tui_app.command.main import VARIABLE, cli


def offered(typed: str, shell: str = "fish", breaks: str = "") -> list[str]:
    """The values alone."""
    register()
    environment = {VARIABLE: f"{shell}_complete", "COMP_TYPED": typed, "COMP_BREAKS": breaks}
    result = CliRunner().invoke(cli, [], prog_name="labtui", complete_var=VARIABLE, env=environment)
    return [line.partition("\t")[0] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("labtui sh", ["show"]),
        ("labtui run quan", ["quantize"]),
        ("labtui run quantize --set wid", ["widths="]),
        ("labtui run quantize --set modes=", ["modes=ptq", "modes=qat"]),
        ("labtui run quantize --set modes=ptq,", ["modes=ptq,qat"]),
        ("labtui run quantize --set=modes=q", ["modes=qat"]),
        ("labtui run quantize --set widths=4 --set mod", ["model=", "modes="]),
        ("labtui run quantize --set nothing=", []),
        ("labtui run graph --set mode=e", ["mode=eval"]),
        ("labtui run quantize --config ", [":file"]),
        ("labtui completion z", ["zsh"]),
    ],
)
def test_what_is_offered(typed: str, values: list[str]) -> None:
    assert offered(typed) == values


@pytest.mark.parametrize("verb", ["show", "logs", "pause", "resume", "cancel", "rm", "export", "extend", "enqueue"])
def test_runs_are_offered_newest_first_with_their_names(verb: str) -> None:
    first, second = write_run(name="one").name, write_run(name="two, three").name
    assert offered(f"labtui {verb} q") == [second, first]
    assert offered(f"labtui {verb} @") == ["@last"]


def test_bash_is_given_what_follows_its_word_break() -> None:
    breaks = " \t\n\"'@><=;|&(:"
    assert offered("labtui run quantize --set modes=p", "bash", breaks) == ["ptq"]
    assert offered("labtui show @", "bash", breaks) == ["@last"]
    assert offered("labtui run quantize --set mod", "bash", breaks) == ["model=", "modes="]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_and_the_shell_reads_it(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert f"{VARIABLE}" in result.stdout or f"{VARIABLE} {shell}_complete" in result.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=result.stdout, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_real_bash_completes(state: Path) -> None:
    script = """
        source <(labtui completion bash)
        COMP_LINE='labtui run quantize --set modes=p'; COMP_POINT=${#COMP_LINE}
        _labtui_completion labtui
        echo "${COMPREPLY[@]}"
    """
    root = Path(__file__).parents[2]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "LABTUI_HOME": str(state)}
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == ["ptq"], done.stderr


@pytest.mark.parametrize("words", [(), ("--ascii",)])
def test_without_a_terminal_the_app_says_so_and_ends(state: Path, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tui_app", *words]
    environment = {**os.environ, "LABTUI_HOME": str(state)}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd=root, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "labtui: the app needs a terminal; labtui --help lists what works without one.\n"
