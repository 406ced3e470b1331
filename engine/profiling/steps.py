"""Some steps under torch's profiler: which operators and which layers the time goes to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from cuda_kernels.timing import Timing, take_turns
from engine.profiling.peak import peak_bytes
from engine.profiling.specimen import Specimen, outputs, synchronize
from engine.training.forward import backward

LAYER, PHASE = "layer:", "phase:"
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds per step. `own` leaves out what was spent further inside: other operators, or layers within a layer."""

    name: str
    kind: str
    calls: float
    own: float
    total: float


@dataclass(frozen=True, slots=True)
class Profile:
    """`time` is a step without the profiler, `profiled` one with it, seconds both; `memory` the peak in bytes."""

    time: Timing
    profiled: float
    memory: int
    operators: tuple[Spent, ...]
    layers: tuple[Spent, ...]
    phases: tuple[Spent, ...]


def measure(
    specimen: Specimen, device: str, *, training: bool, steps: int, repeats: int, keep: Callable[[Any], object] | None
) -> Profile:
    """Profiles `steps` steps, the slowest operators and layers first; `keep` is given the profiler itself.

    A training step is forward in training mode, the mean square of the outputs as loss, backward, and AdamW.
    """
    specimen.model.train(training)
    step = _Step(specimen, device, torch.optim.AdamW(specimen.model.parameters(), lr=1e-5) if training else None)
    for _ in range(WARM_UP):
        step()
    time = take_turns(device, {"step": step}, repeats)["step"]
    memory = peak_bytes(step, device)
    cuda = torch.device(device).type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    step.settles = True
    with _named_layers(specimen.model), profile(activities=activities) as watched:
        for _ in range(steps):
            with record_function(f"{PHASE}step"):
                step()
    if keep is not None:
        keep(watched)
    events = [event for event in watched.events() if event.device_type == DeviceType.CPU]
    kinds = {name: type(module).__name__ for name, module in specimen.model.named_modules()}
    phases = _annotated(events, PHASE, steps, False, {})  # the host's time: it waits at the end of each
    whole = next(phase for phase in phases if phase.name == "step")
    return Profile(
        time,
        whole.total,
        memory,
        _operators(watched.key_averages(), steps, cuda),
        _annotated(events, LAYER, steps, cuda, kinds),
        tuple(phase for phase in phases if phase is not whole),
    )


def layer_times(model: nn.Module, call: Callable[[], object], device: str, steps: int) -> tuple[Spent, ...]:
    """Where the time of some calls of a model goes, layer by layer, the slowest first, in inference mode."""
    cuda = torch.device(device).type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with torch.inference_mode(), _named_layers(model), profile(activities=activities) as watched:
        for _ in range(steps):
            call()
            synchronize(device)
    events = [event for event in watched.events() if event.device_type == DeviceType.CPU]
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    return _annotated(events, LAYER, steps, cuda, kinds)


@dataclass
class _Step:
    """Calling it is a step, with an optimizer one of training. While it `settles`, each part waits for the device."""

    specimen: Specimen
    device: str
    optimizer: torch.optim.Optimizer | None = None
    settles: bool = False

    def __call__(self) -> None:
        if self.optimizer is None:
            with torch.inference_mode(), self._phase("forward"):
                self.specimen()
            return
        with self._phase("forward"):
            loss = torch.stack([out.float().square().mean() for out in outputs(self.specimen())]).sum()
        with self._phase("backward"):
            backward(loss)
        with self._phase("optimizer"):
            self.optimizer.step()
            self.optimizer.zero_grad()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        with record_function(PHASE + name):
            yield
            if self.settles:
                synchronize(self.device)


@contextmanager
def _named_layers(model: nn.Module) -> Iterator[None]:
    """Records every module's forward under its name."""
    entered: list[Any] = []

    def enter(name: str) -> None:
        entered.append(record_function(LAYER + name))
        entered[-1].__enter__()

    def leave() -> None:
        entered.pop().__exit__(None, None, None)

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            before = module.register_forward_pre_hook(lambda *_, name=name: enter(name))
            after = module.register_forward_hook(lambda *_: leave())
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        yield


def _operators(averages: Any, steps: int, cuda: bool) -> tuple[Spent, ...]:
    own, total = ("self_device_time_total", "device_time_total") if cuda else ("self_cpu_time_total", "cpu_time_total")
    found = [
        Spent(
            event.key, "", event.count / steps, getattr(event, own) / 1e6 / steps, getattr(event, total) / 1e6 / steps
        )
        for event in averages
        if event.device_type == DeviceType.CPU  # kernels count for the operators that launch them
        and not event.is_user_annotation
        and not event.key.startswith((LAYER, PHASE))
        and getattr(event, own) > 0
    ]
    return tuple(sorted(found, key=lambda spent: -spent.own))


def _annotated(events: list[Any], prefix: str, steps: int, cuda: bool, kinds: dict[str, str]) -> tuple[Spent, ...]:
    """Time by annotation of one sort; from each is taken what those of the same sort inside it took."""

    def seconds(event: Any) -> float:
        return float(event.device_time_total if cuda else event.cpu_time_total) / 1e6

    calls: dict[str, int] = {}
    total: dict[str, float] = {}
    inside: dict[str, float] = {}
    for event in events:
        if event.name.startswith(prefix):
            calls[event.name] = calls.get(event.name, 0) + 1
            total[event.name] = total.get(event.name, 0.0) + seconds(event)
            around = event.cpu_parent
            while around is not None and not around.name.startswith(prefix):
                around = around.cpu_parent
            if around is not None:
                inside[around.name] = inside.get(around.name, 0.0) + seconds(event)
    found = []
    for name, count in calls.items():
        bare = name.removeprefix(prefix)
        own = max(0.0, total[name] - inside.get(name, 0.0))
        found.append(Spent(bare, kinds.get(bare, ""), count / steps, own / steps, total[name] / steps))
    return tuple(sorted(found, key=lambda spent: -spent.own))
