"""The app without its terminal."""

import os
import pty
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.tui.driving import until
from tests.tui.pages import app_with
from tests.tui.recorded import write_run
from tui_app.terminal import is_gone, is_there

ROOT = Path(__file__).parents[2]


def test_a_closed_terminal_is_noticed() -> None:
    master, slave = pty.openpty()
    assert is_there(slave)
    assert not is_gone(slave)
    os.close(master)
    assert is_gone(slave)
    os.close(slave)


async def test_a_size_that_nobody_told_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with app_with() as (app, pilot):
        monkeypatch.setattr("tui_app.terminal.is_gone", lambda: False)
        monkeypatch.setattr("os.get_terminal_size", lambda descriptor: os.terminal_size((140, 40)))
        app._watch_terminal()
        await until(pilot, lambda: app.screen.size == (140, 40))


@pytest.mark.slow
def test_the_app_ends_though_only_its_parent_is_told(state: Path) -> None:
    """As under `make run`: the session's leader takes the signal and waits for the app, which hears nothing."""
    write_run(done=1)
    # A job in the background reads from /dev/null unless told otherwise.
    shell = f"trap : HUP; {sys.executable} -m tui_app < /dev/tty & echo $! > {state}/app.pid; wait; wait"
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it, and exec keeps that
        os.chdir(ROOT)
        os.execv("/bin/sh", ["sh", "-c", shell])
    os.set_blocking(terminal, False)
    painted = b""
    end = time.monotonic() + 60
    while b"q-0001" not in painted:
        assert time.monotonic() < end, "the app did not open"
        try:
            painted += os.read(terminal, 65536)
        except BlockingIOError:
            time.sleep(0.02)
    app = int((state / "app.pid").read_text())
    os.close(terminal)
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(app, 0)
