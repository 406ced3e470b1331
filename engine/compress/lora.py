"""Low-rank adaptation (LoRA, Hu et al. 2021) through PEFT: small matrices trained beside frozen layers, then merged."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from engine.compress.layers import replace_layers
from engine.compress.prune_masks import raw_weight
from engine.compress.selection import included_layers
from engine.errors import InputError

_ADAPTER = "default"  # PEFT's own name for the only one


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """`rank` columns are trained for each layer, scaled by `alpha / rank`; `dropout` is on the layer's input.

    `targets` are names, patterns or types of linear layers; empty takes those that PEFT knows for the kind of model.
    """

    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


def add_lora(model: nn.Module, settings: LoraSettings, seed: int = 0) -> list[str]:
    """Puts adapters beside layers of `model`, in place, and freezes everything else; returns the layers' names.

    Raises:
        InputError: a target that fits no layer, or none that is linear.
    """
    from peft import LoraConfig, inject_adapter_in_model

    names = _targets(model, settings.targets)
    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=names, bias="none"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        logging.getLogger("peft").setLevel(logging.ERROR)
        inject_adapter_in_model(config, model)
    return names


def merge_lora(model: nn.Module) -> None:
    """Adds what was trained to the layers' own weights, in place, and takes the adapters away; all may train again.

    A mask or a number format of a layer then applies to the sum.
    """
    from peft.tuners.lora import Linear as Adapted

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, Adapted):
            return None
        base: nn.Module = layer.base_layer
        with torch.no_grad():
            raw_weight(base).add_(layer.get_delta_weight(_ADAPTER))
        return base

    replace_layers(model, replacement)
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
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    chosen = tuple(patterns)
    if not chosen:
        kind = getattr(getattr(model, "config", None), "model_type", "")
        if kind not in KNOWN:
            raise InputError(
                f"which layers of a {kind or 'model like this'} to adapt is not known; name them as targets."
            )
        chosen = tuple(f"*.{ending}" for ending in KNOWN[kind])
    names = [name for name in included_layers(model, chosen) if isinstance(model.get_submodule(name), nn.Linear)]
    if not names:
        raise InputError(f"LoRA adapts linear layers; {', '.join(chosen)} are embeddings: name linear ones as targets.")
    return names
