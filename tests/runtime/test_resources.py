"""What a run takes: sampled by its driver, bounded, shared out among points."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine.experiments import taken as machine
from engine.runtime import control, resources
from engine.runtime.devices import Reading
from engine.runtime.encoding import dumps
from engine.runtime.records import PointRecord
from engine.runtime.resources import Gpu, Recorder, Sample, Taken, merged, read_samples, taken
from engine.runtime.runs import read_run
from tests.faults.helpers import toy_run, wait_until_idle


def sample(ts: float, every: float = 1.0, cpu: float = 2.0, memory: int = 100, power: float | None = 50.0) -> Sample:
    return Sample(ts, every, cpu, 0.5, memory, {"GPU-1": Gpu(0.5, 10 * memory, power)})


def point(index: int, started: float, ended: float, device: str = "GPU-1") -> PointRecord:
    return PointRecord(index, {}, "finished", 1, device, started, ended, {})


def test_a_point_on_several_gpus_takes_what_all_of_them_do() -> None:
    pair = {"A": Gpu(1.0, 50, 100.0), "B": Gpu(0.5, 70, 30.0)}
    both = [replace(sample(ts), gpus=pair) for ts in (1.0, 2.0)]
    found = taken(both, [point(0, 0.0, 2.0, "A,B"), point(1, 0.0, 2.0, "C,D")])
    assert (found[0].gpu_peak_memory, found[0].energy) == (120, pytest.approx(260.0))
    assert (found[1].gpu_peak_memory, found[1].energy) == (None, None)


def test_a_driver_records_what_its_processes_take() -> None:
    path = toy_run(["work"] * 2, steps=40, pause=0.02)
    control.start(path)
    wait_until_idle(path)
    samples = read_samples(path)
    assert samples
    assert all(0 < one.every < 30 and 0 <= one.machine <= 1 for one in samples)
    assert max(one.memory for one in samples) > 1 << 20
    assert sum(one.cpu * one.every for one in samples) > 0
    run = read_run(path)
    assert machine.taken_by(run).keys() == {0, 1}
    assert "cores" in machine.in_words(run)


def test_the_file_stays_bounded_and_loses_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST", 16)
    recorder, ts = Recorder(tmp_path), 1000.0
    for _ in range(100):
        ts += recorder.every
        recorder.add(sample(ts, recorder.every))
    kept = read_samples(tmp_path)
    assert len(kept) <= 16
    assert sum(one.every for one in kept) == pytest.approx(ts - 1000.0)
    assert Recorder(tmp_path).every == recorder.every > 1.0
    assert sum(one.cpu * one.every for one in kept) == pytest.approx(2.0 * (ts - 1000.0))


def test_merging_keeps_means_and_peaks_and_respects_pauses() -> None:
    one, two = merged([sample(1.0, cpu=1.0, memory=5), sample(4.0, every=3.0, cpu=3.0, memory=4), sample(90.0)])
    assert (one.every, one.cpu, one.memory, one.gpus["GPU-1"].memory) == (4.0, 2.5, 5, 50)
    assert two == sample(90.0)
    apart = [sample(1.0), sample(50.0)]
    assert merged(apart) == apart


def test_points_share_what_they_took_together() -> None:
    samples = [sample(float(ts), memory=ts) for ts in range(1, 11)]
    alone = taken(samples, [point(0, 2.0, 4.5)])
    assert alone == {0: Taken(pytest.approx(5.0), 5, 50, pytest.approx(125.0))}
    together = taken(samples, [point(0, 0.25, 0.75), point(1, 0.25, 0.75), point(2, 5.0, 7.0, "cpu")])
    assert together[0] == together[1] == Taken(pytest.approx(0.5), 1, 10, pytest.approx(12.5))
    assert together[2] == Taken(pytest.approx(4.0), 7, None, None)
    assert taken(samples, [point(0, 20.0, 30.0)]) == {}
    assert taken([], [point(0, 2.0, 4.0)]) == {}


def test_all_energy_is_given_to_somebody() -> None:
    samples = [sample(float(ts)) for ts in range(1, 11)]
    points = [point(n, 0.5 * n, 0.5 * n + 1.5) for n in range(15)]
    found = taken(samples, points)
    assert sum(one.energy or 0.0 for one in found.values()) == pytest.approx(50.0 * 8.5)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b"\xff", b'{"ts":"x","every":1}', b"[" * 100_000])
def test_spoilt_lines_are_left_out(tmp_path: Path, damage: bytes) -> None:
    good = dumps(asdict(sample(1.0))).encode()
    (tmp_path / "resources.jsonl").write_bytes(good + b"\n" + damage + b"\n" + good)
    assert read_samples(tmp_path) == [sample(1.0)] * 2


def test_power_is_by_the_energy_counter_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, set_back = iter([0.0, 2.0, 4.0]), iter([5000.0, 1000.0])
    monkeypatch.setattr(resources.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(resources.time, "time", lambda: next(set_back))  # the intervals are not of this clock
    looks = iter(
        [
            {"A": Reading(0.0, 1, 90.0, 100.0), "B": Reading(None, 1, 70.0, None)},
            {"A": Reading(0.5, 2, 90.0, 300.0), "B": Reading(None, 3, 71.0, None)},
            {"A": Reading(0.5, 2, 90.0, 0.0), "B": Reading(None, 3, None, None)},
        ]
    )
    gauge = resources._Gauge(lambda: next(looks))
    assert gauge.sample().gpus == {"A": Gpu(0.5, 2, 100.0), "B": Gpu(None, 3, 71.0)}
    assert gauge.sample().gpus == {"A": Gpu(0.5, 2, 0.0), "B": Gpu(None, 3, None)}
