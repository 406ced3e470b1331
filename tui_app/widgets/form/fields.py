"""What a config class says about its form: one `Field` for each setting, and the way from texts to a config."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from engine.experiments.api import ExperimentConfig
from engine.experiments.launch import field_errors
from engine.tasks.kinds import AUTO, task_of

Kind = Literal["text", "choice", "choices", "switch", "source"]
SOURCES = ("model", "data")
TASK = "task"
SWITCH = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Field:
    """A setting as the form shows it: `default` is text, `choices` what it offers, `optional` may be empty.

    `when` names other fields, each with the choices under which this one means something.
    """

    name: str
    title: str
    description: str
    kind: Kind
    default: str
    choices: tuple[str, ...] = ()
    optional: bool = False
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def applies(self, texts: Mapping[str, str]) -> bool:
        """Whether the setting means something beside the others."""
        return all(set(texts.get(name, "").split(",")) & set(choices) for name, choices in self.when)


def fields(config: type[ExperimentConfig]) -> list[Field]:
    """The settings of a form, in their order."""
    return [_field(config, name, info) for name, info in config.settings().items()]


def _field(config: type[ExperimentConfig], name: str, info: FieldInfo) -> Field:
    kind, choices = _kind(name, info.annotation)
    default = to_text(info.get_default(call_default_factory=True))
    optional = NoneType in get_args(info.annotation)
    when = tuple(config.conditions(name).items())
    return Field(name, info.title or name, info.description or "", kind, default, choices, optional, when)


def _kind(name: str, annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if name in SOURCES:
        return "source", ()
    members = get_args(annotation)
    if get_origin(annotation) in (Union, UnionType) and NoneType in members and len(members) == 2:
        annotation = next(member for member in members if member is not NoneType)
        members = get_args(annotation)
    if annotation is bool:
        return "switch", SWITCH
    if get_origin(annotation) is Literal:
        return "choice", tuple(map(str, members))
    if get_origin(annotation) in (tuple, list) and members and get_origin(members[0]) is Literal:
        return "choices", tuple(map(str, get_args(members[0])))
    return "text", ()


def to_text(value: Any) -> str:
    """A value as a form's field holds it: lists with commas, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return SWITCH[not value]
    if isinstance(value, list | tuple):
        return ",".join(map(to_text, value))
    return str(value)


def values(fields: Iterable[Field], texts: Mapping[str, str]) -> dict[str, str | None]:
    """The settings that apply and differ from their defaults, as text that the config class reads."""
    changed: dict[str, str | None] = {}
    said = {field.name: (field, texts.get(field.name, field.default).strip()) for field in fields}
    whole = settled({name: text for name, (_, text) in said.items()})
    for field, text in said.values():
        if text != field.default and field.applies(whole):
            changed[field.name] = None if field.optional and not text else text
    return changed


def settled(texts: Mapping[str, str]) -> Mapping[str, str]:
    """The texts with the task that the model is for, as far as this machine knows it, where it is to be read off."""
    if texts.get(TASK) != AUTO:
        return texts
    return {**texts, TASK: task_of(texts.get("model", ""), here=True)}


def read(config: type[ExperimentConfig], settings: Mapping[str, Any]) -> tuple[ExperimentConfig | None, dict[str, str]]:
    """The config, or the sentence that each wrong field has earned (under "" what is wrong with the whole)."""
    try:
        return config.model_validate(dict(settings)), {}
    except ValidationError as error:
        return None, field_errors(error, config)
