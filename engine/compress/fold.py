"""Batch norms folded into the convolutions before them: a layer less to compute, and no format between the two.

Which norm follows which convolution is seen in a pass over some inputs: no names of any family of models.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.compress.layers import Quantized
from engine.compress.prune_masks import mask_of
from engine.training.forward import logits_of

CLOSE = 1e-3  # of what the model gives, relative: sums are rounded otherwise than before


class Folded(nn.Identity):
    """Stands where a batch norm was folded into the convolution before it.

    `biased` names that convolution where it had no bias before, else it is empty.
    """

    def __init__(self, biased: str = "") -> None:
        super().__init__()
        self.biased = biased


def fold_norms(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[str]:
    """Folds all batch norms that follow a convolution directly, in place; the names of the convolutions.

    `inputs` are some that the model takes. A norm stays where the model would give something else without it.

    Raises:
        ForwardError: the model's own code raised.
    """
    model.eval()
    with torch.no_grad():
        wanted, pairs = _outputs(model, inputs)
        if _all_fold(model, pairs, inputs, wanted):
            return list(pairs)
        return [name for name, norm in pairs.items() if _all_fold(model, {name: norm}, inputs, wanted)]


def folded_norms(model: nn.Module) -> dict[str, str]:
    """The norms of a model that were folded, each with the convolution that has a bias since, or with nothing."""
    return {name: module.biased for name, module in model.named_modules() if isinstance(module, Folded)}


def mark_folded(model: nn.Module, norms: Mapping[str, str]) -> None:
    """Makes room for folded weights in a model that still has these norms: biases where there was none."""
    for name, biased in norms.items():
        _put(model, name, Folded(biased))
        if biased and (layer := model.get_submodule(biased)).bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.get_parameter("weight").shape[0]))


def _outputs(model: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, str]]:
    """What the model gives, and by convolution the norm that takes its output as it is."""
    given: dict[int, tuple[str, Tensor]] = {}
    calls: dict[str, int] = {}
    pairs: dict[str, str] = {}

    def leave(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            given[id(output)] = (name, output)  # held, so that no other tensor takes its place

        return hook

    def enter(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
            calls[name] = calls.get(name, 0) + 1
            if inputs and id(inputs[0]) in given:
                pairs[given[id(inputs[0])][0]] = name

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if _is_plain(module):
                stack.callback(module.register_forward_hook(leave(name)).remove)
            elif isinstance(module, _BatchNorm) and type(module).forward is _BatchNorm.forward:
                stack.callback(module.register_forward_pre_hook(enter(name)).remove)
        logits = logits_of(model, inputs)
    once = {conv: norm for conv, norm in pairs.items() if calls[conv] == calls[norm] == 1}
    return logits, {conv: norm for conv, norm in once.items() if _has_statistics(model.get_submodule(norm))}


def _is_plain(module: nn.Module) -> bool:
    """A convolution that does what one does and no more, whose weight may be changed."""
    plain = isinstance(module, nn.Conv2d) and type(module).forward is nn.Conv2d.forward
    return plain and not isinstance(module, Quantized) and mask_of(module) is None


def _has_statistics(norm: nn.Module) -> bool:
    return norm.running_mean is not None and norm.running_var is not None


def _all_fold(model: nn.Module, pairs: Mapping[str, str], inputs: Mapping[str, Tensor], wanted: Tensor) -> bool:
    """Folds these; undone where the model then gives something else."""
    before = {name: (model.get_submodule(name), model.get_submodule(norm)) for name, norm in pairs.items()}
    kept = {name: (conv.weight, conv.bias) for name, (conv, _) in before.items()}
    for name, norm in pairs.items():
        _put(model, norm, Folded("" if kept[name][1] is not None else name))
        _fold(*before[name])
    found = logits_of(model, inputs)
    if torch.allclose(found, wanted, rtol=CLOSE, atol=CLOSE * float(wanted.abs().max())):
        return True
    for name, norm in pairs.items():
        conv, original = before[name]
        conv.weight, conv.bias = kept[name]
        _put(model, norm, original)
    return False


def _fold(conv: nn.Module, norm: nn.Module) -> None:
    """W γ/√(σ²+ε) and (b − μ) γ/√(σ²+ε) + β in place of w and b, worked out in float64."""
    assert isinstance(norm, _BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = conv.get_parameter("weight"), conv.bias
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        factor = factor * norm.weight.double()
    shift = (0 if bias is None else bias.double()) - norm.running_mean.double()  # type: ignore[operator]
    shift = shift * factor + (0 if norm.bias is None else norm.bias.double())
    conv.weight = nn.Parameter((weight.double() * factor.view(-1, 1, 1, 1)).to(weight.dtype))
    conv.bias = nn.Parameter(shift.to(weight.dtype))


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
