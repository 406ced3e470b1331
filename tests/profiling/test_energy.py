"""Joules of calls, by counters that are files or a GPU's."""

from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.profiling import energy
from engine.runtime.devices import Reading


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(energy, "SECONDS", 0.0)
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)


def zone(folder: Path, name: str, label: str, microjoules: int, full: int = 1_000_000) -> Path:
    place = folder / name
    place.mkdir()
    for file, value in (("name", label), ("energy_uj", microjoules), ("max_energy_range_uj", full)):
        (place / file).write_text(f"{value}\n")
    return place / "energy_uj"


def test_packages_are_added_and_their_parts_are_not(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    part = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    whole = zone(tmp_path, "intel-rapl:2", "psys", 0)

    def call() -> None:
        for file, value in ((first, 300_100), (second, 200_000), (part, 50_000), (whole, 900_000)):
            file.write_text(str(value))

    with energy.counter("cpu") as counter:
        assert counter.of_call(call, "cpu") == pytest.approx(0.5)


def test_a_counter_that_is_full_begins_again(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    with energy.counter("cpu") as counter:
        assert counter.of_call(lambda: file.write_text("100000"), "cpu") == pytest.approx(0.2)


def test_energy_is_that_of_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0, 1 << 40)
    times = iter([0.0, 0.5, 1.0, 2.5])
    monkeypatch.setattr(energy, "SECONDS", 2.0)
    monkeypatch.setattr(energy, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with energy.counter("cpu") as counter:
        one = counter.of_call(lambda: file.write_text(str(int(file.read_text()) + 3_000_000)), "cpu")
    assert one == pytest.approx(3.0)


def test_why_nothing_is_counted(tmp_path: Path) -> None:
    with energy.counter("cpu") as counter:
        assert counter.of_call(lambda: None, "cpu") is None
        assert counter.why == "this machine has no counter of its processors' energy (RAPL)"
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    file.unlink()
    file.mkdir()  # root reads everything: an error of another kind stands for the one that others get
    with energy.counter("cpu") as counter:
        assert counter.why.endswith("can be read by root alone")


@pytest.mark.parametrize("known", [True, False])
def test_a_gpu_is_read_by_its_uuid(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    joules = iter([100.0, 100.0, 150.0])
    seen: list[Any] = []

    @contextmanager
    def watching(ids: list[str]) -> Any:
        def look() -> Mapping[str, Reading]:
            seen.append(ids)
            return {ids[0]: Reading(None, 0, None, next(joules) if known else None)}

        yield look

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="abc"))
    monkeypatch.setattr(energy, "watching", watching)
    monkeypatch.setattr(energy, "synchronize", lambda _: None)
    with energy.counter("cuda:0") as counter:
        assert counter.of_call(lambda: None, "cuda:0") == (50.0 if known else None)
        assert counter.why == ("" if known else "this GPU counts none (NVML)")
    assert seen[0] == ["GPU-abc"]
