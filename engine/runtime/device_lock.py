"""One lock file per device keeps two runs off it; tickets make it first come, first served.

A ticket is a file named by its time and locked by the driver that waits: the lock tells the living from the dead.
"""

import fcntl
import os
import re
import tempfile
import time
from pathlib import Path

from engine.runtime.files import open_private
from engine.runtime.lock import is_locked

_HOLDER_BYTES = 64


def in_use(folder: Path, place: str) -> bool:
    """Whether a run holds a device of this place."""
    return any(is_locked(folder / f"{_file_name(device)}.lock") for device in place.split(","))


def _file_name(device: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", device)


class DeviceClaim:
    """A run's place in the line for a device, then its hold on it. `descriptor` is what a host inherits."""

    def __init__(self, folder: Path, device: str, run: str):
        self.device = device
        self.run = run
        self.descriptor: int | None = None
        self._name = _file_name(device)
        self._folder = folder
        self._guard, temporary = tempfile.mkstemp(dir=folder, prefix=".ticket.")
        fcntl.flock(self._guard, fcntl.LOCK_EX)
        self._ticket = folder / f"{self._name}.{time.time_ns():020d}.{os.getpid()}.ticket"
        Path(temporary).rename(self._ticket)

    def take(self) -> bool:
        """Whether the device is ours: nobody living came earlier, and its last holder has let go."""
        if self.descriptor is not None:
            return True
        for other in sorted(self._folder.glob(f"{self._name}.*.ticket")):
            if other == self._ticket:
                break
            if is_locked(other):
                return False
            other.unlink(missing_ok=True)
        descriptor = open_private(self._folder / f"{self._name}.lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.pwrite(descriptor, self.run.encode().ljust(_HOLDER_BYTES), 0)
        self.descriptor = descriptor
        self._leave_line()
        return True

    @property
    def waits_for(self) -> str:
        """In words."""
        try:
            text = (self._folder / f"{self._name}.lock").read_bytes()[:_HOLDER_BYTES].decode().strip()
        except (OSError, ValueError):
            text = ""
        return f"waiting for {self.device}" + (f", used by {text}" if text else "")

    def release(self) -> None:
        """Gives up the place or the device; a host that inherited it holds it until it is dead."""
        if self.descriptor is None:
            self._leave_line()
        else:
            os.close(self.descriptor)
            self.descriptor = None

    def _leave_line(self) -> None:
        self._ticket.unlink(missing_ok=True)
        os.close(self._guard)


class PlaceClaim:
    """The same for a place of one device or several, `UUID,UUID`.

    They are taken one after the other, by every run in the same order: whoever waits for one holds none that comes
    later, so no two runs wait for each other.
    """

    def __init__(self, folder: Path, place: str, run: str):
        self._folder = folder
        self._run = run
        self._left = sorted(place.split(","), reverse=True)
        self._claims: list[DeviceClaim] = []

    def take(self) -> bool:
        """Whether all devices are ours."""
        while not self._claims or self._claims[-1].take():
            if not self._left:
                return True
            self._claims.append(DeviceClaim(self._folder, self._left.pop(), self._run))
        return False

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Of the locks that are held: what a host inherits."""
        return tuple(claim.descriptor for claim in self._claims if claim.descriptor is not None)

    @property
    def waits_for(self) -> str:
        """In words."""
        return self._claims[-1].waits_for

    def release(self) -> None:
        """Gives up all of them."""
        for claim in self._claims:
            claim.release()
