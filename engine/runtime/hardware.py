"""What a run is computed on, in words: a paper's tables name it."""

from contextlib import suppress
from pathlib import Path

from engine.runtime.cores import usable_cores
from engine.runtime.devices import CPU, available

_FACTS = Path("/proc/cpuinfo")
_NAMES = ("model name", "Model", "Hardware")


def hardware() -> str:
    """`Intel Xeon Gold 6240 (16 cores, 64 GB), NVIDIA H100 (80 GB)`: the cores are those that may be used."""
    found = available()
    host = next(device for device in found if device.id == CPU)
    cores = usable_cores()
    parts = [f"{_processor()} ({cores:,} core{'s' * (cores > 1)}, {_size(host.memory_bytes)})"]
    gpus = [f"{device.name} ({_size(device.memory_bytes)})" for device in found if device.id != CPU]
    parts += [name if gpus.count(name) == 1 else f"{gpus.count(name)} × {name}" for name in dict.fromkeys(gpus)]
    return ", ".join(parts)


def _processor() -> str:
    with suppress(OSError, UnicodeDecodeError):
        for line in _FACTS.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in _NAMES and value.strip():
                return " ".join(value.split())
    return "a processor that does not name itself"


def _size(memory: int) -> str:
    return f"{memory / 1e9:.0f} GB"
