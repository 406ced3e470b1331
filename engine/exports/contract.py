"""What an export target is: what it cannot express, how it writes a model, and the other program that reads it."""

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.extras import check_installed
from engine.formats.registry import parse_spec, unfitted
from engine.models.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from engine.formats.base import Packed
    from engine.tasks.base import Subject

Program = Callable[[Mapping[str, "Tensor"]], "Tensor"]
"""The other program: inputs by name to logits, float32 on the CPU."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a target cannot express: `part` (weights, biases, inputs, ...) of these `layers` in format `spec`."""

    part: str
    spec: str
    becomes: str
    layers: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.layers)
        of = f" of {self.layers[0]}" if count else ""
        of += f" and {count - 1:,} more layer{'s' * (count > 2)}" if count > 1 else ""
        return f"{self.part}{of} in {self.spec}: {self.becomes}"


@dataclass(frozen=True, slots=True)
class Source:
    """A model to be exported: the subject as it computes here, and what its folder holds of it.

    `packed` are the codes of parameters by name, weights as rows. `example` are inputs of a few samples.
    """

    subject: "Subject"
    manifest: Manifest
    packed: "Mapping[str, Packed]"
    example: "Mapping[str, Tensor]"

    @property
    def model(self) -> Any:
        """The model itself, in evaluation mode."""
        return self.subject.model


class Target(ABC):
    """A kind of file; a module in `engine.exports.targets` holds one as `TARGET` and imports no library of its own."""

    name: ClassVar[str]
    """What the option and the extra are called."""
    title: ClassVar[str]
    program: ClassVar[str]
    """What reads the file again."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Modules that writing or reading needs."""
    suffix: ClassVar[str] = ""
    """How the file's name ends by default; empty of a folder."""
    help: ClassVar[str]

    @property
    def is_folder(self) -> bool:
        """Whether it writes a folder instead of a file."""
        return not self.suffix

    def check_installed(self) -> None:
        """Raises InputError where a package is missing, with the line that installs it."""
        check_installed(self.title, self.packages, self.name)

    def blocked(self, task: str, manifest: Manifest, config: Mapping[str, Any]) -> str:
        """Why a model cannot be written at all, in a sentence; empty where it can. `config` is its config.json."""
        if manifest.packed:
            return f"its layers compute with packed MXINT8 codes, which {self.title} does not know."
        return ""

    @abstractmethod
    def changes(self, manifest: Manifest) -> Sequence[Change]:
        """What of a compressed model the target cannot express as it is, and what becomes of it."""

    @abstractmethod
    def write(self, source: Source, path: Path) -> None:
        """Writes the model to a file or folder that is not there yet.

        Raises:
            InputError: a model that the target's own library cannot take.
        """

    @abstractmethod
    def opened(self, path: Path, source: Source) -> Program:
        """The file as the other program loads it. Only the companions of `source` may be looked at."""


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps off the terminal what libraries draw there while they load a model."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield


def changed(
    manifest: Manifest, part: str, becomes: Callable[[str], str], layers: Sequence[str] | None = None
) -> list[Change]:
    """A change for each format of a `part` (weight, bias, input) for which `becomes` says something of a spec.

    Specs that differ in what was chosen from data, such as a layer's scale, are one format, named without it.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, entry in manifest.quantized.items():
        spec = getattr(entry, part)
        if spec is not None and (layers is None or name in layers) and (text := becomes(spec)):
            found.setdefault((str(unfitted(parse_spec(spec))), text), {})[name] = spec
    plural = {"weight": "weights", "bias": "biases", "input": "inputs"}[part]
    return [
        Change(plural, common if len(set(specs.values())) > 1 else next(iter(specs.values())), text, tuple(specs))
        for (common, text), specs in found.items()
    ]


def small_inputs(manifest: Manifest) -> list[Change]:
    """The change of a target that zeroes no inputs below a threshold."""
    layers = tuple(manifest.thresholds)
    return [Change("small inputs", "zeros", "not zeroed", layers)] if layers else []


def cached(manifest: Manifest) -> list[Change]:
    """The change of a target that rounds no keys and values."""
    return [] if manifest.cache is None else [Change("keys and values", manifest.cache.spec, "not rounded")]
