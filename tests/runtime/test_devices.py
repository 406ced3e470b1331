import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from engine.errors import InputError
from engine.runtime import devices
from engine.runtime.child import Setting

GPUS = ["GPU-aaaa1111", "GPU-aaaa2222", "GPU-bbbb3333"]


class FakeNvml(ModuleType):
    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, gpus: list[str], lost: int | None = None):
        super().__init__("pynvml")
        self.gpus, self.lost = gpus, lost

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlShutdown(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        if number == self.lost:
            raise self.NVMLError
        return number

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return self.gpus[handle]

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return "Fake"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=80 << 30, used=handle << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=50)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        raise self.NVMLError

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        if handle == 0:
            raise self.NVMLError
        return 5000 * handle

    def nvmlDeviceGetTemperature(self, handle: int, kind: int) -> int:  # noqa: N802
        return 40


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml(GPUS)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def test_without_a_gpu_there_is_the_cpu(no_gpu: None) -> None:
    assert [device.id for device in devices.available()] == ["cpu"]
    assert devices.resolve("auto") == devices.resolve("cpu") == ("cpu",)
    assert devices.usage() == []
    with pytest.raises(InputError, match="no GPU here"):
        devices.resolve("cuda")


def test_all_gpus(gpus: FakeNvml) -> None:
    assert [device.id for device in devices.available()] == [*GPUS, "cpu"]
    assert devices.resolve("auto") == devices.resolve("cuda") == tuple(GPUS)
    assert devices.resolve("cpu") == ("cpu",)
    gpus.lost = 1
    assert devices.resolve("cuda") == (GPUS[0], GPUS[2])


@pytest.mark.parametrize(
    ("place", "gpus", "torch_device"),
    [
        ("cpu", (), "cpu"),
        ("GPU-a", ("GPU-a",), "cuda:0"),
        ("GPU-c,GPU-a", ("GPU-c", "GPU-a"), "cuda:0,cuda:1"),
        ("0,1", ("0", "1"), "cuda:0,cuda:1"),  # as Ray names those of a task
    ],
)
def test_a_place_of_several_gpus(place: str, gpus: tuple[str, ...], torch_device: str) -> None:
    assert devices.gpus_of(place) == gpus
    assert Setting(Path(), place, place, seed=0, threads=1).torch_device == torch_device


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("", []),
        ("2,0", [GPUS[2], GPUS[0]]),
        ("GPU-bbbb", [GPUS[2]]),
        ("0,9,1", [GPUS[0]]),
        ("-1", []),
        ("GPU-aaaa", []),
        ("1,1", [GPUS[1]]),
        (" 0 , 1 ", GPUS[:2]),
    ],
)
def test_outer_visibility_is_respected(
    gpus: FakeNvml, monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [device.id for device in devices.available()] == [*expected, "cpu"]
    assert [usage.device.id for usage in devices.usage()] == expected


@pytest.mark.parametrize("text", ["GPU-bbbb3333", "GPU-b", "bbbb", "BBBB3333"])
def test_a_uuid_or_its_beginning(gpus: FakeNvml, text: str) -> None:
    assert devices.resolve(text) == (GPUS[2],)


def test_wrong_uuids_are_refused(gpus: FakeNvml) -> None:
    with pytest.raises(InputError, match="is ambiguous; use auto"):
        devices.resolve("GPU-aaaa")
    with pytest.raises(InputError, match="is not here"):
        devices.resolve("cuda:7")


def test_usage_leaves_out_what_a_gpu_does_not_say(gpus: FakeNvml) -> None:
    usage = devices.usage()[2]
    assert (usage.busy, usage.memory_used, usage.temperature, usage.power) == (0.5, 2 << 30, 40, None)


def test_gpus_are_read_by_uuid_and_those_without_a_counter_give_no_energy(gpus: FakeNvml) -> None:
    with devices.watching([GPUS[2], GPUS[0], "GPU-elsewhere"]) as look:
        readings = look()
    assert readings == {
        GPUS[0]: devices.Reading(0.5, 0, None, None),
        GPUS[2]: devices.Reading(0.5, 2 << 30, None, 10.0),
    }
    with devices.watching([]) as look:
        assert look() == {}
