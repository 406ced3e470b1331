"""What is done to a model, as it is written and read again: each kind of compression has a record of its own."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from torch import Tensor, nn

from engine.formats import Format
from engine.layers import Kind, kind_of
from engine.models.manifest import Manifest


@dataclass
class Stored:
    """What the two files of a model hold, while it is written or read.

    `masks` and formats `held` for values are those that were read, by layer.
    """

    tensors: dict[str, Tensor]
    manifest: Manifest = field(default_factory=Manifest)
    masks: dict[str, Tensor] = field(default_factory=dict)
    held: dict[str, Format] = field(default_factory=dict)

    def take(self, parameter: str) -> dict[str, Tensor]:
        """Takes the parts of a parameter out of the tensors."""
        return {part: self.tensors.pop(name) for part in PARTS if (name := f"{parameter}.{part}") in self.tensors}


PARTS = ("codes", "scales", "zeros", "mask", "values")


class Record(ABC):
    """One kind of compression. A step that a kind has no use for does nothing."""

    @abstractmethod
    def has(self, model: nn.Module) -> bool:
        """Whether a model is compressed in this way."""

    @abstractmethod
    def store(self, model: nn.Module, stored: Stored) -> None:
        """Writes what a model has of it: its entries of the manifest, and its tensors in the form on disk."""

    def shape(self, model: nn.Module, manifest: Manifest) -> None:  # noqa: B027
        """Gives a model, fresh from its config, the layers whose tensors were stored."""

    def unpack(self, model: nn.Module, stored: Stored) -> None:  # noqa: B027
        """Turns tensors as they stand on disk into the model's own parameters."""

    def apply(self, model: nn.Module, stored: Stored) -> None:  # noqa: B027
        """Puts it in place, once the model has its values."""


def kind_at(model: nn.Module, name: str) -> Kind:
    """The kind of a layer that holds a weight."""
    kind = kind_of(model.get_submodule(name))
    assert kind is not None
    return kind


def as_parameter(model: nn.Module, parameter: str, rows: Tensor) -> Tensor:
    """A parameter in its own shape; weights are stored as rows."""
    layer, _, own = parameter.rpartition(".")
    return kind_at(model, layer).shaped(rows, model.get_parameter(parameter).shape) if own == "weight" else rows
