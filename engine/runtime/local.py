"""The local executor: a host per device with a child for each task."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.own import command
from engine.runtime.attempts import task_name
from engine.runtime.cores import working_cores
from engine.runtime.descriptors import readable
from engine.runtime.device_lock import PlaceClaim
from engine.runtime.executor import Ending, Task, WorkerError
from engine.runtime.home import devices_dir
from engine.runtime.hosts import Host
from engine.runtime.lock import RunLock
from engine.runtime.records import Params
from engine.runtime.spec import RunSpec
from engine.text import clean_line

_RESTARTS = 5


@dataclass(slots=True)
class _Place:
    """A device of this run, or several GPUs for each task: in line for it, or holding it with a host and the tasks that
    run there, or neither.
    """

    device: str
    claim: PlaceClaim | None = None
    host: Host | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    deaths: int = 0


def threads_each(count: int) -> int:
    """The cores of this machine shared out among so many; one at least."""
    return max(1, working_cores() // count)


class LocalExecutor:
    """Runs tasks on this machine: on each device as many side by side as the run has seats."""

    def __init__(self, directory: Path, spec: RunSpec, worker: str, lock: RunLock, host: Host | None = None):
        """`host` is one that has been started ahead; it is taken where it fits a device that is free at once."""
        self._directory = directory
        self._spec = spec
        self._command = command(worker, spec.experiment)
        self._lock = lock
        self._ahead = host
        self._places = [_Place(device) for device in spec.devices]
        self.threads = spec.threads or threads_each(len(self._places))
        self.seats = min(spec.seats, threads_each(self.threads))  # fewer where the run is resumed on fewer cores

    @property
    def hosts(self) -> tuple[tuple[int, int], ...]:
        """Pid and start time of each host."""
        found = [place.host.identity for place in self._places if place.host]
        return tuple((identity.pid, identity.start) for identity in found)

    @property
    def working(self) -> bool:
        """Whether a device is held."""
        return bool(self.hosts)

    @property
    def waits_for(self) -> str:
        """What keeps every task from running; empty if one can."""
        waiting = [place.claim.waits_for for place in self._places if place.claim and not place.host]
        return "" if self.working or not waiting else "; ".join(waiting)

    def claim(self, wanted: int) -> None:
        """Takes devices as they come free, for up to `wanted` tasks; gives back what is idle beyond that."""
        needed = -(-wanted // self.seats)
        for place in self._places:
            held = sum(place.host is not None for place in self._places)
            if place.host and not place.tasks and held > needed:
                self._vacate(place)
            elif not place.host and held < needed:
                place.claim = place.claim or PlaceClaim(devices_dir(), place.device, self._spec.id)
                if place.claim.take():
                    self._start_host(place, place.claim)
                else:
                    self._let_go()
            elif not place.host and place.claim:
                self._vacate(place)

    def idle(self) -> list[str]:
        """Devices whose host is warm, each as often as it has room for another task."""
        ready = [place for place in self._places if place.host and place.host.ready]
        return [place.device for place in ready for _ in range(self.seats - len(place.tasks))]

    def submit(self, device: str, task: Task, params: Sequence[Params]) -> None:
        """Starts a task on an idle device; `params` are those of its points."""
        place = next(place for place in self._places if place.device == device)
        assert place.host
        name = task_name(task.points)
        points = [{"index": index, "params": own} for index, own in zip(task.points, params, strict=True)]
        place.host.send({"task": name, "attempt": task.attempt, "points": points})
        place.tasks[name] = task

    def wait(self, seconds: float) -> list[Ending]:
        """The tasks that have ended, as soon as there are any. Raises WorkerError if hosts are of no use."""
        pipes = [place.host.pipe for place in self._places if place.host]
        if pipes:
            readable(pipes, seconds)
        else:
            time.sleep(seconds)
        return [ending for place in self._places for ending in self._look_at(place)]

    def kill(self) -> None:
        """Ends every task now; `close` waits until they are dead."""
        for place in self._places:
            if place.host:
                place.host.kill()

    def close(self) -> None:
        """Nothing runs and no device is held when this returns."""
        self.kill()
        self._let_go()
        for place in self._places:
            self._vacate(place)

    def _look_at(self, place: _Place) -> list[Ending]:
        if not place.host:
            return []
        endings = []
        for message in place.host.read():
            endings.append(Ending(place.tasks.pop(message["task"]), message["status"]))
            place.deaths = 0
        if place.host.dead:
            endings += [Ending(task, None) for task in place.tasks.values()]
            place.tasks.clear()
            self._bury(place, place.host)
        return endings

    def _bury(self, place: _Place, host: Host) -> None:
        place.deaths += 1
        failed_at_start = not host.ready and (host.status or 0) >= 0
        place.host = None
        if failed_at_start or place.deaths >= _RESTARTS:
            raise WorkerError(f"the worker for {place.device} does not run: {clean_line(host.last_words())}")
        assert place.claim
        self._start_host(place, place.claim)

    def _start_host(self, place: _Place, claim: PlaceClaim) -> None:
        setting = {
            "directory": str(self._directory),
            "device": place.device,
            "place": place.device,
            "seed": self._spec.seed,
            "threads": self.threads,
            "shares": True,
        }
        log = self._directory / "logs" / f"host-{self._places.index(place)}.log"
        place.host = self._taken(place.device) or Host(self._command, place.device)
        place.host.assign(setting, (self._lock.descriptor, *claim.descriptors), log)

    def _taken(self, device: str) -> Host | None:
        """The host that was started ahead, where it lives and is one for this device."""
        host = self._ahead
        if host is None or host.device != device:
            return None
        self._ahead = None
        host.read()
        return None if host.dead else host

    def _let_go(self) -> None:
        """A run that waits has no host, and none is kept that it cannot use."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _vacate(self, place: _Place) -> None:
        if place.host:
            place.host.close()
        if place.claim:
            place.claim.release()
        place.host = place.claim = None
        place.tasks.clear()
