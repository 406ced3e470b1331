"""Leaving the terminal as it was when a signal ends the app."""

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
GRACE = 3.0  # seconds that the app has to put the terminal back by itself
# Whatever sequence was cut off, paste and mouse modes, kitty's keys, the other screen, the cursor, focus reports.
RESET = (
    b"\x18\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


def die_of(number: int) -> None:
    """Ends the process as the signal does where nobody handles it; from the main thread."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class Signals:
    """Around the app: a signal that ends programs ends it in order, with the terminal as it was before.

    `leave` asks the app to go and is called from a signal handler. If it has not gone after `GRACE` seconds, or at a
    second signal, the terminal is put back from here; while `lent` says that another program has it, that waits.
    """

    def __init__(self, leave: Callable[[], object], lent: Callable[[], bool] = lambda: False) -> None:
        self._leave, self._lent = leave, lent
        self._received = 0
        self._attributes: list[Any] | None = None

    def __enter__(self) -> "Signals":
        with suppress(termios.error, OSError, ValueError):
            self._attributes = termios.tcgetattr(0)
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._received:
            die_of(self._received)
        for number in ENDING:
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self._received = bool(self._received), number
        if again:
            self._end()
            return
        threading.Thread(target=self._wait, name="grace", daemon=True).start()
        self._leave()

    def _wait(self) -> None:
        pause = threading.Event()
        pause.wait(GRACE)
        while self._lent():
            pause.wait(0.2)
        self._end()

    def _end(self) -> None:
        """By hand; a terminal that takes nothing any more is not waited for."""
        with suppress(OSError, ValueError):
            output = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
            os.set_blocking(output, False)
            os.write(output, RESET)
            os.set_blocking(output, True)
        with suppress(termios.error, OSError):
            if self._attributes is not None:
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        os._exit(128 + self._received)  # from any thread, whatever the main one is stuck in
