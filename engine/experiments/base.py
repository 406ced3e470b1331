"""What an experiment is: a config that expands into points, a function that runs them, figures of the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class ExperimentConfig(BaseModel):
    """What every config has. Fields carry title, description and bounds: forms and errors come from them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(0, ge=0, title="Seed", description="Seeds data order, splits and every random draw.")
    device: str = Field("auto", title="Device", description="auto, cpu, cuda, or a GPU's UUID.")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of points: `key` is looked up in a point's params, then in its result.

    `low` and `high` name the keys of the value's 95 % interval. A `signed` value is a difference.
    """

    key: str
    label: str
    unit: Literal["text", "number", "percent", "bytes", "db", "seconds"] = "text"
    low: str | None = None
    high: str | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The point to take, and why, in a sentence that a reader can check against the table."""

    index: int
    reason: str


class Experiment(Protocol):
    """One file in this package (or any importable module) with an object `EXPERIMENT` of this shape.

    The module imports without torch: `run` imports what it needs. `check` may read files and ask the hub; it raises
    `InputError` before anything starts. `run` is called in a worker with one point, or with several where that is
    faster, and reports through the context. `figures` and `best` use recorded results alone.
    """

    name: str
    title: str
    summary: str
    Config: type[ExperimentConfig]
    columns: Sequence[Column]
    warm: tuple[str, ...]  # modules that a host imports before it forks

    def label(self, config: Any) -> str:
        """A short name for a run that was given none."""

    def points(self, config: Any) -> Sequence[Params]: ...

    def check(self, config: Any) -> None: ...

    def run(self, config: Any, points: Sequence[Point], context: Context) -> None: ...

    def figures(self, config: Any, run: RunRecord) -> Sequence[Figure]: ...

    def best(self, config: Any, run: RunRecord) -> Choice | None: ...

    def tidy(self, config: Any, run: RunRecord) -> None:
        """Called by the driver after each finished point: removes artifacts nobody can want any more."""
