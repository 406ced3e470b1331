"""The manifest of a compressed folder: what each tensor of its weights file is. Plain data, no torch."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

MANIFEST = "compression.json"
PACKED = "mxint8"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuantizedEntry(_Entry):
    """A quantised layer: its kind, as `Kind.stored` has it, and the specs of what has a format.

    The scales of a weight are `held` where a method chose its values: fitted to them anew, they would differ.
    """

    kind: str
    weight: str
    bias: str | None = None
    input: str | None = None
    held: bool = False


class PackedEntry(_Entry):
    """A layer that computes with MXINT8 codes: its weight `[out, in]` in groups of `group`."""

    kind: Literal["mxint8"]
    group: int = Field(ge=1)
    shape: tuple[int, int]


class MaskedEntry(_Entry):
    """A masked weight of this shape, as rows: stored whole, or its survivors alone."""

    shape: tuple[int, int]
    form: Literal["whole", "kept"]


class AbsorbedEntry(_Entry):
    """How a layer was prepared, and the module that divides what it gives in the layer's place."""

    prepare: str
    by: str


class CacheEntry(_Entry):
    """The format of a language model's keys and values, and what its rows are of the keys."""

    spec: str
    axis: Literal["token", "channel"]


def _which(entry: Any) -> str:
    kind = entry.get("kind") if isinstance(entry, dict) else entry.kind
    return PACKED if kind == PACKED else "quantized"


LayerEntry = Annotated[
    Annotated[PackedEntry, Tag(PACKED)] | Annotated[QuantizedEntry, Tag("quantized")], Discriminator(_which)
]


class Manifest(BaseModel):
    """All records of a model; one that is empty is not written.

    `layers` and `masks` are by layer, `shapes` (as rows) by parameter. `cut` holds the shapes `[out, in]` of layers
    that are smaller than the config says, `cut_numbers` what the modules around them count. `tied` gives for each
    further name of a tensor the one it is written under. `thresholds` are the shares of a token's largest input below
    which inputs are zeroed; `skipped` layers are left out. `folded` gives for each norm that was folded the convolution
    that has a bias since, or nothing. `sizes` gives by module the shapes of tensors that lost channels, `size_numbers`
    what these modules say of their sizes. `cache` is how keys and values are rounded. `prepared` is how layers
    prepare their inputs, as a sweep writes it (`engine.preparing`), `absorbed` how and by what their inputs are
    prepared where it is not they.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    layers: dict[str, LayerEntry] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    masks: dict[str, MaskedEntry] = {}
    cut: dict[str, tuple[int, int]] = {}
    cut_numbers: dict[str, dict[str, int]] = {}
    tied: dict[str, str] = {}
    thresholds: dict[str, float] = {}
    skipped: tuple[str, ...] = ()
    folded: dict[str, str] = {}
    sizes: dict[str, dict[str, tuple[int, ...]]] = {}
    size_numbers: dict[str, dict[str, int]] = {}
    cache: CacheEntry | None = None
    prepared: dict[str, str] = {}
    absorbed: dict[str, AbsorbedEntry] = {}

    def written(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"version": self.version} | self.model_dump(mode="json", exclude_defaults=True)

    @property
    def quantized(self) -> dict[str, QuantizedEntry]:
        """The layers that have formats."""
        return {name: entry for name, entry in self.layers.items() if isinstance(entry, QuantizedEntry)}

    @property
    def packed(self) -> dict[str, PackedEntry]:
        """The layers that compute with codes."""
        return {name: entry for name, entry in self.layers.items() if isinstance(entry, PackedEntry)}


def read_manifest(folder: Path) -> Manifest | None:
    """What a folder's manifest says; None where it has none.

    Raises:
        OSError, ValueError: it cannot be read, is no manifest or one of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{MANIFEST}: {place}: {first['msg']}" if place else f"{MANIFEST}: {first['msg']}") from None
