"""What a point is asked for and what it measures, as typed values: a class gives its record and its columns. No torch.

    class Doubled(Recorded):  # a dataclass: frozen, slots, kw_only
        total: Annotated[float, Quantity("Total", "number")]
        note: Annotated[str | None, Quantity("Note")] = None

A record is a mapping of plain values, as it stands in a run's log and in `labtui show --json`. A field that has its
default is not written, and one that is not there has its default: fields join a class without harm to older runs.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from types import UnionType
from typing import Annotated, Any, Generic, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.experiments.columns import Column, Unit
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import ACCURACY, Bounded, Metric


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a field is: its title and unit in columns; `score` is the unit of what the run's task is scored by.

    `title` and `key`, which is the field's name where it is empty, may hold `{metric}`, `{Metric}`, `{samples}` and
    `{Samples}`. The bounds of a value have its key with `_low` and `_high`, or `bounds` in its place. `signed` and
    `usual` are those of `Column`.
    """

    title: str
    unit: Unit | Literal["score"] = "text"
    key: str = ""
    signed: bool = False
    usual: float | str | None = None
    bounds: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Of a field that is `Recorded`, and no mapping of its own: its values stand among the others.

    Each key has the prefix before it.

    `titles` are those of its fields that have another one here, by their names.
    """

    prefix: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)


OtherT = TypeVar("OtherT", bound="Recorded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The base of such classes; by itself of no fields.

    A `Bounded` field takes three keys; a field that is itself `Recorded` is a mapping, a tuple of them a list.
    """

    def to_record(self, metric: Metric = ACCURACY) -> dict[str, Any]:
        """Plain values by key, in the order of the fields."""
        record: dict[str, Any] = {}
        for one in _layout(type(self), metric):
            value = getattr(self, one.name)
            if one.optional and value == one.default:
                continue
            if isinstance(value, Bounded):
                record |= zip(one.keys, value, strict=True)
            elif one.part is not None:
                record |= {one.part_of.prefix + key: inner for key, inner in value.to_record(metric).items()}
            elif one.rows is not None:
                record[one.key] = [row.to_record(metric) for row in value]
            elif one.nested is not None:
                record[one.key] = value.to_record(metric)
            else:
                record[one.key] = list(value) if isinstance(value, tuple) else value
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any], metric: Metric = ACCURACY, prefix: str = "") -> Self:
        """What `to_record` gave, whatever else stands there.

        Raises:
            KeyError: a field without a default is not there.
        """
        values: dict[str, Any] = {}
        for one in _layout(cls, metric):
            if one.part is not None:
                if not one.optional or one.part.begun(record, metric, prefix + one.part_of.prefix):
                    values[one.name] = one.part.from_record(record, metric, prefix + one.part_of.prefix)
            elif prefix + one.key not in record and one.optional:
                continue
            elif one.bounded:
                known = record[prefix + one.key] is not None
                values[one.name] = Bounded(*(record[prefix + key] for key in one.keys)) if known else None
            elif one.rows is not None:
                values[one.name] = tuple(one.rows.from_record(row, metric) for row in record[prefix + one.key])
            elif one.nested is not None:
                values[one.name] = one.nested.from_record(record[prefix + one.key], metric)
            else:
                value = record[prefix + one.key]
                values[one.name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    def extended(self, other: type[OtherT], **more: Any) -> OtherT:
        """The same values with more, as a class that is derived from this one's."""
        return other(**{one.name: getattr(self, one.name) for one in fields(self)}, **more)

    @classmethod
    def begun(cls, record: Mapping[str, Any], metric: Metric, prefix: str) -> bool:
        """Whether a record holds what of this class always stands there."""
        return any(not one.optional and prefix + one.key in record for one in _layout(cls, metric))

    @classmethod
    def columns(cls, metric: Metric = ACCURACY, prefix: str = "") -> dict[str, Column]:
        """A column for each field by its name, those of parts with the part's prefix before it."""
        found: dict[str, Column] = {}
        for one in _layout(cls, metric):
            if one.part is not None:
                inner = one.part.columns(metric, prefix + one.part_of.prefix)
                titles = {prefix + one.part_of.prefix + name: title for name, title in one.part_of.titles.items()}
                found |= {name: replace(column, label=titles.get(name, column.label)) for name, column in inner.items()}
            elif one.rows is None and one.nested is None:
                key, low, high = (prefix + key for key in one.keys)
                found[prefix + one.name] = Column(
                    key,
                    one.title,
                    one.unit,
                    low if one.bounded else None,
                    high if one.bounded else None,
                    one.signed,
                    one.usual,
                )
        return found

    @classmethod
    def tables(cls, metric: Metric = ACCURACY) -> dict[str, dict[str, Column]]:
        """The columns of each field that is a list of mappings."""
        return {one.key: one.rows.columns(metric) for one in _layout(cls, metric) if one.rows is not None}


class NamedParams(Recorded, ABC):
    """Of points that a sentence names."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """What a sentence calls the point."""


ParamsT = TypeVar("ParamsT", bound=Recorded)
ResultT = TypeVar("ResultT", bound=Recorded)


@dataclass(frozen=True, slots=True)
class TypedPoint(Generic[ParamsT, ResultT]):
    """A point of a run with what was asked of it, and its result once it has finished."""

    index: int
    params: ParamsT
    result: ResultT | None


def typed_points(
    points: Iterable[PointRecord], params: type[ParamsT], result: type[ResultT], metric: Metric
) -> list[TypedPoint[ParamsT, ResultT]]:
    """Points as their experiment's own classes have them."""
    return [
        TypedPoint(
            point.index,
            params.from_record(point.params, metric),
            result.from_record(point.result, metric) if point.state == "finished" and point.result else None,
        )
        for point in points
    ]


def results_of(run: RunRecord, result: type[ResultT], metric: Metric) -> list[ResultT]:
    """What the finished points of a run measured."""
    return [result.from_record(point.result, metric) for point in run.finished if point.result]


@dataclass(frozen=True, slots=True)
class _Laid:
    """A field as it is recorded: `keys` are those of value, low and high; `part`, `nested` and `rows` are its class."""

    name: str
    keys: tuple[str, str, str]
    title: str
    unit: Unit
    signed: bool
    usual: float | str | None
    bounded: bool
    part: type[Recorded] | None
    part_of: Part
    nested: type[Recorded] | None
    rows: type[Recorded] | None
    optional: bool
    default: Any

    @property
    def key(self) -> str:
        return self.keys[0]


_layouts: dict[tuple[type[Recorded], Metric], tuple[_Laid, ...]] = {}


def _layout(cls: type[Recorded], metric: Metric) -> tuple[_Laid, ...]:
    """The fields of a class, worked out once."""
    if (cls, metric) not in _layouts:
        _layouts[cls, metric] = tuple(_laid(cls, metric))
    return _layouts[cls, metric]


def _laid(cls: type[Recorded], metric: Metric) -> Iterator[_Laid]:
    hints = get_type_hints(cls, include_extras=True)
    named = {"metric": metric.name, "Metric": metric.title, "samples": metric.samples}
    named["Samples"] = metric.samples.capitalize()
    for one in fields(cls):
        kind, extras = _annotated(hints[one.name])
        quantity = next((extra for extra in extras if isinstance(extra, Quantity)), Quantity(""))
        part = next((extra for extra in extras if isinstance(extra, Part)), None)
        key = (quantity.key or one.name).format(**named)
        inner = get_args(kind)[0] if get_origin(kind) is tuple else None
        yield _Laid(
            name=one.name,
            keys=(key, f"{quantity.bounds or key}_low", f"{quantity.bounds or key}_high"),
            title=(quantity.title or key.replace("_", " ").capitalize()).format(**named),
            unit=metric.unit if quantity.unit == "score" else quantity.unit,
            signed=quantity.signed,
            usual=quantity.usual,
            bounded=kind is Bounded,
            part=kind if part is not None else None,
            part_of=part or Part(),
            nested=kind if part is None and _is_recorded(kind) else None,
            rows=inner if _is_recorded(inner) else None,
            optional=one.default is not MISSING,
            default=one.default,
        )


def _annotated(hint: Any) -> tuple[Any, Sequence[Any]]:
    """The type of a field without `Annotated` and without None, and what annotates it."""
    kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not type(None))
    return kind, extras


def _is_recorded(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Recorded)
