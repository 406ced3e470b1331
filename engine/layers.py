"""The layers that hold weights: what each kind is, and what a model has of them, live or told by a folder's header.

A kind says where the output channels lie, so that formats, masks and scores see every weight as rows: one row for each
output channel (for each entry of a table), the rest of the dimensions run together. No torch at import.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is the class that all layers of the kind derive from, `group` the type that a pattern means it by.

    A weight that is `transposed` has its output channels in its last dimension, as transformers' `Conv1D` has.
    `dimensions` is how many a weight has; a `table` is looked up by ids, so nothing but its weight can have a number
    format.
    """

    name: str
    group: str
    dimensions: int = 2
    transposed: bool = False
    table: bool = False

    @property
    def stored(self) -> str:
        """What a saved model's manifest calls the kind."""
        return "linear-transposed" if self.transposed else self.name.lower()

    def rows(self, weight: "Tensor") -> "Tensor":
        """A weight as `[output channels, the rest]`, a view where that is possible."""
        return weight.t() if self.transposed else weight.flatten(1)

    def shaped(self, rows: "Tensor", shape: Sequence[int]) -> "Tensor":
        """What `rows` was made from: the layer's own `shape` again."""
        return rows.t() if self.transposed else rows.reshape(tuple(shape))

    def features_last(self, x: "Tensor") -> "Tensor":
        """An input with the channels that a layer sums over in its last dimension, where formats take their blocks."""
        return x.movedim(1, -1) if self._convolves(x) else x

    def features_back(self, x: "Tensor") -> "Tensor":
        """What `features_last` was made from."""
        return x.movedim(-1, 1) if self._convolves(x) else x

    def _convolves(self, x: "Tensor") -> bool:
        return self.dimensions > LINEAR.dimensions and x.ndim == self.dimensions

    def channels(self, shape: Sequence[int]) -> int:
        """Input channels that a row of a weight of this shape sums over: of a grouped convolution those of a group."""
        return shape[1] if self.dimensions > LINEAR.dimensions else self.row_shape(shape)[1]

    def row_shape(self, shape: Sequence[int]) -> tuple[int, int]:
        """The shape of the rows of a weight of this shape."""
        out, rest = (shape[-1], shape[:-1]) if self.transposed else (shape[0], shape[1:])
        width = 1
        for size in rest:
            width *= size
        return out, width


LINEAR = Kind("Linear", "Linear")
TRANSPOSED = Kind("Conv1D", "Linear", transposed=True)
CONV1D = Kind("Conv1d", "Conv1d", dimensions=3)
CONV2D = Kind("Conv2d", "Conv2d", dimensions=4)
EMBEDDING = Kind("Embedding", "Embedding", table=True)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (LINEAR, TRANSPOSED, CONV1D, CONV2D, EMBEDDING)}
TYPES = tuple(KINDS)
"""What a pattern may name besides layers. `Linear` means `Conv1D` too: it is a linear layer, stored the other way."""
_STORED = {kind.stored: kind for kind in KINDS.values()}


def stored_kind(name: str) -> Kind:
    """The kind that a saved model's manifest calls by this name; a packed layer is none that can be changed again."""
    return _STORED.get(name, Kind(name, name))


def is_meant(kind: Kind, pattern: str) -> bool:
    """Whether a pattern is a type's name that means this kind."""
    return pattern in (kind.name, kind.group)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that holds a weight: its kind and the weight's own shape."""

    kind: Kind
    shape: tuple[int, ...]


def in_blocks(name: str) -> bool:
    """Whether a layer of this name lies in a repeated block: below a number, and no router that chooses experts."""
    *above, leaf = name.split(".")
    return any(part.isdecimal() for part in above) and leaf not in ("router", "gate")


def is_adaptable(kind: Kind) -> bool:
    """Whether a low-rank adapter can stand beside layers of this kind."""
    return is_meant(kind, LINEAR.group) or kind is CONV2D


def adaptable(layers: Mapping[str, "Layer"]) -> list[str]:
    """Those that get adapters by default: the linear layers of repeated blocks, or else the convolutions there."""
    blocks = {name: layer.kind for name, layer in layers.items() if in_blocks(name)}
    linear = [name for name, kind in blocks.items() if is_meant(kind, LINEAR.group)]
    return linear or [name for name, kind in blocks.items() if kind is CONV2D]


def kind_of(module: "nn.Module") -> Kind | None:
    """The kind of a live module; None where it is none of them, or its weight is read past its forward."""
    from torch import nn
    from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

    if isinstance(module, nn.Linear):
        return None if isinstance(module, NonDynamicallyQuantizableLinear) else LINEAR
    if isinstance(module, nn.Embedding):
        return EMBEDDING
    if isinstance(module, nn.Conv2d):
        return CONV2D
    if isinstance(module, nn.Conv1d):
        return None if module.weight.shape[1] == 1 else CONV1D
    transposed = getattr(sys.modules.get("transformers.pytorch_utils"), "Conv1D", None)
    return TRANSPOSED if transposed is not None and isinstance(module, transposed) else None


def weight_of(module: "nn.Module") -> "Tensor":
    """The parameter that a layer's weight is made from, below any mask."""
    parametrized = getattr(module, "parametrizations", None)
    if parametrized is not None and "weight" in parametrized:
        return module.get_parameter("parametrizations.weight.original")
    return module.get_parameter("weight")


def live_layers(model: "nn.Module") -> dict[str, tuple[str, ...]]:
    """The layers of a model by name, in its order, each with every name that its weight is used under.

    A weight that several layers share is one layer, called by the first of them.
    """
    names: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        if name and kind_of(module) is not None:
            names.setdefault(id(weight_of(module)), []).append(name)
    return {same[0]: tuple(same) for same in names.values()}


def describe_model(model: "nn.Module") -> dict[str, Layer]:
    """The layers of a live model."""
    return {name: layer for name in live_layers(model) if (layer := _described(model.get_submodule(name))) is not None}


def _described(module: "nn.Module") -> Layer | None:
    kind = kind_of(module)
    return None if kind is None else Layer(kind, tuple(weight_of(module).shape))


def share_of(model: "nn.Module", names: Iterable[str]) -> float:
    """The share (0 to 1) of a model's parameters that are weights of these layers; what is shared counts once."""
    chosen = {id(one): one.numel() for name in names for one in [weight_of(model.get_submodule(name))]}
    total = sum(parameter.numel() for parameter in model.parameters())
    return sum(chosen.values()) / total if total else 0.0


# What a header cannot say: which of the matrices are tables, stored the other way, or no layers at all. A test holds
# this equal to the live models of every architecture.
_TABLE = re.compile(r"embed|^wte$|^wpe$|^shared$|^relative_attention_bias$", re.IGNORECASE)
_NO_TABLE = re.compile(r"_(linear_embeddings|mapping_in|transformation|project|dense)$|^xpath_unitseq2_embeddings$")
_CONVOLUTION = re.compile(r"conv|wise")
_TRANSPOSED = re.compile(r"^(c_attn|q_attn|c_proj|c_fc)$")
_TRANSPOSED_TYPES = {"gpt2", "openai-gpt", "decision_transformer", "clvp"}
_EXPERT = re.compile(r"\.experts\.\d+\.")  # saved one by one, in memory a block of all
_ROUTED = {"axk1", "deepseek_v2", "deepseek_v3", "minimax", "mistral4", "mixtral"} | {
    "qwen2_moe",
    "qwen3_moe",
    "qwen3_next",
}
_NO_LAYERS = {*((family, "gate") for family in _ROUTED), ("gpt_oss", "router"), ("jamba", "router")}
RENAMED = {"axk2", "gte", "jina_embeddings_v3", "nomic_bert", "phimoe", "ultrabert"}
RENAMED |= {"beit", "convnextv2", "deit", "dinov2", "dinov2_with_registers", "ijepa", "segformer", "siglip", "swin"}
RENAMED |= {"vit", "vit_msn"}
"""Model types whose saved tensors have other names or shapes than live layers: their headers tell none."""


def describe_tensors(shapes: Mapping[str, Sequence[int]], config: Mapping[str, Any]) -> dict[str, Layer]:
    """The layers of a saved model by name, told by the names and shapes of its tensors and by its config.json.

    Numbers in names come in their order. Of a `RENAMED` type nothing can be told.
    """
    family = str(config.get("model_type", ""))
    found = {}
    for name in sorted(shapes, key=_in_order) if family not in RENAMED else ():
        layer = name.removesuffix(".weight")
        if layer != name and (kind := kind_named(layer, shapes[name], family)) is not None:
            found[layer] = Layer(kind, tuple(shapes[name]))
    return found


def kind_named(name: str, shape: Sequence[int], family: str) -> Kind | None:
    """What a layer of this name, whose weight has this shape, is in a model of the type `family`; None where none."""
    leaf = next((part for part in reversed(name.split(".")) if not part.isdecimal()), name)
    if len(shape) == CONV2D.dimensions:
        return CONV2D
    if len(shape) == CONV1D.dimensions:
        convolves = (_CONVOLUTION.search(leaf) or family == "squeezebert") and shape[1] > 1
        return CONV1D if convolves else None
    if len(shape) != LINEAR.dimensions or (family, leaf) in _NO_LAYERS or _EXPERT.search(name):
        return None
    if family == "ibert" and name.startswith("ibert."):  # modules that quantise by rules of their own
        return None
    if (family, leaf) == ("ctrl", "w") or (_TABLE.search(leaf) and not _NO_TABLE.search(leaf)):
        return EMBEDDING
    return TRANSPOSED if family in _TRANSPOSED_TYPES and _TRANSPOSED.search(leaf) else LINEAR


def _in_order(name: str) -> list[str]:
    return [part.zfill(9) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
