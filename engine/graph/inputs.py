"""Inputs that a model can be captured with: their shapes by name, so that no data is needed. No torch at import."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.models.image_shape import image_shape
from engine.models.own_source import python_of
from engine.models.probe import noted
from engine.models.python_file import CARRIED
from engine.tasks.kinds import task_of

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


AUTO = "auto"
_WITH_MASK = ("input_ids,attention_mask,labels", "input_ids,attention_mask", "input_ids")
_SETS: Mapping[str, tuple[str, ...]] = {"image-classification": ("pixel_values,labels", "pixel_values")}


def usual_sets(source: str) -> tuple[str, ...]:
    """The sets of inputs that a model of this source is captured with where none are named. No torch.

    A module of the user's own has one: what its file's `inputs()` gives, or else its forward's only input.
    """
    if (python := python_of(source)) is not None:
        facts = noted(python)
        return (",".join(facts.inputs or [facts.input]) if facts is not None else AUTO,)
    return _SETS.get(task_of(source, here=True), _WITH_MASK)


def dimensions_of(name: str, model: Any) -> tuple[str, ...]:
    """The dynamic dimensions of a model's input: a language model has a label for each token.

    Of what a module of the user's own takes the first is the batch.
    """
    own = getattr(model, CARRIED, None)
    if own is not None:
        return ("batch", *[""] * (own[name].ndim - 1))
    if name == "labels" and predicts_tokens(model):
        return ("batch", "sequence")
    return tuple(DIMENSIONS.get(name, ()))


def is_own(model: Any) -> bool:
    """Whether a model is a module of the user's own, which carries what it takes."""
    return getattr(model, CARRIED, None) is not None


def predicts_tokens(model: Any) -> bool:
    """Whether a model has a label for each token."""
    name = type(model).__name__
    return any(part in name for part in ("ForCausalLM", "LMHeadModel"))


def check_inputs(names: Sequence[str]) -> None:
    """Raises InputError where there is no input at all, or one that is not known."""
    if not names:
        raise InputError("name at least one input, for example input_ids.")
    for name in names:
        if name not in DIMENSIONS:
            near = get_close_matches(name, DIMENSIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the inputs are {', '.join(DIMENSIONS)}."
            raise InputError(f"there is no input {name!r}; {hint}")


def usual_inputs(model: Any) -> list[str]:
    """What a model is called with where nothing is named: texts, with a mask if it takes one; else its main input."""
    import inspect

    if (own := getattr(model, CARRIED, None)) is not None:
        return list(own)
    takes = inspect.signature(model.forward).parameters
    texts = [name for name in ("input_ids", "attention_mask") if name in takes]
    return texts or [str(getattr(model, "main_input_name", "input_ids"))]


def example(
    names: Sequence[str], model: Any, *, sizes: Mapping[str, int] = EXAMPLE, seed: int | None = None
) -> "dict[str, Tensor]":
    """A tensor for each input: plain ones, or random ones by `seed`, that the model's config allows.

    Raises:
        InputError: an input that the model does not take.
    """
    import inspect

    if (own := getattr(model, CARRIED, None)) is not None:
        return _carried(own, names, type(model).__name__, sizes["batch"], seed)
    takes = inspect.signature(model.forward).parameters
    for name in names:
        if name not in takes:
            known = [one for one in takes if one in DIMENSIONS]
            raise InputError(f"{type(model).__name__} does not take {name}; it takes {', '.join(known)}.")
    drawn = {name: _tensor(name, getattr(model, "config", None), sizes, seed) for name in names}
    if "labels" in drawn and predicts_tokens(model):
        drawn["labels"] = _tensor("input_ids", getattr(model, "config", None), sizes, seed)
    return drawn


def _carried(
    own: "Mapping[str, Tensor]", names: Sequence[str], model: str, batch: int, seed: int | None
) -> "dict[str, Tensor]":
    """What a module of the user's own carries, for another batch: its rows again, or by `seed` values drawn like them.

    Raises:
        InputError: an input that it does not carry.
    """
    import torch

    unknown = next((name for name in names if name not in own), None)
    if unknown is not None:
        raise InputError(f"{model} does not take {unknown}; it takes {', '.join(own)}.")
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    found = {}
    for name in names:
        rows = own[name][torch.arange(batch) % len(own[name])]
        if generator is not None and rows.is_floating_point():
            rows = torch.randn(rows.shape, generator=generator)
        found[name] = rows.clone()
    return found


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
            return real((batch, *image_shape(config)))
        case _:
            return _ended(whole(getattr(config, "vocab_size", 2), (batch, sequence)), config)


def _ended(ids: "Tensor", config: Any) -> "Tensor":
    """Texts that end as the model's texts do, once each: some classifiers read the place of the end token."""
    end, size = getattr(config, "eos_token_id", None), getattr(config, "vocab_size", None)
    if not isinstance(end, int) or not isinstance(size, int) or not 0 <= end < size:
        return ids
    ids = ids.masked_fill(ids == end, end + 1 if end + 1 < size else end - 1)
    ids[:, -1] = end
    return ids
