"""A task on the cluster, as the driver sees it: its messages, applied in order to the run's folder, and its end."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.runtime.attempts import append_bytes, drop_checkpoints, events_in
from engine.runtime.cluster.messages import BEGUN, ENDED, LINES, PIECE, PRINTED, REFUSED, WHOLE, unpacked
from engine.runtime.cluster.parcels import Arrivals
from engine.runtime.executor import Task, WorkerError
from engine.runtime.files import is_disk_full
from engine.text import clean_line


@dataclass(slots=True)
class Flight:
    """`stream` gives references to messages; one that a full disk has put off waits in `pending`.

    `status` is the child's, None while it is not known; `spoke` says whether the node has begun.
    """

    task: Task
    directory: Path
    stream: Any
    arrivals: Arrivals = field(init=False)
    pending: bytes | None = None
    status: int | None = None
    spoke: bool = False

    def __post_init__(self) -> None:
        file = self.task.file(self.directory)
        aside = self.directory / "incoming" / f"{file.task}.{file.attempt}"
        self.arrivals = Arrivals(self.directory / "artifacts", aside)

    def take(self, message: bytes) -> None:
        """Applies a message; keeps it in `pending` where the disk is full. ValueError for what is none."""
        self.pending, self.spoke = message, True
        try:
            self._apply(*unpacked(message))
            self.pending = None
        except OSError as error:
            if not is_disk_full(error):
                raise

    def _apply(self, kind: str, facts: dict[str, Any], data: bytes) -> None:
        file = self.task.file(self.directory)
        if kind == LINES:
            append_bytes(file.path, data, durable=bool(facts["durable"]))
            if facts["durable"]:
                self._tidy(data)
        elif kind == PRINTED:
            append_bytes(file.log, data)
        elif kind == PIECE:
            self.arrivals.piece(data)
        elif kind == WHOLE:
            self.arrivals.whole(str(facts["name"]), str(facts["digest"]))
        elif kind == ENDED:
            self.status = None if facts["status"] is None else int(facts["status"])
        elif kind == REFUSED:
            raise WorkerError(f"the worker on {clean_line(str(facts['text']))}")
        elif kind != BEGUN:
            raise ValueError(f"{kind!r} is no message")

    def _tidy(self, lines: bytes) -> None:
        """Of checkpoints what the child has dropped on its node is dropped here."""
        for event in events_in(lines):
            if event.point is None:
                continue
            if event.kind == "checkpoint":
                drop_checkpoints(self.directory, event.point, but=int(event.data["step"]))
            elif event.kind in ("finished", "pruned"):
                drop_checkpoints(self.directory, event.point)
