"""How much of a model a choice of layers touches, in bytes of its own files, and what stays as it is. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.figures.units import in_percent
from engine.layers import LINEAR, Layer, is_meant
from engine.models.layer_names import fits, is_chosen, layers_like, layers_of
from engine.models.tied_head import HEAD, tied_table
from engine.models.weights import Tensor, tensors_of

LEAST = 0.01
"""The share of a model's bytes that must be covered before a run says what covering it costs."""
SMALL = "norms, biases and other vectors"
UNKNOWN = "weights of modules that are no known layer"
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Coverage:
    """`covered` of `total` bytes are weights of `layers` layers; `left` gives the bytes of the rest by what it is."""

    covered: int
    total: int
    layers: int
    left: Mapping[str, int]

    @property
    def share(self) -> float:
        """The share (0 to 1) of the bytes."""
        return self.covered / self.total if self.total else 0.0

    @property
    def sentences(self) -> list[str]:
        """What is touched, what is not and why, as it is said before a run starts."""
        named = [f"{in_percent(size / self.total)} % {what}" for what, size in list(self.left.items())[:_NAMED]]
        stays = f"; untouched: {', '.join(named)}" if named else ""
        few = ", too little to say what that costs" if self.share < LEAST else ""
        count = f"{self.layers:,} layer{'' if self.layers == 1 else 's'}"
        return [f"{count} with {in_percent(self.share)} % of the model's bytes can change{few}{stays}"]


def coverage(source: str, include: Sequence[str], exclude: Sequence[str] = (), tables: bool = True) -> Coverage | None:
    """What `include` and `exclude` choose of a model that is on this machine; None where its files do not tell.

    Without `tables` no embedding is touched, whatever is chosen.
    """
    tensors, layers = tensors_of(source), layers_of(source)
    if not tensors or not layers:
        return None
    chosen = {name for name, one in layers_like(source, include, exclude).items() if tables or not one.kind.table}
    if (table := tied_table(source, layers)) and is_chosen(HEAD, LINEAR, include, exclude):
        chosen.add(table)  # the head is chosen, and has the same weight
    left: dict[str, int] = {}
    covered = 0
    for name, tensor in tensors.items():
        layer = next(_layers_named(name, layers), None)
        if layer in chosen:
            covered += tensor.bytes
        else:
            what = _what(layer, layers, tensor, exclude)
            left[what] = left.get(what, 0) + tensor.bytes
    ordered = dict(sorted(left.items(), key=lambda item: -item[1]))
    return Coverage(covered, sum(tensor.bytes for tensor in tensors.values()), len(chosen), ordered)


def touched(source: str, include: Sequence[str], exclude: Sequence[str] = (), tables: bool = True) -> list[str]:
    """The sentences of `coverage`; none where the files do not tell."""
    found = coverage(source, include, exclude, tables)
    return [] if found is None else found.sentences


def _layers_named(tensor: str, layers: Mapping[str, Layer]) -> Iterator[str]:
    """The layer whose weight a tensor is, or a part of it (`.weight.codes`)."""
    name, found, _ = tensor.partition(".weight")
    if found and name in layers:
        yield name


def _what(layer: str | None, layers: Mapping[str, Layer], tensor: Tensor, exclude: Sequence[str]) -> str:
    if layer is None:
        return SMALL if len(tensor.shape) < 2 else UNKNOWN
    kind = layers[layer].kind
    if any(fits(layer, pattern) or is_meant(kind, pattern) for pattern in exclude):
        return f"{kind.name} that skip leaves out"
    return f"{kind.name} (not among layers)"
