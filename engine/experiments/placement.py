"""Where a run is computed: on this machine's devices, or on a Ray cluster. No torch."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.experiments.api import AnyExperiment, ExperimentConfig
from engine.experiments.seating import Seating, seating
from engine.models.own_source import is_own
from engine.models.python_file import is_python, parts
from engine.runtime import devices
from engine.runtime.cluster.plan import PLACE, ClusterPlan
from engine.runtime.references import PREFIX, kept_model


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices of a run, how its points share them, and the settings of its cluster (empty: none)."""

    devices: tuple[str, ...]
    seating: Seating
    cluster: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cpu(self) -> bool:
        """Whether points are computed on CPUs."""
        return devices.CPU in self.devices or (bool(self.cluster) and not self.cluster["gpus"])


def placement(experiment: AnyExperiment, config: ExperimentConfig, points: int) -> Placement:
    """Where a run of so many points goes.

    Raises:
        InputError: there is no such device, no cluster at the address, a node that cannot compute as this machine, or
            several GPUs for a task that can use one alone.
    """
    if config.gpus > 1 and (reason := config.on_one_gpu):
        raise InputError(f"gpus={config.gpus:g} spreads a point's model over several GPUs, and {reason}; use gpus=1.")
    if config.executor == "local":
        found = _places(config)
        return Placement(found, seating(config, points, found))
    plan = ClusterPlan(
        config.address, config.gpus, dict(_sources(config.model_dump(mode="json"))), experiment.builds_on
    )
    return Placement((PLACE,), _seats(config, points), asdict(plan))


def _places(config: ExperimentConfig) -> tuple[str, ...]:
    """The devices of this machine for a run, in groups where a task asks for several."""
    found = devices.resolve(config.device)
    if not config.gpus:
        return found
    if config.gpus < 1:
        raise InputError(
            f"gpus={config.gpus:g} shares a GPU of a Ray cluster; on this machine a task takes whole ones."
        )
    places = devices.grouped([gpu for place in found for gpu in devices.gpus_of(place)], int(config.gpus))
    if not places:
        count = len(found) - found.count(devices.CPU)
        remedy = f"use gpus={count}, or fewer" if count else "leave gpus out"
        raise InputError(
            f"gpus={config.gpus:g} is more than the {count} that device={config.device} has here; {remedy}."
        )
    return places


def seats_shown(config: ExperimentConfig, points: int) -> int:
    """How many points run side by side as far as this machine knows without asking a cluster."""
    if config.executor == "local":
        return seating(config, points, devices.resolve(config.device)).seats
    return min(points, config.side_by_side, getattr(config, "workers", None) or 1)


def _seats(config: ExperimentConfig, points: int) -> Seating:
    from engine.runtime.cluster.look import look

    nodes = look(config.address)
    for seen in nodes:
        if seen.problem:
            raise InputError(seen.problem)
    room = sum(seen.node.room(1, config.gpus) for seen in nodes)
    if not room:
        wanted = f"{config.gpus:g} GPU for a task" if config.gpus else "a core for a task"
        raise InputError(f"No node of the Ray cluster at {config.address} has {wanted}.")
    workers = getattr(config, "workers", None) or room
    seats = max(1, min(room, points, workers, config.side_by_side))
    share = f", {config.gpus:g} GPU each" if config.gpus else ", 1 thread each"
    together = "1 point at a time" if seats == 1 else f"{seats} points side by side"
    names = ", ".join(dict.fromkeys(seen.node.name for seen in nodes))
    count = f"{len(nodes)} node{'s' * (len(nodes) != 1)}"
    return Seating(seats, 1, f"{together}{share}, on {count} of a Ray cluster ({names})")


def _sources(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The settings that name files of this machine, each with the path of what goes to the nodes."""
    for value in config.values():
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str):
                continue
            if text.startswith(PREFIX):
                if is_own(text):
                    raise InputError(
                        f"{text} is a module of a Python file, and a cluster is given such a file alone; start the run "
                        "on this machine with executor=local."
                    )
                yield text, str(kept_model(text))
            elif text.startswith("/"):
                path = Path(parts(text)[0]) if is_python(text) else Path(text)
                if path.exists():
                    yield text, str(path)
