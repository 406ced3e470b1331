"""The driver's end of a host process."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.runtime.encoding import dumps, loads
from engine.runtime.files import open_private
from engine.runtime.processes import Identity
from engine.runtime.threads import VARIABLES

# OpenMP threads that spin at barriers take the core from whoever would end the wait: many times slower on a busy
# machine, nothing gained on a quiet one.
_PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
# torch.profiler reports each start and stop, above the level of errors, into the logs that people read.
_SILENT_PROFILER = {"KINETO_LOG_LEVEL": "6"}


class Host:
    """A host process of its own session, so that one signal to its group ends it and its children.

    It imports as soon as it is started, for tasks on `device`. It belongs to no run before it is assigned to one: until
    then it holds no lock, and what it prints is kept in memory.
    """

    def __init__(self, command: Sequence[str], device: str):
        self.device = device
        environment = _SILENT_PROFILER | os.environ | dict.fromkeys(VARIABLES, "1") | _PATIENT_THREADS
        environment |= {"CUDA_VISIBLE_DEVICES": "" if device == "cpu" else device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        self._printed = os.memfd_create("host.log")
        self._orders, orders = socket.socketpair()
        with orders:
            self._process = subprocess.Popen(
                command,
                stdin=orders.fileno(),
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env=environment,
                start_new_session=True,
            )
        assert self._process.stdout
        self.pipe = self._process.stdout.fileno()
        os.set_blocking(self.pipe, False)
        self.identity = Identity.of(self._process.pid) or Identity(self._process.pid, 0, "")
        self.ready = False
        self.dead = False
        self._buffer = b""
        self._log: Path | None = None
        self.send({"driver": os.getpid()})

    def assign(self, setting: Mapping[str, Any], locks: Sequence[int], log: Path) -> None:
        """Gives it to a run: the setting of its tasks, the locks that it holds until it is dead, and its log."""
        self._log = log
        errors = open_private(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with suppress(ConnectionError):
                socket.send_fds(self._orders, [dumps(setting).encode() + b"\n"], [errors, *locks])
        finally:
            os.close(errors)

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal, once dead."""
        return self._process.returncode

    def send(self, message: Mapping[str, Any]) -> None:
        """One line. If the host is dead its pipe's end will tell."""
        with suppress(ConnectionError):
            self._orders.sendall(dumps(message).encode() + b"\n")

    def read(self) -> list[dict[str, Any]]:
        """What it has said since. Sets `dead` once the process and all its children are."""
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self.kill()  # not reaped yet, so the group's number is still its own
        while not self.dead:
            try:
                data = os.read(self.pipe, 1 << 16)
            except BlockingIOError:
                break
            if data:
                self._buffer += data
            else:
                self._end()
        *lines, self._buffer = self._buffer.split(b"\n")
        messages = [loads(line) for line in lines]
        self.ready = self.ready or any("ready" in message for message in messages)
        return [message for message in messages if "task" in message]

    def kill(self) -> None:
        """SIGKILL to its group: to it and its children.

        Only ever before the process is reaped: until then nobody else can have its number.
        """
        if not self.dead:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self, seconds: float = 10.0) -> None:
        """Kills it and waits until everything in its group is dead."""
        self.kill()
        deadline = time.monotonic() + seconds
        while not self.dead and time.monotonic() < deadline:
            self.read()
            time.sleep(0.002)

    def last_words(self) -> str:
        """The end of its log, for a message."""
        assert self._log
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self.status} and said nothing"

    def _end(self) -> None:
        assert self._process.stdout
        self._process.wait()
        self._orders.close()
        self._process.stdout.close()
        if self._log and not self.ready:  # it did not come to print there itself
            with suppress(OSError):
                self._log.write_bytes(os.pread(self._printed, os.fstat(self._printed).st_size, 0))
        os.close(self._printed)
        self.dead = True
