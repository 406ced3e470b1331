"""A program on a pseudo-terminal, its screen kept by pyte: how benchmarks see what a user would see."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte


class Terminal:
    """Runs `command` at `columns` × `rows`; `received` counts the bytes it wrote."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.received = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=dict(environ), start_new_session=True
        )
        os.close(slave)

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._process.pid

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._master, keys.encode())

    def read(self, seconds: float) -> bool:
        """Takes in what arrives within `seconds`; whether anything did."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.received += len(data)
        self._stream.feed(data)
        return True

    def until(self, condition: Callable[[list[str]], object], seconds: float = 30.0) -> float:
        """Reads until the screen's lines meet the condition; returns when the bytes that met it came (perf_counter)."""
        end = time.perf_counter() + seconds
        while not condition(self.screen.display):
            if time.perf_counter() > end:
                raise TimeoutError("\n".join(self.screen.display))
            self.read(0.05)
        return time.perf_counter()

    def idle(self, seconds: float) -> None:
        """Reads for `seconds`, whatever comes."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def close(self) -> None:
        """Ends the program."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self._master)
