"""A driver that is started before its run is known, with a host that imports meanwhile: most of what a start takes.

It starts its host once nothing computes on the device. Its owner, who is about to start a run, holds the other end of
a socket without a name. The run's directory comes over it with the descriptors of the run's lock and of the driver's
log; from then on it is a driver like any other. Where the owner ends, changes its mind or lets it wait too long, it
ends with its host and has done nothing: it holds no lock, no device and no file.
"""

import signal
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.own import command
from engine.runtime.descriptors import readable
from engine.runtime.device_lock import in_use
from engine.runtime.encoding import dumps, loads
from engine.runtime.free_memory import available_memory
from engine.runtime.home import devices_dir
from engine.runtime.lock import lock_held
from engine.runtime.processes import Identity, driver_environment

SECONDS = 600.0
"""How long it waits for its run with a host."""
LOOK_SECONDS = 0.5
"""How often it looks whether there is room for one."""
_ANSWER_SECONDS = 10.0
_MODULE = "engine.experiments.standby"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a host is started for. `installed` says which code it has imported."""

    experiment: str
    device: str
    installed: tuple[Any, ...] = ()


class Standby:
    """The owner's end: one driver at most, for the run that is most likely to be started next."""

    def __init__(self, room: int = 0) -> None:
        """`room` is how much memory must be free for a host, in bytes."""
        self._room = room
        self.after: Path | None = None
        """The run that was started before: its driver may not have come to take the device yet."""
        self._needs: Needs | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    @property
    def driver(self) -> Identity | None:
        """Who stands by; None where nobody does."""
        return None if self._process is None else Identity.of(self._process.pid)

    def prepare(self, needs: Needs | None) -> None:
        """Sees to it that a driver with such a host stands by, and no other; none at all for None."""
        if needs == self._needs and self.driver is not None:
            return
        self.close()
        if needs is None:
            return
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command(_MODULE, needs.experiment, needs.device, str(self._room), *self._before()),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=driver_environment(),
                start_new_session=True,
                umask=0o077,
            )
        self._needs = needs

    def hand_over(self, directory: Path, lock: int, log: int) -> bool:
        """Whether the driver has taken the run. If not, it is dead."""
        assert self._process is not None
        assert self._channel is not None
        try:
            order = dumps({"directory": str(directory)}).encode() + b"\n"
            socket.send_fds(self._channel, [order], [lock, log])
            self._channel.settimeout(_ANSWER_SECONDS)
            taken = bool(self._channel.recv(1))
        except OSError:
            taken = False
        if taken:
            threading.Thread(target=self._process.wait, name=f"reap {directory.name}", daemon=True).start()
            self._channel.close()
            self._forget()
        else:
            self.close()
        return taken

    def close(self) -> None:
        """Nobody stands by when this returns."""
        if self._process is not None and self._channel is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)  # its host dies with it
            self._process.wait()
            self._channel.close()
        self._forget()

    def _before(self) -> list[str]:
        return [] if self.after is None else [str(self.after.absolute())]

    def _forget(self) -> None:
        self._process = self._channel = self._needs = None


@dataclass(frozen=True, slots=True)
class Order:
    """What comes when the wait is over: a run, its lock, which is held, and the log of its driver, as descriptors."""

    directory: Path
    lock: int
    log: int


def await_room(owner: socket.socket, device: str, room: int, after: Path | None = None) -> bool:
    """The driver's end, first: waits until a host may import. Whether it may before the owner says or does anything.

    It would take a core from the points of a run: that which was started before, or any that holds the device.
    """
    while (after is not None and lock_held(after)) or in_use(devices_dir(), device) or available_memory() <= room:
        if readable([owner], LOOK_SECONDS):
            return False
    return True


def await_order(owner: socket.socket, seconds: float = SECONDS) -> Order | None:
    """The driver's end, then: waits for a run and says that it is taken. None where none comes."""
    if not readable([owner], seconds):
        return None
    with suppress(OSError):
        data, descriptors, *_ = socket.recv_fds(owner, 1 << 16, 2, socket.MSG_CMSG_CLOEXEC)
        if data:
            lock, log = descriptors
            owner.sendall(b"\n")
            return Order(Path(loads(data)["directory"]), lock, log)
    return None
