"""Low-rank adaptation (LoRA, Hu et al. 2021) through PEFT: small matrices trained beside frozen layers, then merged."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from engine.compress.layers import Quantized, replace_layers
from engine.compress.low_rank import LowRank, add_low_rank, merge_low_rank
from engine.compress.preparation import refuse_prepared
from engine.compress.selection import included_layers
from engine.errors import InputError
from engine.layers import adaptable, describe_model, is_adaptable, weight_of

_ADAPTER = "default"  # PEFT's own name for the only one


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """`rank` columns are trained for each layer, scaled by `alpha / rank`; `dropout` is on the layer's input.

    `targets` are names, patterns or types of layers; empty takes all linear layers of the repeated blocks, or where
    there are none the convolutions there.
    """

    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


def add_lora(model: nn.Module, settings: LoraSettings, seed: int = 0) -> list[str]:
    """Puts adapters beside layers of `model`, in place, and freezes everything else; returns the layers' names.

    That of a layer with a number format lies under the format: the sum is rounded in each step.

    Raises:
        InputError: a target that fits no layer, or none that can have an adapter; a model with prepared layers;
            dropout where a layer has a format, as there is no input of an adapter there.
    """
    from peft import LoraConfig, inject_adapter_in_model

    refuse_prepared(model, "what an adapter learns of its inputs cannot be merged into its weight")
    names = _targets(model, settings.targets)
    under = {name: layer for name in names if isinstance(layer := model.get_submodule(name), Quantized)}
    if under and settings.dropout:
        raise InputError("Adapters of layers with a number format have no input to drop: set dropout to 0.")
    model.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in under.values():
            add_low_rank(layer, settings.rank, settings.alpha / settings.rank)
        if beside := [name for name in names if name not in under]:
            logging.getLogger("peft").setLevel(logging.ERROR)
            config = LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.dropout,
                target_modules=beside,
                bias="none",
            )
            inject_adapter_in_model(config, model)
    for module in model.modules():  # PEFT trains its own adapters alone
        if isinstance(module, LowRank):
            module.requires_grad_(True)
    return names


def merge_lora(model: nn.Module) -> None:
    """Adds what was trained to the layers' own weights, in place, and takes the adapters away; all may train again.

    A mask of a layer then applies to the sum.
    """
    from peft.tuners.lora import Conv2d, Linear

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, Linear | Conv2d):
            return None
        base: nn.Module = layer.base_layer
        with torch.no_grad():
            weight_of(base).add_(layer.get_delta_weight(_ADAPTER))
        return base

    replace_layers(model, replacement)
    for layer in model.modules():
        if isinstance(layer, Quantized):
            merge_low_rank(layer)
    if hasattr(model, "peft_config"):
        del model.peft_config
    model.requires_grad_(True)


def trainable(model: nn.Module) -> tuple[int, int, int]:
    """How many parameters train, their bytes, and how many there are in all; each counted once."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return (
        sum(parameter.numel() for parameter in trained),
        sum(parameter.numel() * parameter.element_size() for parameter in trained),
        sum(parameter.numel() for parameter in parameters),
    )


def _targets(model: nn.Module, patterns: Iterable[str]) -> list[str]:
    chosen = tuple(patterns)
    layers = describe_model(model)
    if not chosen:
        if names := adaptable(layers):
            return names
        raise InputError(f"{type(model).__name__} has no repeated blocks of linear layers; name layers as targets.")
    names = [name for name in included_layers(model, chosen) if is_adaptable(layers[name].kind)]
    if not names:
        raise InputError(
            f"LoRA adapts linear layers and convolutions; {', '.join(chosen)} are none: name such ones as targets."
        )
    return names
