"""`resources.jsonl`: what a run takes while it works, a line for each stretch of time, never more than `MOST` lines.

The driver looks at the processes below it and at the run's GPUs. When the file is full, lines are merged two by two and
each later one stands for twice as long: of a long run the whole is kept, less finely.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.runtime.devices import Reading, gpus_of, watching
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import open_private, read_private, replace
from engine.runtime.records import PointRecord

MOST = 720
SECONDS = 1.0
_NAME = "resources.jsonl"


@dataclass(frozen=True, slots=True)
class Gpu:
    """Means over a stretch of time, `memory` its maximum: `busy` between 0 and 1, bytes, watts; None: not known."""

    busy: float | None = None
    memory: int = 0
    power: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The `every` seconds before `ts` (Unix seconds).

    `cpu` is how many cores the run's processes kept busy, `machine` the busy share of all cores, `memory` the bytes
    that the run's processes held at most; `gpus` are those of the run, by UUID.
    """

    ts: float
    every: float
    cpu: float
    machine: float
    memory: int
    gpus: Mapping[str, Gpu] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a point took: core seconds; peaks of the run's processes and of its GPU in bytes; `energy` in joules.

    What several points took together on one device is shared out among them, but for the peaks.
    """

    cpu_seconds: float
    peak_memory: int
    gpu_peak_memory: int | None
    energy: float | None


def read_samples(directory: Path) -> list[Sample]:
    """All there is, in order; lines that a disk or a hand has spoilt are left out."""
    try:
        lines = read_private(directory / _NAME).splitlines()
    except OSError:
        return []
    return [sample for line in lines[: 2 * MOST] if (sample := _parsed(line)) is not None]


@lru_cache(maxsize=4 * MOST)
def _parsed(line: bytes) -> Sample | None:
    """Kept: who follows a run reads the same lines every second."""
    try:
        found = loads(line)
        gpus = {str(name): Gpu(**one) for name, one in dict(found.pop("gpus")).items()}
        sample = Sample(**found, gpus=gpus)
        numbers = (sample.ts, sample.every, sample.cpu, sample.machine, sample.memory)
        return sample if all(isinstance(one, int | float) for one in numbers) and sample.every > 0 else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def taken(samples: Sequence[Sample], points: Sequence[PointRecord]) -> dict[int, Taken]:
    """What each point with a beginning and an end took, where a sample covers part of it."""
    spans = [
        _Span(point.index, point.device or "", point.started, point.ended)
        for point in points
        if point.started is not None and point.ended is not None
    ]
    spans.sort(key=lambda span: span.started, reverse=True)
    active: list[_Span] = []
    found: dict[int, Taken] = {}
    for sample in sorted(samples, key=lambda sample: sample.ts):
        while spans and spans[-1].started < sample.ts:
            active.append(spans.pop())
        active = [span for span in active if span.ended > sample.ts - sample.every]
        for span in active:
            found[span.point] = _more(found.get(span.point), span, sample, active)
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    point: int
    device: str
    started: float
    ended: float

    def inside(self, sample: Sample) -> tuple[float, float]:
        """The part of it that a sample covers."""
        return max(self.started, sample.ts - sample.every), min(self.ended, sample.ts)


def _more(before: Taken | None, span: _Span, sample: Sample, active: Sequence[_Span]) -> Taken:
    """What is known of a point after one more sample."""
    begin, end = span.inside(sample)
    before = before or Taken(0.0, 0, None, None)
    cpu = sample.cpu * (end - begin) / _at_once(active, sample)
    gpu_peak, energy = before.gpu_peak_memory, before.energy
    if held := [sample.gpus[gpu] for gpu in gpus_of(span.device) if gpu in sample.gpus]:
        gpu_peak = max(gpu_peak or 0, sum(gpu.memory for gpu in held))
    if powers := [gpu.power for gpu in held if gpu.power is not None]:
        beside = [other for other in active if other.device == span.device]
        energy = (energy or 0.0) + sum(powers) * (end - begin) / _at_once(beside, sample)
    return Taken(before.cpu_seconds + cpu, max(before.peak_memory, sample.memory), gpu_peak, energy)


def _at_once(spans: Sequence[_Span], sample: Sample) -> float:
    """How many of these ran at once, on average, while any did; they stand in the order of their beginnings."""
    total = covered = 0.0
    reached = sample.ts - sample.every
    for begin, end in (span.inside(sample) for span in spans):
        total += end - begin
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total / covered if covered > 0 else 1.0


class Recorder:
    """The writer's end: adds samples, and keeps the file bounded."""

    def __init__(self, directory: Path):
        self._path = directory / _NAME
        self._samples = read_samples(directory)
        self.every = SECONDS
        while self._samples and self._samples[-1].every > 1.5 * self.every:
            self.every *= 2

    def add(self, sample: Sample) -> None:
        """On a full disk the sample is lost, nothing else."""
        self._samples.append(sample)
        with suppress(OSError):
            if len(self._samples) >= MOST:
                self._samples, self.every = merged(self._samples), 2 * self.every
                replace(self._path, b"".join(map(_line, self._samples)))
                return
            descriptor = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            try:
                os.write(descriptor, _line(sample))
            finally:
                os.close(descriptor)


def _line(sample: Sample) -> bytes:
    return dumps(asdict(sample)).encode() + b"\n"


def merged(samples: Sequence[Sample]) -> list[Sample]:
    """Two by two: means by their time, the larger memory. What stands on both sides of a pause is left apart."""
    result: list[Sample] = []
    place = 0
    while place < len(samples):
        pair = samples[place : place + 2]
        joined = len(pair) == 2 and pair[1].ts - pair[1].every - pair[0].ts < pair[1].every
        result.append(_joined(*pair) if joined else pair[0])
        place += 2 if joined else 1
    return result


def _joined(one: Sample, other: Sample) -> Sample:
    whole = one.every + other.every

    def mean(a: float, b: float) -> float:
        return (a * one.every + b * other.every) / whole

    def known(a: float | None, b: float | None) -> float | None:
        return mean(a, b) if a is not None and b is not None else b if a is None else a

    gpus = {}
    for name in {**one.gpus, **other.gpus}:
        a, b = one.gpus.get(name, Gpu()), other.gpus.get(name, Gpu())
        gpus[name] = Gpu(known(a.busy, b.busy), max(a.memory, b.memory), known(a.power, b.power))
    cpu, machine = mean(one.cpu, other.cpu), mean(one.machine, other.machine)
    return Sample(other.ts, whole, cpu, machine, max(one.memory, other.memory), gpus)


@contextmanager
def recorded(directory: Path, devices: Sequence[str]) -> Iterator[None]:
    """Records what this process's children and the run's GPUs do, in a thread, until the block ends."""
    over = threading.Event()
    thread = threading.Thread(target=_record, args=(directory, devices, over), name="resources", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(2 * SECONDS)


def _record(directory: Path, devices: Sequence[str], over: threading.Event) -> None:
    with ExitStack() as stack, suppress(OSError, ImportError):
        look = stack.enter_context(watching([gpu for device in devices for gpu in gpus_of(device)]))
        recorder, gauge = Recorder(directory), _Gauge(look)
        while not over.wait(recorder.every):
            recorder.add(gauge.sample())
        if gauge.age > 0.1:  # the last stretch, so that a short run has one too
            recorder.add(gauge.sample())


class _Gauge:
    """Differences between two looks at the counters of processes and GPUs."""

    def __init__(self, look: Callable[[], Mapping[str, Reading]]):
        import psutil

        self._psutil: Any = psutil
        self._look = look
        self._me = psutil.Process()
        self._cores = psutil.cpu_count() or 1
        psutil.cpu_percent()
        self._at, self._seconds, self._before = time.monotonic(), self._cpu_seconds()[0], look()

    @property
    def age(self) -> float:
        """Seconds since the last look."""
        return time.monotonic() - self._at

    def sample(self) -> Sample:
        now, (seconds, memory), readings = time.monotonic(), self._cpu_seconds(), self._look()
        every = max(1e-3, now - self._at)
        gpus = {name: self._gpu(self._before.get(name), one, every) for name, one in readings.items()}
        cpu = max(0.0, seconds - self._seconds) / every
        sample = Sample(time.time(), every, cpu, self._psutil.cpu_percent() / 100, memory, gpus)
        self._at, self._seconds, self._before = now, seconds, readings
        return sample

    def _gpu(self, before: Reading | None, now: Reading, every: float) -> Gpu:
        power = now.power
        if before is not None and before.energy is not None and now.energy is not None:
            power = max(0.0, now.energy - before.energy) / every
        return Gpu(now.busy, now.memory, power)

    def _cpu_seconds(self) -> tuple[float, int]:
        """Of all processes below this one, those that have ended included; and the memory that they hold: of each host
        all, of its children what they do not share with it.
        """
        seconds, memory = sum(self._me.cpu_times()[2:4]), 0
        for host in self._me.children():
            with suppress(self._psutil.Error):
                held = host.memory_info()
                seconds += sum(host.cpu_times()[:4])
                memory += held.rss
                for child in host.children(recursive=True):
                    with suppress(self._psutil.Error):
                        seconds += sum(child.cpu_times()[:4])
                        memory += max(0, _own(child.memory_info()) - _own(held))
        return seconds, memory


def _own(held: Any) -> int:
    """Bytes that a process has not from files: a fresh child has those of its host, copied once it writes to them."""
    return int(held.rss - held.shared)
