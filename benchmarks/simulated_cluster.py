"""A cluster for `benchmarks.scale`, in the driver's own process: tasks that only sleep, and say so as nodes do."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.runtime.cluster.messages import BEGUN, ENDED, LINES, packed
from engine.runtime.encoding import dumps, loads


@dataclass(eq=False, slots=True)
class Stream:
    """A task: what it has said and nobody has taken, and whether it is over."""

    messages: deque[bytes] = field(default_factory=deque)
    over: bool = False

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        if not self.messages:
            raise StopIteration
        return self.messages.popleft()


class _Exceptions:
    RayError = OutOfMemoryError = RayTaskError = type("RayError", (Exception,), {})


class SimulatedCluster:
    """In place of the connection to a cluster and of the package ray: `workers` at once, `seconds` for each task.

    A task says that it has begun, then a value of a curve and its progress every second, then its result. `begun` is
    called when the first begins.
    """

    sources: dict[str, Any] = {}  # noqa: RUF012 - none
    exceptions = _Exceptions

    def __init__(self, workers: int, seconds: float, begun: Callable[[], None]):
        self.ray = self
        self._workers, self._seconds, self._begun = workers, seconds, begun
        self._due: list[tuple[float, int, Stream, bytes]] = []
        self._count = 0

    def room(self, cpus: int) -> int:
        """Tasks at once."""
        return self._workers // cpus

    def check(self) -> None:
        """It never goes."""

    def leave(self) -> None:
        """Nothing is left behind."""

    def put(self, piece: bytes) -> bytes:
        """As Ray's: a reference, here the piece itself."""
        return piece

    def get(self, message: bytes, timeout: float) -> bytes:
        """As Ray's."""
        return message

    def cancel(self, stream: Stream, force: bool) -> None:
        """As Ray's."""
        stream.messages.clear()
        stream.over = True

    def remote(self, **_: Any) -> Callable[[Any], "SimulatedCluster"]:
        """As Ray's decorator: what it gives takes options, and then arguments."""
        return lambda _function: self

    def options(self, **_: Any) -> "_Function":
        """As Ray's."""
        return _Function(self)

    def begin(self, order: bytes) -> Stream:
        """A task's whole life, to come."""
        if not self._count:
            self._begun()
        told, stream = loads(order), Stream()
        point = told["points"][0]["index"]
        said = [
            packed(BEGUN),
            _lines(None, False, ("start", {"points": [point], "params": [{}], "device": "node cpu"})),
        ]
        for second in range(1, int(self._seconds)):
            value = "metric", {"key": "loss", "step": float(second), "value": 1 / second}
            progress = "progress", {"done": float(second), "total": self._seconds, "text": "training"}
            said.append(_lines(point, False, value, progress))
        times = [0.0, *map(float, range(len(said) - 1)), self._seconds, self._seconds]
        said += [_lines(point, True, ("finished", {"accuracy": 0.9})), packed(ENDED, status=0)]
        now = time.monotonic()
        for after, message in zip(times, said, strict=True):
            self._count += 1
            heapq.heappush(self._due, (now + after, self._count, stream, message))
        return stream

    def wait(
        self, streams: Sequence[Stream], num_returns: int, timeout: float, fetch_local: bool
    ) -> tuple[list[Stream], list[Stream]]:
        """As Ray's: the streams with a message or an end."""
        until = time.monotonic() + timeout
        while True:
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, stream, message = heapq.heappop(self._due)
                stream.messages.append(message)
                stream.over = b'"status"' in message
            ready = [stream for stream in streams if stream.messages or stream.over]
            if ready or time.monotonic() >= until:
                return ready, []
            time.sleep(0.001)


@dataclass(frozen=True, slots=True)
class _Function:
    cluster: SimulatedCluster

    def remote(self, order: bytes, _goods: Any) -> Stream:
        return self.cluster.begin(order)


def _lines(point: int | None, durable: bool, *events: tuple[str, dict[str, Any]]) -> bytes:
    lines = [dumps({"ts": time.time(), "n": 0, "kind": kind, "point": point, "data": data}) for kind, data in events]
    return packed(LINES, "".join(f"{line}\n" for line in lines).encode(), durable=durable)
