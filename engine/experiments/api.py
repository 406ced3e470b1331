"""What an experiment is: a config that expands into points, a function that runs them, figures of the results."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from engine.experiments.columns import Column as Column
from engine.experiments.columns import Unit as Unit
from engine.experiments.recorded import ParamsT, Recorded, ResultT, TypedPoint, typed_points
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord
from engine.runtime.trials import Study
from engine.tasks.kinds import metric_of
from engine.tasks.metric import ACCURACY, Metric

ON_RAY: JsonDict = {"when": {"executor": ["ray"]}}
_ADDRESS = re.compile(r"[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", re.ASCII)


class ExperimentConfig(BaseModel):
    """What every config has. Fields carry title, description and bounds: forms and errors come from them.

    `json_schema_extra={"when": {field: [choice, ...]}}` shows a field only beside these choices of another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    SPREADS: ClassVar[bool] = False
    """Whether a point's model may be spread over several GPUs, unless `on_one_gpu` says why not."""

    seed: int = Field(0, ge=0, title="Seed", description="Seeds data order, splits and every random draw.")
    executor: Literal["local", "ray"] = Field(
        "local", title="Executor", description="local: this machine; ray: an existing Ray cluster (docs/cluster.md)."
    )
    address: str = Field(
        "auto", title="Address", description="Of the Ray cluster: auto, or HOST:PORT.", json_schema_extra=ON_RAY
    )
    gpus: float = Field(
        0.0,
        ge=0,
        le=64,
        title="GPUs",
        description="For each task: 2 or more share out its model; 0.25 is a share on a cluster; 0: as device says.",
        json_schema_extra=ON_RAY,
    )
    device: str = Field(
        "auto",
        title="Device",
        description="auto, cpu, cuda, or a GPU's UUID.",
        json_schema_extra={"when": {"executor": ["local"]}},
    )

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value.startswith("ray://"):
            raise ValueError(
                "Ray Client (ray://) does not stream what tasks report; start labtui on a node of the cluster "
                "with address=auto, or HOST:PORT of its head"
            )
        if value != "auto" and not _ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is no address; write auto, or HOST:PORT of the cluster's head, say head:6379")
        return value

    @field_validator("gpus")
    @classmethod
    def _gpus(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError(f"must be a fraction of one GPU or a whole number of them, not {value:g}")
        return value

    @property
    def side_by_side(self) -> int:
        """How many points may be computed at once on a CPU; 1 where one would disturb what another measures."""
        return 1

    @property
    def metric(self) -> Metric:
        """What points are scored by, where they are."""
        return ACCURACY

    @property
    def on_one_gpu(self) -> str:
        """Why a point's model cannot be spread over several GPUs, to stand in a sentence; empty where it can."""
        return "" if self.SPREADS else "this experiment computes on one"

    @classmethod
    def recorded(cls, config: Mapping[str, Any]) -> Self:
        """The config of a run, which an earlier version may have written: what it did not say means what it meant.

        Raises:
            ValidationError: it is no config of this experiment.
        """
        return cls.model_validate(dict(config))

    @classmethod
    def family(cls) -> tuple[type["ExperimentConfig"], ...]:
        """The classes of which a validated config may be: this one, or those that one of its settings chooses among."""
        return (cls,)

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """Every setting that such a config may have, by name, in the order in which people read them.

        Model and data come first, then the experiment's own, then what more and more of its family share.
        """
        family = cls.family()
        known = {name: field for one in (*family, cls) for name, field in one.model_fields.items()}
        classes = dict.fromkeys(one for member in family for one in member.__mro__)
        shared = sorted(classes, key=lambda one: sum(issubclass(member, one) for member in family))
        declared = (name for one in shared for name in vars(one).get("__annotations__", {}))
        return {name: known[name] for name in ("model", "data", *declared) if name in known}

    @classmethod
    def conditions(cls, name: str) -> dict[str, tuple[str, ...]]:
        """The fields that decide whether this one means anything, each with the choices under which it does."""
        if name == "gpus" and cls.SPREADS:
            return {}
        extra = cls.model_fields[name].json_schema_extra
        when: Any = extra.get("when", {}) if isinstance(extra, dict) else {}
        return {other: tuple(map(str, allowed)) for other, allowed in when.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """The point to take, and why, in a sentence that a reader can check against the table."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table beside the table of points: layers, operators, importances. A row maps column keys to plain values.

    `key` names it in file names and on the command line.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    caption: str = ""


ConfigT = TypeVar("ConfigT", bound=ExperimentConfig)


class Experiment(ABC, Generic[ConfigT, ParamsT, ResultT]):
    """A package beside this module (or any importable module) has an object `EXPERIMENT` of a subclass of this.

    The module imports without torch: `run` imports what it needs. `check` may read files and ask the hub; it raises
    `InputError` before anything starts. `run` is called in a worker with one point, or with several where that is
    faster, and reports through the context. What is read out of a run (`figures`, `listings`, `findings`, `best`)
    comes from its record and its artifacts alone.

    `Params` and `Result` say what a point is asked for and what it measures; `shown` names those of their fields that
    tables have, in order. An experiment without them records plain mappings, of which tables have `columns`.
    """

    name: str
    title: str
    summary: str
    Config: type[ConfigT]
    Params: type[ParamsT] = Recorded  # type: ignore[assignment]  # of an experiment that says nothing of them
    Result: type[ResultT] = Recorded  # type: ignore[assignment]
    shown: tuple[str, ...] = ()
    columns: Sequence[Column] = ()
    warm: tuple[str, ...] = ()  # modules that a host imports before it forks, and `module:function` that it calls
    copies: int = 8  # of the model that a point may write: its result, and checkpoints with what is left of the last
    builds_on: tuple[str, ...] = ()  # params that name a point whose artifacts a task reads
    pace: tuple[str, ...] = ()  # params and settings that decide how long a point takes

    def columns_of(self, settings: Mapping[str, Any]) -> Sequence[Column]:
        """The columns of a run with these settings: what is measured may depend on them."""
        fields = self._fields(settings)
        return [*self.columns, *(fields[name] for name in self.shown)]

    def quantities(self, settings: Mapping[str, Any]) -> Mapping[str, Column]:
        """Every quantity that points of such a run may record, by its key; tables show those of `columns_of`."""
        return {column.key: column for column in (*self.columns, *self._fields(settings).values())}

    def tables(self, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Column]]:
        """The same of each list of mappings in a result, by the list's key."""
        return self.Result.tables(metric_of(settings))

    def _fields(self, settings: Mapping[str, Any]) -> dict[str, Column]:
        metric = metric_of(settings)
        return self.Params.columns(metric) | self.Result.columns(metric)

    def read(self, config: ConfigT, run: RunRecord) -> list[TypedPoint[ParamsT, ResultT]]:
        """The points of a run, typed."""
        return typed_points(run.points, self.Params, self.Result, config.metric)

    @abstractmethod
    def label(self, config: ConfigT) -> str:
        """A short name for a run that was given none."""

    @abstractmethod
    def points(self, config: ConfigT) -> Sequence[Mapping[str, Any]]:
        """The parameters of each point, in the order in which they are to run."""

    def study(self, config: ConfigT) -> Study | None:
        """For a search: what gives its points their parameters, one when a device is idle. Asked in the driver."""
        return None

    def at_once(self, config: ConfigT) -> int:
        """How many points one task may take on a GPU, where `run` computes several faster than one by one."""
        return 1

    @abstractmethod
    def check(self, config: ConfigT) -> Sequence[str] | None:
        """What is to be known before the start, a sentence each: what is read, used, left out, left untouched.

        Raises:
            InputError: the config asks for what is not there.
        """

    @abstractmethod
    def run(self, config: ConfigT, points: Sequence[Point], context: Context) -> None:
        """Computes the points and finishes each."""

    def figures(self, config: ConfigT, run: RunRecord) -> Sequence[Figure]:
        """What is drawn of a run, the most telling first."""
        return ()

    def listings(self, config: ConfigT, run: RunRecord) -> Sequence[Listing]:
        """Tables that belong to the run as a whole."""
        return ()

    def findings(self, config: ConfigT, run: RunRecord) -> Sequence[str]:
        """What the numbers say, in sentences worked out from them."""
        return ()

    def best(self, config: ConfigT, run: RunRecord) -> Choice | None:
        """The point to take; None where none is better than another."""
        return None

    def tidy(self, config: ConfigT, run: RunRecord) -> None:
        """Called by the driver after each finished point: removes artifacts nobody can want any more."""
        return


AnyExperiment = Experiment[Any, Any, Any]
"""One of which it is not known what it records."""
