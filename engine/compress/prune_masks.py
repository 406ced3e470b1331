"""Masks over weights: they live in `torch.nn.utils.parametrize`, so that training, copying and saving respect them."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.compress.layers import Quantized
from engine.errors import InputError
from engine.formats import Format
from engine.layers import live_layers, weight_of
from engine.rounding import without_zero


class Mask(nn.Module):
    """Zeros where `mask`, bool in the weight's shape, is False; the values below are kept but never seen."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with zeros; masked elements get no gradient."""
        return weight.masked_fill(~self.mask, 0.0)


class SmallInputs:
    """Zeros every input below `threshold` times the largest magnitude in its token, whatever else is in the batch."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, layer: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A forward pre-hook; the last dimension of the first argument holds a token's features."""
        size = args[0].abs()
        limit = self.threshold * size.amax(-1, keepdim=True)
        return args[0].masked_fill(size < limit, 0.0), *args[1:]


def mask_of(layer: nn.Module) -> Tensor | None:
    """The layer's mask; None where it has none."""
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    return next((one.mask for one in layer.parametrizations.weight if isinstance(one, Mask)), None)  # type: ignore[union-attr]


def masked_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers with a mask by name, in the model's order; those that share a weight are one."""
    found: dict[int, tuple[str, nn.Module]] = {}
    for name, layer in model.named_modules():
        if mask_of(layer) is not None:
            found.setdefault(id(weight_of(layer)), (name, layer))
    return dict(found.values())


def set_mask(layer: nn.Module, mask: Tensor, others: Iterable[nn.Module] = ()) -> None:
    """Lays a mask over a layer's weight, in place of one that is there, and over the same weight in `others`.

    Raises:
        InputError: the layer's number format has no zero.
    """
    if (before := mask_of(layer)) is not None:  # one tensor for all that share the weight
        before.copy_(mask)
        return
    if isinstance(layer, Quantized):
        check_zero(layer.weight_format.format.plain)
    laid = Mask(mask.to(weight_of(layer).device))
    for one in (layer, *others):
        parametrize.register_parametrization(one, "weight", laid)


def check_zero(number_format: Format) -> None:
    """Raises InputError for a format that has no zero."""
    if number_format.quantize(torch.tensor([[0.0, 1.0, 3.0]]))[0, 0] != 0:
        raise InputError(without_zero(str(number_format)))


def mask_layers(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Lays masks over layers, each over every use of its weight. Raises InputError like `set_mask`."""
    uses = live_layers(model)
    for name, mask in masks.items():
        layer, *others = (model.get_submodule(one) for one in uses[name])
        set_mask(layer, mask, others)


def threshold_of(layer: nn.Module) -> float | None:
    """Below which share of a token's largest input inputs are zeroed; None where they are not."""
    hooks = layer._forward_pre_hooks.values()
    return next((hook.threshold for hook in hooks if isinstance(hook, SmallInputs)), None)


def thresholds(model: nn.Module) -> dict[str, float]:
    """The layers whose small inputs are zeroed."""
    found = ((name, threshold_of(layer)) for name, layer in model.named_modules())
    return {name: threshold for name, threshold in found if threshold is not None}


def set_threshold(layer: nn.Module, threshold: float) -> None:
    """Zeros small inputs of a layer from now on, by another threshold than before where there was one."""
    for number, hook in list(layer._forward_pre_hooks.items()):
        if isinstance(hook, SmallInputs):
            del layer._forward_pre_hooks[number]
    layer.register_forward_pre_hook(SmallInputs(threshold))


def rebuilt(
    layer: nn.Module,
    build: Callable[[nn.Module], nn.Module],
    part: Callable[[Tensor], Tensor] = lambda mask: mask,
    like: nn.Module | None = None,
) -> nn.Module:
    """What `build` makes of the bare layer, with the layer's mask (that `part` of it) and threshold laid over it.

    `like` is what has been made of another layer with the same weight: weight and mask are shared with it.
    """
    mask, threshold = mask_of(layer), threshold_of(layer)
    new = build(unmasked(layer))
    if mask is not None and like is not None:
        new.register_parameter("weight", weight_of(like))  # type: ignore[arg-type]
        shared: nn.Module = like.get_submodule("parametrizations.weight.0")
        parametrize.register_parametrization(new, "weight", shared)
    elif mask is not None:
        set_mask(new, part(mask))
    if threshold is not None:
        set_threshold(new, threshold)
    return new


def unmasked(layer: nn.Module) -> nn.Module:
    """The layer without its mask, the zeros written into its weight; itself where it has none.

    `remove_parametrizations` would change the class of the layer, which copies of it share.
    """
    if mask_of(layer) is None:
        return layer
    weight = layer.weight
    assert isinstance(weight, Tensor)
    bare: nn.Module = object.__new__(type(layer).__mro__[1])
    bare.__dict__ = layer.__dict__ | {
        "_parameters": {"weight": nn.Parameter(weight.detach())} | layer._parameters,
        "_modules": {name: module for name, module in layer._modules.items() if name != "parametrizations"},
    }
    return bare
