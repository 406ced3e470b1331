"""What a run took from the machine, as figures, facts and words: read from its file of samples."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from engine.figures.figure import Figure, Series
from engine.figures.units import in_bytes, in_seconds
from engine.runtime.records import RunRecord
from engine.runtime.resources import Sample, Taken, read_samples, taken


def samples_of(run: RunRecord) -> Sequence[Sample]:
    """The samples of a run, read again only when the file has changed."""
    path = run.path / "resources.jsonl"
    try:
        status = path.stat()
    except OSError:
        return ()
    return _read(run.path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(directory: Path, changed: int, size: int) -> Sequence[Sample]:
    return tuple(read_samples(directory))


def taken_by(run: RunRecord) -> Mapping[int, Taken]:
    """What each point that has ended took, by its index."""
    return taken(samples_of(run), run.points)


def figures(run: RunRecord) -> list[Figure]:
    """Load, memory and power against time: no figure until there are two samples."""
    samples = samples_of(run)
    if len(samples) < 2:
        return []
    began = samples[0].ts - samples[0].every
    times = tuple(sample.ts - began for sample in samples)
    gpus = list(dict.fromkeys(name for sample in samples for name in sample.gpus))
    names = {name: "GPU" if len(gpus) == 1 else f"GPU {place}" for place, name in enumerate(gpus)}

    def of_gpu(field: str, slot: int) -> list[Series]:
        found = []
        for place, name in enumerate(gpus):
            known = [
                (time, value)
                for time, sample in zip(times, samples, strict=True)
                if (gpu := sample.gpus.get(name)) is not None and (value := getattr(gpu, field)) is not None
            ]
            if known:
                xs, ys = zip(*known, strict=True)
                found.append(Series(names[name], xs, ys, slot=slot + place))
        return found

    machine = Series("all cores", times, tuple(sample.machine for sample in samples))
    memory = Series("processes", times, tuple(float(sample.memory) for sample in samples))
    drawn = [
        ("load", "Load of the machine", "Busy", "percent", [machine, *of_gpu("busy", 1)]),
        ("memory", "Memory of the run", "Memory", "bytes", [memory, *of_gpu("memory", 1)]),
        ("power", "Power of the GPUs", "Watts", "number", of_gpu("power", 1)),
    ]
    return [
        Figure(
            f"resources-{key}",
            title,
            "Time",
            label,
            tuple(series),
            x_unit="seconds",
            y_unit=unit,  # type: ignore[arg-type]
            y_range=(0.0, 1.0) if unit == "percent" else None,
        )
        for key, title, label, unit, series in drawn
        if series
    ]


def in_words(run: RunRecord) -> str:
    """How much a run at work takes now, or took at most: `1.9 cores, 412 MB, GPU 83 %, 12.1 GB, 310 W`."""
    samples = samples_of(run)
    if not samples:
        return ""
    shown = samples[-1:] if run.active else samples
    parts = [f"{max(one.cpu for one in shown):.1f} cores", in_bytes(max(one.memory for one in shown))]
    for name in shown[-1].gpus:
        gpus = [one.gpus[name] for one in shown if name in one.gpus]
        busy, power = ([value for gpu in gpus if (value := getattr(gpu, key)) is not None] for key in ("busy", "power"))
        parts += [f"GPU {100 * max(busy):.0f} %"] * bool(busy) + [in_bytes(max(gpu.memory for gpu in gpus))]
        parts += [f"{max(power):.0f} W"] * bool(power)
    return ("now " if run.active else "at most ") + ", ".join(parts)


def facts(one: Taken) -> list[tuple[str, str]]:
    """What a point took, each with its name."""
    found = [("cpu time", in_seconds(one.cpu_seconds)), ("process memory", in_bytes(one.peak_memory))]
    if one.gpu_peak_memory is not None:
        found.append(("gpu memory", in_bytes(one.gpu_peak_memory)))
    if one.energy is not None:
        found.append(("gpu energy", f"{one.energy:,.0f} J"))
    return found
