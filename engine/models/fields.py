"""The fields of a model's config, read without torch: what an architecture search may change."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.builtin import LANGUAGE, LONGEST_WINDOW, MAX_LENGTH, VISION
from engine.models.facts import read_facts
from engine.models.gguf import context_length, is_gguf
from engine.models.own_source import is_own, python_of
from engine.models.python_file import read_python
from engine.models.sources import locate

_POSITIONS = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")
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
_LANGUAGE: dict[str, Any] = {
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.05,
    "intermediate_size": 344,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
}
_VISION: dict[str, Any] = {"embedding_size": 16, "hidden_act": "relu"}
"""Of the built-in models, known before they are made."""

_FIXED = {"vocab_size", "num_labels", "pad_token_id", "max_position_embeddings", "type_vocab_size", "dtype"}
_FIXED |= {"num_channels", "image_size"}
"""Fields that tokenizer, data or file decide."""

_CLASSES = {"classes", "num_classes", "n_classes", "num_labels"}
"""Arguments of a function that the data decide."""

HEADS = (("hidden_size", "num_attention_heads"), ("dim", "n_heads"), ("n_embd", "n_head"))
"""Fields of which the first must be a multiple of the second."""

MOST_TIMES = 1000
"""How much larger than a model's own a size may be: beyond it a slip of the hand would fill the memory."""


def model_fields(source: str) -> dict[str, Any]:
    """Numbers, words and switches of a model's config by name, but for those that are not a search's to change.

    Of a module of the user's own they are the arguments of its function.

    Raises:
        InputError: the model is not there.
    """
    located = locate(source)
    if located.kind == "builtin":
        return dict({LANGUAGE: _LANGUAGE, VISION: _VISION}.get(source, _BUILTIN))
    if (python := python_of(source)) is not None:
        return {name: value for name, value in read_python(python).arguments.items() if name not in _CLASSES}
    facts = read_facts(source)
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
    if locate(source).kind == "builtin":
        return LONGEST_WINDOW if source == LANGUAGE else MAX_LENGTH
    if is_own(source):
        return None
    located = locate(source)
    if located.kind == "local" and is_gguf(located.path):
        return context_length(located.path)
    facts = read_facts(source)
    return next((facts[name] for name in _POSITIONS if isinstance(facts.get(name), int)), None)


def check_fields(source: str, wanted: Iterable[tuple[str, Any]]) -> None:
    """Raises InputError where a name is no field of the model's config, or a value is of another kind than its own."""
    fields = model_fields(source)
    for name, value in wanted:
        if name not in fields:
            raise InputError(
                f"the config of {Path(source).name} has no field {name!r}; its fields are {', '.join(sorted(fields))}."
                if not is_own(source)
                else f"{Path(source).name} has no argument {name!r} with a plain default; {_listed(fields)}."
            )
        own = fields[name]
        whole = isinstance(own, int) and not isinstance(own, bool)
        if whole and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(f"{name} is a whole number from 1 on (here {own}), not {value}.")
        if whole and value > MOST_TIMES * max(1, own):
            raise InputError(f"{name} is {own} here: {value:,} is more than {MOST_TIMES:,} times that; lower it.")
        if isinstance(own, float) and (isinstance(value, bool | str)):
            raise InputError(f"{name} is a number (here {own}), not {value!r}.")


def _listed(fields: Iterable[str]) -> str:
    names = sorted(fields)
    return f"its arguments are {', '.join(names)}" if names else "it has none"
