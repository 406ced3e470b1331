"""Recorded runs for the screens: made in memory, or written to disk through the runtime's own writers."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.runtime.attempts import AttemptFile, AttemptLog, task_name
from engine.runtime.context import Context
from engine.runtime.records import PointRecord, Progress, RunRecord
from engine.runtime.runs import create_run
from tui_app.interactive import Interactive
from tui_app.runs.source import Reader

NOW = 1_790_000_000.0  # the frozen clock of the tests
BASELINE = {
    "accuracy": 0.8612,
    "accuracy_low": 0.8569,
    "accuracy_high": 0.8655,
    "loss": 0.331,
    "samples": 25_000,
    "bytes": 17_548_776,
}
WIDTHS = (2, 3, 4, 5, 6, 8, 12, 16)


def accuracy_of(width: int, mode: str) -> float:
    """A plausible curve: chance at few bits, the baseline at many; training gains a few bits."""
    return 0.5 + 0.3612 / (1 + math.exp(-1.9 * (width - (2.2 if mode == "qat" else 3.1))))


def result_of(width: int, mode: str) -> dict[str, Any]:
    """What a quantize point reports."""
    accuracy = accuracy_of(width, mode)
    return {
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.0043,
        "accuracy_high": accuracy + 0.0043,
        "validation_accuracy": accuracy + 0.001,
        "validation_samples": 2500,
        "loss": 1.05 - accuracy,
        "delta": accuracy - BASELINE["accuracy"],
        "delta_low": accuracy - BASELINE["accuracy"] - 0.003,
        "delta_high": accuracy - BASELINE["accuracy"] + 0.003,
        "bytes": 15_800_000 + 54_000 * width,
        "compression": 1.1,
        "sqnr_db": 6.02 * width - 4.5,
        "zeros": 0.6 / width,
        "saturated": 0.001,
        "layers": [],
    }


def run_record(
    run_id: str,
    *,
    name: str = "bert-tiny imdb",
    state: str = "finished",
    widths: Sequence[int] = WIDTHS,
    modes: Sequence[str] = ("ptq",),
    done: int | None = None,
    fraction: float = 0.61,
    age: float = 3600.0,
    config: Mapping[str, Any] | None = None,
    error: Mapping[str, str] | None = None,
    problem: str = "",
    losses: Sequence[float] = (),
) -> RunRecord:
    """A quantize run whose first `done` points have finished `age` seconds before NOW; the next one runs or failed."""
    params: list[dict[str, Any]] = [{"mode": m, "format": f"fixed({w})", "width": w} for m in modes for w in widths]
    done = len(params) if done is None else done
    created = NOW - age
    points = []
    for index, one in enumerate(params):
        point = PointRecord(index, one)
        if index < done:
            at = created + 20 * index
            result = result_of(one["width"], one["mode"])
            curve = {"loss": tuple((float(n), value) for n, value in enumerate(losses))} if losses else {}
            point = replace(point, state="finished", attempt=1, started=at, ended=at + 20, result=result, metrics=curve)
        elif index == done and state == "running":
            doing = Progress(fraction, 1.0, "evaluating", trained=fraction)
            point = replace(point, state="running", attempt=1, started=created + 20 * index, progress=doing)
        elif index == done and error is not None:
            at = created + 20 * index
            point = replace(point, state="failed", attempt=1, started=at, ended=at + 5, error=dict(error))
        points.append(point)
    over = state in ("finished", "failed", "cancelled")
    settings = {"model": "builtin", "data": "builtin", "widths": list(widths), "modes": list(modes), "seed": 0}
    return RunRecord(
        id=run_id,
        name=name,
        experiment="quantize",
        state=state,  # type: ignore[arg-type]
        config=settings | dict(config or {}),
        path=Path("runs") / run_id,
        created=created,
        started=created + 1 if points and state != "queued" else None,
        ended=created + min(20 * (done + 1), 0.9 * age) if over else None,
        devices=("cpu",),
        notes={"baseline": BASELINE} if done else {},
        problem=problem,
        points=tuple(points),
    )


class MemorySource:
    """Runs in memory in place of the state folder; `put` and `drop` change them while an app looks on."""

    def __init__(self, *records: RunRecord) -> None:
        self.records = {record.id: record for record in records}
        self.version = {record.id: 1 for record in records}
        self.trouble: OSError | None = None
        self._listed = True

    def put(self, record: RunRecord) -> None:
        self.version[record.id] = self.version.get(record.id, 0) + 1
        self._listed = self._listed or record.id not in self.records
        self.records[record.id] = record

    def drop(self, run_id: str) -> None:
        del self.records[run_id]
        self._listed = True

    def paths(self) -> list[Path] | None:
        if self.trouble is not None:
            raise self.trouble
        if not self._listed:
            return None
        self._listed = False
        ordered = sorted(self.records.values(), key=lambda record: record.created, reverse=True)
        return [record.path for record in ordered]

    def read(self, path: Path) -> RunRecord:
        return self.records[path.name]

    def reader(self, path: Path) -> Reader:
        return _MemoryReader(self, path.name)

    def stamp(self, path: Path) -> int:
        return self.version[path.name]


class _MemoryReader:
    def __init__(self, source: MemorySource, name: str) -> None:
        self._source, self._name, self._seen = source, name, 0

    def poll(self) -> RunRecord | None:
        version = self._source.version[self._name]
        if version == self._seen:
            return None
        self._seen = version
        return self._source.records[self._name]

    def close(self) -> None:
        self._seen = 0


class NoWorker(Interactive):
    """In place of the warm worker: nothing is started, and no question is ever answered."""

    def start(self) -> None:
        pass

    async def ask(self, what: str, **values: Any) -> Any:
        await asyncio.get_running_loop().create_future()


def write_run(
    *,
    name: str = "bert-tiny imdb",
    widths: Sequence[int] = WIDTHS,
    modes: Sequence[str] = ("ptq",),
    done: int | None = None,
    error: Exception | None = None,
    config: Mapping[str, Any] | None = None,
    models: bool = False,
) -> Path:
    """A run in the state folder as a driver and its children would have left it; after `done` points it broke off.

    With `models` each point keeps a folder, empty, where its model would be.
    """
    params: list[dict[str, Any]] = [{"mode": m, "format": f"fixed({w})", "width": w} for m in modes for w in widths]
    settings = {"model": "builtin", "data": "builtin", "widths": list(widths), "modes": list(modes)} | dict(
        config or {}
    )
    directory = create_run(experiment="quantize", config=settings, points=params, name=name, versions={"python": "3"})
    for index, one in enumerate(params[: len(params) if done is None else done]):
        log = AttemptLog.create(AttemptFile.of(directory, task_name([index]), 1).path)
        log.emit("start", index, {"points": [index], "device": "cpu"})
        context = Context(log.emit, device="cpu", directory=directory)
        if index == 0:
            context.note(baseline=BASELINE)
        for step in range(5):
            context.metric(index, "loss", 0.9 / (step + 1), step)
        result = result_of(one["width"], one["mode"])
        if models:
            folder = context.artifact("points", str(index), "model")
            folder.mkdir(parents=True)
            result["model"] = str(folder.relative_to(directory))
        context.finish(index, result)
    if error is not None and done is not None:
        log = AttemptLog.create(AttemptFile.of(directory, task_name([done]), 1).path)
        log.emit("start", done, {"points": [done], "device": "cpu"})
        what = {"type": type(error).__name__, "message": str(error), "traceback": "Traceback (most recent call last)\n"}
        log.emit("failed", done, what, durable=True)
    return directory
