"""Whole neurons of feed-forward blocks and whole attention heads: found by name, scored together, really cut out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from engine.compress.layers import QuantizedLinear, replace_layers
from engine.compress.prune_masks import rebuilt
from engine.errors import InputError

Kind = Literal["neurons", "heads"]
# (layers whose rows go, layer whose columns go with them), as the families of BERT and of DistilBERT name them.
_NAMES: Mapping[Kind, Sequence[tuple[tuple[str, ...], str]]] = {
    "neurons": ((("intermediate.dense",), "output.dense"), (("ffn.lin1",), "ffn.lin2")),
    "heads": (
        (("attention.self.query", "attention.self.key", "attention.self.value"), "attention.output.dense"),
        (("attention.q_lin", "attention.k_lin", "attention.v_lin"), "attention.out_lin"),
    ),
}


@dataclass(frozen=True, slots=True)
class Block:
    """`units` equal parts of `width` rows in each of the `rows` layers, read by as many columns of `columns`."""

    rows: tuple[str, ...]
    columns: str
    units: int
    width: int

    def places(self, kept: Tensor) -> Tensor:
        """The rows, or columns, that units kept (bool [units]) stand for."""
        return kept.repeat_interleave(self.width).nonzero().flatten()


def blocks(model: nn.Module, kind: Kind, names: Sequence[str]) -> list[Block]:
    """The feed-forward or attention blocks whose first layer is among `names`.

    Raises:
        InputError: there is none.
    """
    found = []
    for name in names:
        for rows, columns in _NAMES[kind]:
            stem = name.removesuffix(rows[0])
            if stem == name or (stem and not stem.endswith(".")):
                continue
            first = model.get_submodule(name)
            width = 1 if kind == "neurons" else int(getattr(_parent(model, name), "attention_head_size"))  # noqa: B009
            assert isinstance(first, nn.Linear)
            found.append(Block(tuple(stem + row for row in rows), stem + columns, first.out_features // width, width))
    if not found:
        what = "feed-forward blocks" if kind == "neurons" else "attention blocks"
        raise InputError(f"no {what} are known among the chosen layers; prune weights instead, or include them.")
    return found


def involved(found: Sequence[Block]) -> list[str]:
    """Every layer that loses something."""
    return [name for block in found for name in (*block.rows, block.columns)]


def unit_scores(block: Block, scores: Mapping[str, Tensor]) -> Tensor:
    """The sum of the scores of all that would go with each unit, [units]."""
    rows = sum(scores[name].double().reshape(block.units, -1).sum(1) for name in block.rows)
    columns = scores[block.columns].double().reshape(-1, block.units, block.width).sum((0, 2))
    return columns + rows


def cut(model: nn.Module, found: Sequence[Block], kept: Sequence[Tensor]) -> None:
    """Takes the units that are not kept out of the model, in place: its layers become smaller."""
    for block, units in zip(found, kept, strict=True):
        places = block.places(units.cpu())
        for name in block.rows:
            _put(model, name, rows=places)
        _put(model, block.columns, columns=places)


def resized(layer: nn.Linear, rows: Tensor | None = None, columns: Tensor | None = None) -> nn.Linear:
    """A linear layer of some of its rows and columns, quantised as it was."""
    weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
    if rows is not None:
        weight, bias = weight[rows.to(weight.device)], None if bias is None else bias[rows.to(weight.device)]
    if columns is not None:
        weight = weight[:, columns.to(weight.device)]
    small = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    small.weight = nn.Parameter(weight.clone())
    if bias is not None:
        small.bias = nn.Parameter(bias.clone())
    small.train(layer.training)
    if not isinstance(layer, QuantizedLinear):
        return small
    formats = (layer.bias_format, layer.input_format)
    quantized = QuantizedLinear(small, layer.weight_format.format, *(one.format if one else None for one in formats))
    quantized.input_sqnr = layer.input_sqnr
    return quantized.to(weight.device)


def cut_shapes(model: nn.Module) -> dict[str, list[int]]:
    """Shapes [out, in] of the linear layers that are smaller than the model's config says."""
    config = getattr(model, "config", None)
    if config is None:
        return {}
    with torch.device("meta"):
        whole = type(model)(config)
    sizes = {name: [one.out_features, one.in_features] for name, one in _linear(whole).items()}
    return {
        name: [one.out_features, one.in_features]
        for name, one in _linear(model).items()
        if name in sizes and sizes[name] != [one.out_features, one.in_features]
    }


def shrink(model: nn.Module, shapes: Mapping[str, Sequence[int]]) -> None:
    """Gives linear layers the sizes that `cut_shapes` told, so that a cut model's weights can be loaded."""

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in shapes:
            return None
        assert isinstance(layer, nn.Linear)
        return resized(layer, torch.arange(shapes[name][0]), torch.arange(shapes[name][1]))

    replace_layers(model, replacement)


def _put(model: nn.Module, name: str, rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    def build(layer: nn.Module) -> nn.Module:
        assert isinstance(layer, nn.Linear)
        return resized(layer, rows, columns)

    def part(mask: Tensor) -> Tensor:
        mask = mask if rows is None else mask[rows.to(mask.device)]
        return mask if columns is None else mask[:, columns.to(mask.device)]

    setattr(_parent(model, name), name.rpartition(".")[2], rebuilt(model.get_submodule(name), build, part))


def _parent(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def _linear(model: nn.Module) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
