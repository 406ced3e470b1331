"""Square linear layers that are left out of a model: what comes in goes on as it is."""

from collections.abc import Iterable

from torch import nn

from engine.compress.layers import replace_layers
from engine.layers import describe_model, is_meant


class Skipped(nn.Identity):
    """Stands where a layer was left out."""


def square_layers(model: nn.Module) -> list[str]:
    """The linear layers with as many outputs as inputs, in the model's order."""
    layers = describe_model(model)
    return [name for name, one in layers.items() if is_meant(one.kind, "Linear") and len(set(one.shape)) == 1]


def skip_layers(model: nn.Module, names: Iterable[str]) -> None:
    """Leaves these layers out, in place."""
    wanted = set(names)
    replace_layers(model, lambda name, _: Skipped() if name in wanted else None)


def skipped_layers(model: nn.Module) -> list[str]:
    """The layers that were left out."""
    return [name for name, module in model.named_modules() if isinstance(module, Skipped)]
