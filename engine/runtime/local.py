"""The local executor: a host per device, tasks in, endings out.

The driver knows an executor by `claim`, `idle`, `submit`, `wait`, `kill` and `close` alone; where tasks run is decided
here.
"""

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.runtime.attempts import AttemptFile, task_name
from engine.runtime.device_lock import DeviceClaim
from engine.runtime.home import devices_dir
from engine.runtime.hosts import Host, threads_per_host
from engine.runtime.lock import RunLock
from engine.runtime.records import Params
from engine.runtime.spec import RunSpec
from engine.runtime.text import clean_line

_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class Task:
    """Points that one child computes together, and which attempt this is."""

    points: tuple[int, ...]
    attempt: int

    def file(self, directory: Path) -> AttemptFile:
        """Where it is logged."""
        return AttemptFile.of(directory, task_name(self.points), self.attempt)


@dataclass(frozen=True, slots=True)
class Ending:
    """`status` is the child's exit status, negative for a signal, None where its host died with it."""

    task: Task
    status: int | None


class WorkerError(RuntimeError):
    """Hosts end before they can work, or again and again. The message says what they said last."""


@dataclass(slots=True)
class _Seat:
    """A device of this run: in line for it, or holding it with a host, or neither."""

    device: str
    claim: DeviceClaim | None = None
    host: Host | None = None
    task: Task | None = None
    deaths: int = 0


class LocalExecutor:
    """Runs tasks on this machine."""

    def __init__(self, directory: Path, spec: RunSpec, command: Sequence[str], lock: RunLock):
        self._directory = directory
        self._spec = spec
        self._command = [*command, spec.experiment]
        self._lock = lock
        self._seats = [_Seat(device) for device in spec.devices]

    @property
    def hosts(self) -> tuple[tuple[int, int], ...]:
        """Pid and start time of each host."""
        found = [seat.host.identity for seat in self._seats if seat.host]
        return tuple((identity.pid, identity.start) for identity in found)

    @property
    def waits_for(self) -> str:
        """What keeps every task from running; empty if one can."""
        waiting = [seat.claim.waits_for for seat in self._seats if seat.claim and not seat.host]
        return "" if self.hosts or not waiting else "; ".join(waiting)

    def claim(self, wanted: int) -> None:
        """Takes devices as they come free, up to `wanted`; gives back what is idle beyond that."""
        for seat in self._seats:
            held = sum(seat.host is not None for seat in self._seats)
            if seat.host and seat.task is None and held > wanted:
                self._vacate(seat)
            elif not seat.host and held < wanted:
                seat.claim = seat.claim or DeviceClaim(devices_dir(), seat.device, self._spec.id)
                if seat.claim.take():
                    self._start_host(seat, seat.claim)
            elif not seat.host and seat.claim:
                self._vacate(seat)

    def idle(self) -> list[str]:
        """Devices whose host is warm and waits for a task."""
        return [seat.device for seat in self._seats if seat.host and seat.host.ready and seat.task is None]

    def submit(self, device: str, task: Task, params: Sequence[Params]) -> None:
        """Starts a task on an idle device; `params` are those of its points."""
        seat = next(seat for seat in self._seats if seat.device == device)
        assert seat.host
        points = [{"index": index, "params": own} for index, own in zip(task.points, params, strict=True)]
        seat.host.send({"task": task_name(task.points), "attempt": task.attempt, "points": points})
        seat.task = task

    def wait(self, seconds: float) -> list[Ending]:
        """The tasks that have ended, as soon as there are any. Raises WorkerError if hosts are of no use."""
        pipes = [seat.host.pipe for seat in self._seats if seat.host]
        if pipes:
            select.select(pipes, [], [], seconds)
        else:
            time.sleep(seconds)
        return [ending for seat in self._seats for ending in self._look_at(seat)]

    def kill(self) -> None:
        """Ends every task now; `close` waits until they are dead."""
        for seat in self._seats:
            if seat.host:
                seat.host.kill()

    def close(self) -> None:
        """Nothing runs and no device is held when this returns."""
        self.kill()
        for seat in self._seats:
            self._vacate(seat)

    def _look_at(self, seat: _Seat) -> list[Ending]:
        if not seat.host:
            return []
        endings = []
        for message in seat.host.read():
            assert seat.task
            endings.append(Ending(seat.task, message["status"]))
            seat.task, seat.deaths = None, 0
        if seat.host.dead:
            if seat.task:
                endings.append(Ending(seat.task, None))
                seat.task = None
            self._bury(seat, seat.host)
        return endings

    def _bury(self, seat: _Seat, host: Host) -> None:
        seat.deaths += 1
        failed_at_start = not host.ready and (host.status or 0) >= 0
        seat.host = None
        if failed_at_start or seat.deaths >= _RESTARTS:
            raise WorkerError(f"the worker for {seat.device} does not run: {clean_line(host.last_words())}")
        assert seat.claim
        self._start_host(seat, seat.claim)

    def _start_host(self, seat: _Seat, claim: DeviceClaim) -> None:
        assert claim.descriptor is not None
        greeting = {
            "directory": str(self._directory),
            "device": seat.device,
            "seed": self._spec.seed,
            "threads": threads_per_host(len(self._seats)),
        }
        log = self._directory / "logs" / f"host-{self._seats.index(seat)}.log"
        seat.host = Host(self._command, greeting, (self._lock.descriptor, claim.descriptor), log)

    def _vacate(self, seat: _Seat) -> None:
        if seat.host:
            seat.host.close()
        if seat.claim:
            seat.claim.release()
        seat.host = seat.claim = seat.task = None
