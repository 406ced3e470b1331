"""The Ray executor: a Ray task for each task, its messages written into the run's folder by the driver alone.

An attempt is heard as long as its stream lasts and never again: what a node that was given up goes on to compute is
recorded nowhere, and its points are computed again, as after `kill -9` at home.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.runtime.attempts import task_name
from engine.runtime.cluster.connection import Connection
from engine.runtime.cluster.flight import Flight
from engine.runtime.cluster.orders import Orders
from engine.runtime.cluster.parcels import BrokenFileError
from engine.runtime.cluster.plan import PLACE, ClusterPlan
from engine.runtime.executor import Ending, Task, WorkerError
from engine.runtime.files import discard
from engine.runtime.records import Params
from engine.runtime.spec import RunSpec
from engine.text import clean_line

_LOSSES = 5
"""How often in a row a task may be lost with its node or its worker."""
_UNREAD = 16
"""Messages that a node may be ahead of the driver; then its task waits. A message holds a megabyte at most."""
_ROUNDS = 32
"""Messages of a task that are taken in at a time."""
_FETCH_SECONDS, _END_SECONDS = 60.0, 5.0


class RayExecutor:
    """Runs tasks on an existing cluster, as many at once as the run has seats and the cluster has room."""

    hosts = ()  # the processes that compute are Ray's: they end with the connection

    def __init__(self, directory: Path, spec: RunSpec, worker: str):
        names = tuple(spec.cluster.get("names", ()))
        self._directory = directory
        self._spec = spec
        self._plan = ClusterPlan(**spec.cluster | {"names": names})
        self._threads = spec.threads or 1
        self._orders = Orders(directory, spec, self._plan, worker, self._threads)
        self._connection: Connection | None = None
        self._remote: Any = None
        self._standing: Any = None
        self._flights: dict[str, Flight] = {}
        self._losses: Counter[str] = Counter()
        self._worked = False

    @property
    def working(self) -> bool:
        """Whether a node has begun with a task."""
        return self._worked

    @property
    def waits_for(self) -> str:
        """In words."""
        connection = self._connection
        if connection is None or connection.ray is None:
            return f"joining the Ray cluster at {self._plan.address}"
        if not connection.room(self._threads):
            gpus = f" and {self._plan.gpus:g} GPU" if self._plan.gpus else ""
            return f"waiting for a node with {self._threads} CPU{gpus} in the Ray cluster"
        begun = any(flight.spoke for flight in self._flights.values())
        return "waiting for room in the Ray cluster" if self._flights and not begun else ""

    def claim(self, wanted: int) -> None:
        """Joins the cluster once there is something to do."""
        if wanted and self._connection is None:
            discard(self._directory / "incoming")  # of a driver that was killed
            self._connection = Connection(self._plan, self._directory)

    def idle(self) -> list[str]:
        """The cluster, as often as it has room."""
        connection = self._connection
        if connection is None or connection.ray is None:
            return []
        seats = min(self._spec.seats, connection.room(self._threads))
        return [PLACE] * (seats - len(self._flights))

    def submit(self, device: str, task: Task, params: Sequence[Params]) -> None:
        """Hands the task to Ray, never to be tried again by it."""
        assert self._connection is not None
        ray = self._connection.ray
        if self._remote is None:
            self._remote = ray.remote(num_returns="streaming", max_retries=0, max_calls=1)(_remote_task())
            self._standing = ray.put(self._orders.standing)
        name = task_name(task.points)
        options = self._remote.options(
            name=f"labtui {self._spec.id} {name}.{task.attempt}",
            num_cpus=self._threads,
            num_gpus=self._plan.gpus,
            scheduling_strategy="SPREAD",
            _generator_backpressure_num_objects=_UNREAD,
        )
        goods = {
            "standing": [self._standing],
            "parcels": [parcel.plain() for parcel in self._orders.parcels(task, params, ray.put)],
            "sources": {text: source.plain() for text, source in self._connection.sources.items()},
        }
        stream = options.remote(self._orders.order(task, params), goods)
        self._flights[name] = Flight(task, self._directory, stream)

    def wait(self, seconds: float) -> list[Ending]:
        """The tasks that have ended, as soon as there are any. Raises WorkerError where the cluster is of no use."""
        if self._connection is not None:
            self._connection.check()
        if not self._flights:
            time.sleep(seconds)
            return []
        put_off = [flight for flight in self._flights.values() if flight.pending is not None]
        for number in range(_ROUNDS):
            ready = self._ready(0.0 if number else seconds)
            endings = [ending for flight in (*ready, *put_off) if (ending := self._advance(flight))]
            if not ready or endings:
                return endings
            put_off = []
        return []

    def kill(self) -> None:
        """Ends every task now; `close` waits until they are dead."""
        for flight in self._flights.values():
            self._cancel(flight)

    def close(self) -> None:
        """Nothing runs for this driver when this returns, but on nodes that cannot be reached any more."""
        self.kill()
        deadline = time.monotonic() + _END_SECONDS
        while self._flights and time.monotonic() < deadline:
            for flight in self._ready(0.1):
                if next(flight.stream, None) is None:
                    self._drop(flight)
        self._flights.clear()
        if self._connection is not None:
            self._connection.leave()
        discard(self._directory / "incoming")

    def _ready(self, seconds: float) -> list[Flight]:
        """The flights with a message or an end, but for those that wait for room on the disk."""
        assert self._connection is not None
        streams = {flight.stream: flight for flight in self._flights.values() if flight.pending is None}
        if not streams:
            time.sleep(seconds)
            return []
        ray = self._connection.ray
        found, _ = ray.wait(list(streams), num_returns=len(streams), timeout=seconds, fetch_local=False)
        return [streams[one] for one in found]

    def _advance(self, flight: Flight) -> Ending | None:
        """Takes in the next message; the ending where there is none any more."""
        assert self._connection is not None
        ray = self._connection.ray
        try:
            message = flight.pending
            if message is None:
                reference = next(flight.stream, None)
                if reference is None:
                    return self._ended(flight, flight.status)
                message = ray.get(reference, timeout=_FETCH_SECONDS)
            flight.take(message)
        except ray.exceptions.OutOfMemoryError:
            return self._ended(flight, -signal.SIGKILL)
        except ray.exceptions.RayTaskError as error:
            raise WorkerError(f"a worker does not run: {clean_line(str(error.cause))}") from None
        except (ray.exceptions.RayError, BrokenFileError, KeyError, TypeError, ValueError):
            return self._ended(flight, flight.status)
        self._worked = True
        return None

    def _ended(self, flight: Flight, status: int | None) -> Ending:
        """Raises WorkerError where the task has been lost again and again."""
        name = task_name(flight.task.points)
        self._losses[name] = self._losses[name] + 1 if status is None else 0
        if self._losses[name] >= _LOSSES:
            raise WorkerError(f"task {name} has been lost with its node {_LOSSES} times in a row")
        if status is None:
            self._cancel(flight)
        self._drop(flight)
        return Ending(flight.task, status)

    def _cancel(self, flight: Flight) -> None:
        assert self._connection is not None
        self._connection.ray.cancel(flight.stream, force=True)

    def _drop(self, flight: Flight) -> None:
        flight.arrivals.discard()
        self._flights.pop(task_name(flight.task.points), None)


def _remote_task() -> Callable[[bytes, dict[str, Any]], Iterator[bytes]]:
    """What a node is sent. It travels as code, so that it can say that labtui is not there."""

    def labtui_task(order: bytes, goods: dict[str, Any]) -> Iterator[bytes]:
        import ray

        try:
            from engine.runtime.cluster.node import serve
        except ImportError as error:
            import json
            import socket

            text = f"{socket.gethostname()} cannot load labtui ({error}); install there what is installed here."
            yield json.dumps({"kind": "refused", "text": text}).encode()
            return
        yield from serve(order, goods, ray.get)

    return labtui_task
