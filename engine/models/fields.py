"""The fields of a model's config, read without torch: what an architecture search may change."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.builtin import MAX_LENGTH
from engine.models.check import config_file
from engine.models.sources import locate

_BUILTIN: dict[str, Any] = {
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 128,
    "initializer_range": 0.08,
    "intermediate_size": 512,
    "layer_norm_eps": 1e-12,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
}
"""Of the built-in model, known before it is made."""

_FIXED = {"vocab_size", "num_labels", "pad_token_id", "max_position_embeddings", "type_vocab_size", "dtype"}
"""Fields that tokenizer, data or file decide."""

HEADS = (("hidden_size", "num_attention_heads"), ("dim", "n_heads"), ("n_embd", "n_head"))
"""Fields of which the first must be a multiple of the second."""


def model_fields(source: str) -> dict[str, Any]:
    """Numbers, words and switches of a model's config by name, but for those that are not a search's to change.

    Raises:
        InputError: the model is not there.
    """
    located = locate(source)
    if located.kind == "builtin":
        return dict(_BUILTIN)
    facts = _facts(source)
    plain = (int, float, bool)
    return {
        name: value
        for name, value in facts.items()
        if name not in _FIXED
        and not name.endswith(("_id", "version", "model_type"))
        and (isinstance(value, plain) or (isinstance(value, str) and name.endswith(("act", "activation"))))
    }


def longest_text(source: str) -> int | None:
    """How many tokens a model takes at most; None where its config does not say. Raises InputError like the above."""
    longest = MAX_LENGTH if locate(source).kind == "builtin" else _facts(source).get("max_position_embeddings")
    return longest if isinstance(longest, int) else None


def _facts(source: str) -> Mapping[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(config_file(source).read_text(encoding="utf-8"))
        return facts
    except (OSError, ValueError):
        raise InputError(f"config.json of {source} cannot be read; name a folder that save_pretrained wrote.") from None


def check_fields(source: str, wanted: Iterable[tuple[str, Any]]) -> None:
    """Raises InputError where a name is no field of the model's config, or a value is of another kind than its own."""
    fields = model_fields(source)
    for name, value in wanted:
        if name not in fields:
            raise InputError(
                f"the config of {Path(source).name} has no field {name!r}; its fields are {', '.join(sorted(fields))}."
            )
        own = fields[name]
        whole = isinstance(own, int) and not isinstance(own, bool)
        if whole and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(f"{name} is a whole number from 1 on (here {own}), not {value}.")
        if isinstance(own, float) and (isinstance(value, bool | str)):
            raise InputError(f"{name} is a number (here {own}), not {value!r}.")
