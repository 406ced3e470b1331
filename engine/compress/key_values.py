"""Keys and values of attention in a number format, as a quantised cache of a causal language model holds them.

A model gets a cache of transformers' own kind that rounds what enters it: attention reads rounded keys (after their
positions were turned in) and values, those of the token itself included, and text is generated with the same cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.registry import is_open, parse_spec
from engine.training.forward import forward

Axis = Literal["token", "channel"]


@dataclass(frozen=True, slots=True)
class CacheFormat:
    """`token`: the rows that formats see are a token's features in one head, of keys and of values.

    `channel`: of keys they are a feature over the tokens that come in together, of values as before (Z. Liu et al.,
    KIVI, 2024: keys have a few large channels).
    """

    spec: str
    axis: Axis = "token"

    def format(self) -> Format:
        """The format. Raises InputError where it is fitted to data: a cache meets each token once."""
        if is_open(parse_spec(self.spec)):
            raise InputError(
                f"{self.spec} is fitted to data, and a cache meets each token as it comes: give its scale, as "
                "fixed(8,4) does, or a format whose scale comes with the token, such as int(8) or mxfp8_e4m3."
            )
        return parse(self.spec)

    def bytes(self, shapes: "list[tuple[int, int]]", tokens: int) -> int:
        """Bytes of the cache of one sequence of so many tokens, by (heads, features) of the keys and values in turn."""
        number_format, total = self.format(), 0
        for place, (heads, features) in enumerate(shapes):
            across = self.axis == "channel" and place % 2 == 0
            shape = (heads * features, tokens) if across else (heads * tokens, features)
            total += number_format.stored_bytes(shape)
        return total


class RoundedCache(DynamicCache):  # type: ignore[misc]  # transformers is not typed
    """A cache whose keys and values are in a format. `shapes` are (heads, features) of what came in."""

    def __init__(self, config: Any, cache: CacheFormat) -> None:
        super().__init__(config=config)
        self._format, self._axis = cache.format(), cache.axis
        self.shapes: list[tuple[int, int]] = []

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **more: Any) -> Any:
        """Keeps `[batch, heads, tokens, features]` rounded, and gives all that a layer has so far."""
        self.shapes += [(one.shape[1], one.shape[3]) for one in (key_states, value_states)]
        keys = self._rounded(key_states, across=self._axis == "channel")
        return super().update(keys, self._rounded(value_states), layer_idx, *args, **more)

    def _rounded(self, x: Tensor, across: bool = False) -> Tensor:
        turned = x.transpose(-1, -2) if across else x
        rounded = self._format.fake_quantize(turned).to(x.dtype)
        return rounded.transpose(-1, -2) if across else rounded


class _Fill:
    """A forward pre-hook that gives a model a rounded cache in place of none, or of an empty one."""

    def __init__(self, cache: CacheFormat) -> None:
        self.cache = cache

    def __call__(
        self, model: Any, args: tuple[Any, ...], inputs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = inputs.get("past_key_values")
        if isinstance(given, RoundedCache) or (given is not None and given.get_seq_length()):
            return args, inputs
        return args, inputs | {"past_key_values": RoundedCache(model.config, self.cache), "use_cache": True}


def cache_of(model: nn.Module) -> CacheFormat | None:
    """The format of a model's cache; None where it has none."""
    hooks = model._forward_pre_hooks.values()
    return next((hook.cache for hook in hooks if isinstance(hook, _Fill)), None)


def quantize_cache(model: nn.Module, cache: CacheFormat) -> None:
    """Rounds a model's keys and values from now on, by another format than before where there was one.

    Raises:
        InputError: a format that is fitted to data.
    """
    cache.format()
    keep_cache(model)
    model.register_forward_pre_hook(_Fill(cache), with_kwargs=True)


def keep_cache(model: nn.Module) -> None:
    """Leaves a model's keys and values as they are from now on."""
    for number, hook in list(model._forward_pre_hooks.items()):
        if isinstance(hook, _Fill):
            del model._forward_pre_hooks[number]
            model._forward_pre_hooks_with_kwargs.pop(number, None)


def cache_shapes(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[tuple[int, int]]:
    """(heads, features) of the keys and values of each layer in turn, seen in one pass over inputs.

    Raises:
        InputError: the model keeps no keys and values, or keeps them where no cache of another kind can be given.
    """
    probe = RoundedCache(getattr(model, "config", None), CacheFormat("fp32"))
    try:
        with torch.no_grad():
            forward(model, {**inputs, "past_key_values": probe, "use_cache": True})  # type: ignore[dict-item]
    except TypeError:
        pass
    if not probe.shapes:
        raise InputError(
            f"{type(model).__name__} keeps no keys and values in a cache of transformers' kind; leave kv out."
        )
    return probe.shapes
