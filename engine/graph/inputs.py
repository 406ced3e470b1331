"""Inputs that a model can be captured with: their shapes by name, so that no data is needed. No torch at import."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "input_ids": ("batch", "sequence"),
    "attention_mask": ("batch", "sequence"),
    "token_type_ids": ("batch", "sequence"),
    "position_ids": ("batch", "sequence"),
    "inputs_embeds": ("batch", "sequence", ""),
    "labels": ("batch",),
    "pixel_values": ("batch", "", "", ""),
}
"""The dynamic dimensions of each known input; "" is one that stays what the model says."""
EXAMPLE = {"batch": 3, "sequence": 11}  # dynamic dimensions of 1, or two that are equal, would be taken as fixed


def check_inputs(names: Sequence[str]) -> None:
    """Raises InputError where there is no input at all, or one that is not known."""
    if not names:
        raise InputError("name at least one input, for example input_ids.")
    for name in names:
        if name not in DIMENSIONS:
            near = get_close_matches(name, DIMENSIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the inputs are {', '.join(DIMENSIONS)}."
            raise InputError(f"there is no input {name!r}; {hint}")


def example(
    names: Sequence[str], model: Any, *, sizes: Mapping[str, int] = EXAMPLE, seed: int | None = None
) -> "dict[str, Tensor]":
    """A tensor for each input: plain ones, or random ones by `seed`, that the model's config allows.

    Raises:
        InputError: an input that the model does not take.
    """
    import inspect

    takes = inspect.signature(model.forward).parameters
    for name in names:
        if name not in takes:
            known = [one for one in takes if one in DIMENSIONS]
            raise InputError(f"{type(model).__name__} does not take {name}; it takes {', '.join(known)}.")
    return {name: _tensor(name, getattr(model, "config", None), sizes, seed) for name in names}


def _tensor(name: str, config: Any, sizes: Mapping[str, int], seed: int | None) -> "Tensor":
    import torch

    batch, sequence = sizes["batch"], sizes["sequence"]
    generator = None if seed is None else torch.Generator().manual_seed(seed + sum(name.encode()))

    def whole(high: int, shape: tuple[int, ...]) -> "Tensor":
        if generator is None:
            return torch.zeros(shape, dtype=torch.int64)
        return torch.randint(0, max(1, high), shape, generator=generator)

    def real(shape: tuple[int, ...]) -> "Tensor":
        return torch.zeros(shape) if generator is None else torch.randn(shape, generator=generator)

    match name:
        case "attention_mask":
            mask = torch.ones(batch, sequence, dtype=torch.int64)
            if generator is not None:  # the second half of the last text is padding
                mask[-1, sequence // 2 + 1 :] = 0
            return mask
        case "token_type_ids":
            return whole(getattr(config, "type_vocab_size", 1), (batch, sequence))
        case "position_ids":
            return torch.arange(sequence).expand(batch, sequence).contiguous()
        case "labels":
            return whole(getattr(config, "num_labels", 2), (batch,))
        case "inputs_embeds":
            return real((batch, sequence, config.hidden_size))
        case "pixel_values":
            side = config.image_size
            return real((batch, getattr(config, "num_channels", 3), side, side))
        case _:
            return whole(getattr(config, "vocab_size", 2), (batch, sequence))
