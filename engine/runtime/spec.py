"""`spec.json`: what a run is. Written once by its creator; never changes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import DamagedRunError
from engine.runtime.checks import are_mappings, is_mapping, is_name, is_text, is_time
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace
from engine.text import clean_line


@dataclass(frozen=True, slots=True)
class RunSpec:
    """`points` holds the parameters of each point, `group` how many points one task may take, `seats` how many tasks
    run side by side on each device, with `threads` each (0: as many as the cores allow).

    `devices` are device ids (`cpu` or a GPU's UUID), `created` is in Unix seconds. No task begins while fewer than
    `reserve` bytes are free on the run's disk. `recipe` is what a run keeps of the recipe that it was started from.
    `hardware` says in words what the run was started on. `cluster` holds the settings of a `ClusterPlan` where tasks
    run on a Ray cluster; empty: on this machine.
    """

    id: str
    name: str
    experiment: str
    config: dict[str, Any]
    points: list[dict[str, Any]]
    created: float
    seed: int = 0
    devices: tuple[str, ...] = ("cpu",)
    group: int = 1
    seats: int = 1
    threads: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    hardware: str = ""
    reserve: int = 1 << 30
    recipe: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Makes `directory/spec.json`, on disk when this returns."""
        replace(directory / "spec.json", (dumps(asdict(self)) + "\n").encode())

    @classmethod
    def read(cls, directory: Path) -> "RunSpec":
        """The spec in `directory`, whose name is the run's id. Raises DamagedRunError where none can be read."""
        try:
            found = loads(read_private(directory / "spec.json"))
            known = {name: found[name] for name in (entry.name for entry in fields(cls)) if name in found}
            spec = cls(**known | {"devices": tuple(found["devices"]), "id": directory.name})
            spec._check()
            return spec
        except OSError as error:
            raise damaged(directory, f"spec.json: {error.strerror}") from None
        except KeyError as error:
            raise damaged(directory, f"spec.json has no {error}") from None
        except (ValueError, TypeError, OverflowError) as error:
            raise damaged(directory, f"spec.json: {error}") from None

    def _check(self) -> None:
        """Raises ValueError for the first field that its readers could not use."""
        for name, fits in _CHECKS.items():
            if not fits(getattr(self, name)):
                raise ValueError(f"{name} cannot be read")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "name": is_text,
    "experiment": is_name,
    "config": is_mapping,
    "points": are_mappings,
    "created": is_time,
    "seed": _is_count,
    "devices": lambda value: bool(value) and all(map(is_name, value)),
    "group": lambda value: _is_count(value) and value > 0,
    "seats": lambda value: _is_count(value) and value > 0,
    "threads": _is_count,
    "reserve": _is_count,
    "recipe": is_mapping,
    "cluster": is_mapping,
    "hardware": is_text,
    "versions": lambda value: is_mapping(value) and all(map(is_text, value.values())),
}


def damaged(directory: Path, reason: str) -> DamagedRunError:
    """The sentence for a run that cannot be read."""
    name = clean_line(directory.name)
    return DamagedRunError(f"{name} is damaged ({clean_line(reason)}); `labtui rm {name}` removes it.")
