"""`spec.json`: what a run is. Written once by its creator; never changes."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace


@dataclass(frozen=True, slots=True)
class RunSpec:
    """`points` holds the parameters of each point, `group` how many points one task may take.

    `devices` are device ids (`cpu` or a GPU's UUID), `created` is in Unix seconds.
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
    versions: dict[str, str] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Makes `directory/spec.json`, on disk when this returns."""
        replace(directory / "spec.json", (dumps(asdict(self)) + "\n").encode())

    @classmethod
    def read(cls, directory: Path) -> "RunSpec":
        """The spec in `directory`. Raises InputError where there is none that can be read."""
        try:
            found = loads(read_private(directory / "spec.json"))
            known = {name: found[name] for name in (entry.name for entry in fields(cls)) if name in found}
            return cls(**known | {"devices": tuple(found["devices"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{directory} is not a run that can be read: spec.json: {error}.") from None
