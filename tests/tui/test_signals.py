"""The real program in a terminal of its own: whatever ends it, the terminal is as it was."""

import contextlib
import os
import pty
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from tests.tui.recorded import write_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SECONDS = 60
ROWS, COLUMNS = 24, 80


class Program:
    """`labtui` on a pseudo-terminal; `painted` is all that it wrote, `screen` what a user sees of that.

    Only cells that changed are written: words come in pieces, and are looked for on the screen.
    """

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (ROWS, COLUMNS))
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.before = termios.tcgetattr(self.slave)
        self.painted = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            for descriptor in range(3):
                os.dup2(self.slave, descriptor)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore them
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "-m", "tui_app"], {**os.environ, "TERM": "xterm-256color"})
        os.set_blocking(self.master, False)

    def read(self) -> None:
        try:
            read = os.read(self.master, 65536)
            self.painted += read
            self.stream.feed(read)
        except BlockingIOError:
            time.sleep(0.01)

    def until(self, text: str) -> None:
        end = time.monotonic() + SECONDS
        while not any(text in line for line in self.screen.display):
            assert time.monotonic() < end, "\n".join(self.screen.display)
            self.read()

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def ended(self, *, reading: bool = True) -> int:
        """Waits for its end; returns its exit status, as a shell would say it."""
        end = time.monotonic() + SECONDS
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                break
            assert time.monotonic() < end
            self.read() if reading else time.sleep(0.01)
        if reading:
            for _ in range(20):
                self.read()
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def program(state: Path) -> Iterator[Program]:
    write_run()
    program = Program()
    yield program
    program.close()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGQUIT", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_the_terminal_as_it_was(program: Program, name: str) -> None:
    program.until("q-0001")
    assert termios.tcgetattr(program.slave) != program.before
    os.kill(program.pid, signal.Signals[name])
    assert program.ended() == 128 + signal.Signals[name]
    assert termios.tcgetattr(program.slave) == program.before
    for left in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1003l", b"\x1b[<u"):
        assert program.painted.count(left) >= 1, left
    assert b"Traceback" not in program.painted


def test_a_terminal_that_takes_nothing_more_holds_nobody(program: Program) -> None:
    """As under a stopped multiplexer: what the app writes goes nowhere, and it hangs in the middle of a frame."""
    program.until("q-0001")
    os.set_blocking(program.slave, False)
    try:
        while True:
            os.write(program.slave, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(program.slave, True)
    program.press(b"?" + b"\x1b[B" * 200)
    os.kill(program.pid, signal.SIGTERM)
    assert program.ended(reading=False) == 128 + signal.SIGTERM
    assert termios.tcgetattr(program.slave) == program.before


@pytest.mark.parametrize("wrong", [b"\xff", b"caf\xe9", b"\xed\xa0\x80" * 40, bytes(range(128, 256))])
def test_bytes_that_are_no_utf8_do_not_end_the_app(program: Program, wrong: bytes) -> None:
    program.until("q-0001")
    program.press(wrong + b"/" + wrong + b"\x1b[B" + b"?")
    program.until("Keys here")
    program.press(b"q")
    time.sleep(0.2)
    program.press(b"\x11")
    assert program.ended() == 0
    assert b"Traceback" not in program.painted


@pytest.mark.parametrize("marks", [(b"\x1b[200~", b"\x1b[201~"), (b"", b"")], ids=["bracketed", "as keys"])
def test_a_megabyte_pasted_into_the_filter_is_bounded(program: Program, marks: tuple[bytes, bytes]) -> None:
    program.until("q-0001")
    program.press(b"/")
    text = marks[0] + b"acc>=0.8 name:abc " * 58_000 + marks[1]
    while text:
        with contextlib.suppress(BlockingIOError):
            text = text[os.write(program.master, text[:4096]) :]
        program.read()
    program.until("A field holds")
    status = Path(f"/proc/{program.pid}/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 160_000  # kB; 67 to 96 MB in use
    program.press(b"\x1b")
    time.sleep(0.3)
    program.press(b"\x11")
    assert program.ended() == 0
