"""The real program in tmux: open, launch, detach, return, resize, kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.experiments import launch
from engine.runtime import control
from engine.runtime.runs import list_runs, read_run
from tests.tui.recorded import write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]
SECONDS = 60
ROOT = Path(__file__).parents[2]


class Tmux:
    """A tmux server of the test's own."""

    def __init__(self, state: Path) -> None:
        self.name = f"labtui-test-{uuid.uuid4().hex[:8]}"
        self.environ = {**os.environ, "LABTUI_HOME": str(state), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self.environ.pop("TMUX", None)
        settings = state.parent / "tmux.conf"
        settings.write_text("set -g default-size 100x30\nset -g remain-on-exit on\n")
        self.tmux("-f", str(settings), "new-session", "-d", "-s", "t", f"exec {sys.executable} -m tui_app")

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self.name, *arguments]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    def resize(self, columns: int, rows: int) -> None:
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def until(self, condition: Callable[[str], object], what: str) -> str:
        end = time.monotonic() + SECONDS
        while not condition(screen := self.screen()):
            if time.monotonic() > end:
                pytest.fail(f"{what} did not come; the screen:\n{screen}")
            time.sleep(0.05)
        return screen

    def dead(self) -> bool:
        return self.tmux("list-panes", "-t", "t", "-F", "#{pane_dead}").strip() == "1"

    def pid(self) -> int:
        return int(self.tmux("list-panes", "-t", "t", "-F", "#{pane_pid}"))

    def again(self) -> None:
        self.tmux("respawn-pane", "-k", "-t", "t", f"exec {sys.executable} -m tui_app")


@pytest.fixture
def terminal(state: Path) -> Iterator[Tmux]:
    write_run(name="earlier")
    terminal = Tmux(state)
    yield terminal
    terminal.tmux("kill-server")
    for path in list_runs():
        if read_run(path).active:
            control.cancel(path)


def live(seconds: float, count: int = 2) -> Path:
    """A run that is at work for a while."""
    experiment, config = launch.configure("benchmarks.live", {"seconds": seconds, "count": count, "device": "cpu"})
    return launch.launch(experiment, config, "live one")


def until_state(path: Path, *states: str) -> None:
    end = time.monotonic() + SECONDS
    while (state := read_run(path).state) not in states:
        assert time.monotonic() < end, f"{path.name} is {state}, not {states}"
        time.sleep(0.05)


def footer_in(screen: str, row: int) -> bool:
    return "help" in screen.splitlines()[row]


def test_open_resize_and_leave(terminal: Tmux) -> None:
    screen = terminal.until(lambda s: "earlier" in s and "Accuracy" in s, "the table")
    assert screen.splitlines()[0].startswith("▐1 Home▌")
    for columns, rows in ((60, 20), (140, 40), (100, 30)):
        terminal.resize(columns, rows)
        terminal.until(partial(footer_in, row=rows - 1), "the footer on the last line")
    terminal.press("?")
    terminal.until(lambda s: "Keys here" in s, "help")
    terminal.press("Escape")
    terminal.until(lambda s: "Keys here" not in s, "the page behind it")
    terminal.press("q")
    terminal.until(lambda _: terminal.dead(), "the end of the program")
    assert "Traceback" not in terminal.screen()


def test_a_run_goes_on_when_the_app_is_left_detached_or_killed(terminal: Tmux) -> None:
    terminal.until(lambda s: "earlier" in s, "the table")
    path = live(seconds=600)
    terminal.until(lambda s: "▸1" in s.splitlines()[0], "the running count")
    terminal.until(lambda s: f"▸ {path.name} 0/2" in s, "the jobs line")

    terminal.press("q")
    terminal.until(lambda s: "leave them running" in s, "the question")
    terminal.press("Enter")
    terminal.until(lambda _: terminal.dead(), "the end of the program")
    assert read_run(path).state == "running"

    terminal.again()
    terminal.until(lambda s: f"▸ {path.name} 0/2" in s, "the run, on return")
    os.kill(terminal.pid(), signal.SIGKILL)
    terminal.until(lambda _: terminal.dead(), "the end of the program")
    assert read_run(path).state == "running"

    terminal.again()
    terminal.until(lambda s: f"▸ {path.name} 0/2" in s, "the run, after kill -9")
    terminal.press("g", "x")
    terminal.until(lambda s: "Press again to cancel" in s, "the warning")
    terminal.press("x")
    until_state(path, "cancelled")
    terminal.until(lambda s: "⊘ cancelled" in s, "its state")


def test_two_apps_watch_one_run(terminal: Tmux, state: Path) -> None:
    other = Tmux(state)
    try:
        path = live(seconds=600)
        for app in (terminal, other):
            app.until(lambda s: f"▸ {path.name}" in s, "the run")
        terminal.press("g", "x", "x")
        other.until(lambda s: "⊘ cancelled" in s, "the state that the other app asked for")
    finally:
        other.tmux("kill-server")


def test_a_sweep_from_the_keyboard(terminal: Tmux) -> None:
    """The form with its defaults, started by ctrl+r; the run has begun on disk when the screen says so."""
    terminal.until(lambda s: "earlier" in s, "the table")
    terminal.press("3")
    terminal.until(lambda s: "▐3 Quantize▌" in s, "the Quantize screen")
    before = len(list_runs())
    terminal.press("C-r")
    end = time.monotonic() + SECONDS
    while len(list_runs()) == before:
        assert time.monotonic() < end, terminal.screen()
        time.sleep(0.05)
    path = list_runs()[0]
    until_state(path, "queued", "running")
    terminal.press("1")
    terminal.until(lambda s: path.name in s, "the run on Home")
    control.cancel(path)
    until_state(path, "cancelled")
