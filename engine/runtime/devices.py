"""The devices of this machine: its GPUs by UUID, and `cpu`. NVML is asked, never CUDA: no context, no torch."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Device:
    """`id` is `cpu` or a GPU's UUID; `memory_bytes` is all it has."""

    id: str
    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a GPU does right now: `busy` between 0 and 1, memory in bytes, temperature in °C, power in watts."""

    device: Device
    busy: float | None
    memory_used: int
    temperature: float | None
    power: float | None


@contextmanager
def _nvml() -> Iterator[Any]:
    """The NVML module, or None on a machine without a driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no library, no driver, no permission: no GPU for us
        yield None
        return
    try:
        yield pynvml
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _gpus(nvml: Any) -> list[tuple[Any, Device]]:
    found = []
    for number in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):  # one lost GPU does not hide the others
            handle = nvml.nvmlDeviceGetHandleByIndex(number)
            uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
            found.append((handle, Device(uuid, name, int(nvml.nvmlDeviceGetMemoryInfo(handle).total))))
    return found


def _visible(devices: list[Device], allowed: str | None) -> list[Device]:
    """What `CUDA_VISIBLE_DEVICES` leaves, in its order: numbers (in PCI order), UUIDs or their beginnings.

    As CUDA does, it stops at the first entry that names nothing.
    """
    if allowed is None:
        return devices
    kept: list[Device] = []
    for entry in filter(None, (part.strip() for part in allowed.split(","))):
        if entry.isdigit():
            named = devices[int(entry) : int(entry) + 1]
        else:
            named = [device for device in devices if device.id.startswith(entry)]
        if len(named) != 1 or named[0] in kept:
            break
        kept += named
    return kept


def available() -> list[Device]:
    """The GPUs that an outer `CUDA_VISIBLE_DEVICES` allows, then the CPU."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with _nvml() as nvml:
        gpus = [device for _, device in _gpus(nvml)] if nvml else []
    return [*_visible(gpus, os.environ.get("CUDA_VISIBLE_DEVICES")), Device(CPU, "CPU", memory)]


def resolve(text: str) -> tuple[str, ...]:
    """Device ids for `auto` (all GPUs, or the CPU), `cpu`, `cuda` (all GPUs), or the beginning of a GPU's UUID."""
    wanted = text.strip()
    if wanted == CPU:
        return (CPU,)
    gpus = [device.id for device in available() if device.id != CPU]
    if wanted == "auto":
        return tuple(gpus) or (CPU,)
    if not gpus:
        raise InputError(f"There is no GPU here for device {wanted!r}; use `cpu` or `auto`.")
    if wanted == "cuda":
        return tuple(gpus)
    matches = [gpu for gpu in gpus if wanted and gpu.lower().removeprefix("gpu-").startswith(_bare(wanted))]
    if len(matches) != 1:
        many = "is ambiguous" if matches else "is not here"
        raise InputError(f"Device {wanted!r} {many}; use auto, cpu, cuda or one of {', '.join(gpus)}.")
    return (matches[0],)


def grouped(devices: Sequence[str], size: int) -> tuple[str, ...]:
    """GPUs in groups for one task each, `UUID,UUID`, as `CUDA_VISIBLE_DEVICES` has it; what is left over stays idle."""
    return tuple(",".join(devices[start : start + size]) for start in range(0, len(devices) - size + 1, size))


def gpus_of(place: str) -> tuple[str, ...]:
    """The GPUs of a place where tasks run: one, those of a group, or none where it is the CPU."""
    return () if place == CPU else tuple(place.split(","))


def _bare(uuid: str) -> str:
    return uuid.lower().removeprefix("gpu-")


def usage() -> list[Usage]:
    """Each visible GPU as it is now; empty without one."""
    with _nvml() as nvml:
        if nvml is None:
            return []
        found = {device.id: (handle, device) for handle, device in _gpus(nvml)}
        shown = _visible([device for _, device in found.values()], os.environ.get("CUDA_VISIBLE_DEVICES"))
        return [_usage(nvml, *found[device.id]) for device in shown]


def _usage(nvml: Any, handle: Any, device: Device) -> Usage:
    def ask(question: Any, *arguments: Any) -> Any:
        try:
            return question(handle, *arguments)
        except nvml.NVMLError:  # not every GPU answers everything
            return None

    memory, rates = ask(nvml.nvmlDeviceGetMemoryInfo), ask(nvml.nvmlDeviceGetUtilizationRates)
    power = ask(nvml.nvmlDeviceGetPowerUsage)
    return Usage(
        device,
        busy=rates.gpu / 100 if rates else None,
        memory_used=int(memory.used) if memory else 0,
        temperature=ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        power=power / 1000 if power is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A GPU's gauges and counter now: `busy` between 0 and 1, bytes, watts, joules since its driver was loaded."""

    busy: float | None
    memory: int
    power: float | None
    energy: float | None


@contextmanager
def watching(ids: Sequence[str]) -> Iterator[Callable[[], dict[str, Reading]]]:
    """A function that reads these GPUs, by UUID, while the block lasts: the driver's library is opened once."""
    with ExitStack() as stack:
        nvml: Any = stack.enter_context(_nvml()) if ids else None
        found = {device.id: (handle, device) for handle, device in _gpus(nvml) if device.id in ids} if nvml else {}

        def look() -> dict[str, Reading]:
            readings = {}
            for name, (handle, device) in found.items():
                energy: float | None = None
                with suppress(nvml.NVMLError):  # older GPUs count none
                    energy = nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
                now = _usage(nvml, handle, device)
                readings[name] = Reading(now.busy, now.memory_used, now.power, energy)
            return readings

        yield look
