"""What a run is computed on, in words."""

from pathlib import Path

import pytest

from engine.runtime import hardware
from engine.runtime.devices import Device


def test_processor_cores_memory_and_gpus_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text("processor\t: 0\nmodel name\t: Intel  Xeon @ 2.50GHz\nprocessor\t: 1\n")
    monkeypatch.setattr(hardware, "_FACTS", facts)
    monkeypatch.setattr(hardware, "usable_cores", lambda: 16)
    card = ("NVIDIA H100", 80_000_000_000)
    found = [Device("GPU-a", *card), Device("GPU-b", *card), Device("cpu", "CPU", 128_000_000_000)]
    monkeypatch.setattr(hardware, "available", lambda: found)
    assert hardware.hardware() == "Intel Xeon @ 2.50GHz (16 cores, 128 GB), 2 × NVIDIA H100 (80 GB)"
    facts.unlink()
    monkeypatch.setattr(hardware, "available", lambda: found[-1:])
    monkeypatch.setattr(hardware, "usable_cores", lambda: 1)
    assert hardware.hardware() == "a processor that does not name itself (1 core, 128 GB)"
