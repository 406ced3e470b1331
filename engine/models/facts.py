"""What config.json says of a model, read without torch and believed only within bounds."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.hub import hub_config
from engine.models.labels import MOST_CLASSES, Head
from engine.models.sources import locate

LONGEST_CONFIG = 1 << 24
LAYER_FIELDS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
WIDTH_FIELDS = ("hidden_size", "d_model", "dim", "n_embd", "vocab_size")
_OTHER_LAYERS = ("encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers")
_OTHER_WIDTHS = ("intermediate_size", "d_ff", "ffn_dim", "hidden_dim", "n_inner", "embedding_size")
HEAD_FIELDS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "num_key_value_heads")
_BOUNDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys((*LAYER_FIELDS, *_OTHER_LAYERS), (0, 10_000)),
    **dict.fromkeys((*WIDTH_FIELDS, *_OTHER_WIDTHS, *HEAD_FIELDS), (1, 1 << 31)),
}
NESTED = "text_config"


def read_facts(source: str) -> dict[str, Any]:
    """config.json of a model that is local or on the hub, as it stands there.

    Raises:
        InputError: it is not there or cannot be read, or it has sizes that no model has.
    """
    located = locate(source)
    path = hub_config(located.name) if located.kind == "hub" else located.path / "config.json"
    return facts_in(path, source)


def facts_in(path: Path, source: str) -> dict[str, Any]:
    """The same of a config.json that is at hand."""
    try:
        if path.stat().st_size > LONGEST_CONFIG:
            raise InputError(f"config.json of {source} is {path.stat().st_size:,} bytes long, as none is; check it.")
        facts = json.loads(path.read_text(encoding="utf-8"))
    except InputError:
        raise
    except (OSError, ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise InputError(f"config.json of {source} cannot be read; name a folder that save_pretrained wrote.") from None
    for part in (facts, facts.get(NESTED)):
        if isinstance(part, Mapping):
            _check_bounds(part, source)
    return facts


def _check_bounds(facts: Mapping[str, Any], source: str) -> None:
    for name, (low, high) in _BOUNDS.items():
        value = facts.get(name)
        if value is None or isinstance(value, list | Mapping):  # a list: a value for each layer
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(
                f"config.json of {source} has {name}={_short(value)}, which is no whole number; correct it."
            )
        if not low <= value <= high:
            raise InputError(f"config.json of {source} has {name}={_short(value)}, as no model has; correct it.")


def architectures(facts: Mapping[str, Any], source: str) -> list[str]:
    """The names of the model's classes. Raises InputError where they are no list."""
    names = facts.get("architectures") or []
    if not isinstance(names, list):
        raise InputError(f"config.json of {source} cannot be read: architectures is no list of names.")
    return [str(name) for name in names]


TEXT_HEAD, IMAGE_HEAD = "ForSequenceClassification", "ForImageClassification"
"""In the names of classes that have a head which classifies."""


def classifies(names: list[str], head: str = TEXT_HEAD) -> bool:
    """Whether one of a model's classes has a head that classifies texts, or what `head` stands for."""
    return any(head in name for name in names)


def is_timm(facts: Mapping[str, Any]) -> bool:
    """Whether a config.json is one that timm wrote: it names an architecture, and no class of transformers."""
    return isinstance(facts.get("architecture"), str) and isinstance(facts.get("pretrained_cfg"), Mapping)


def check_timm(facts: Mapping[str, Any], source: str) -> None:
    """Raises InputError for a model of timm where timm is not installed."""
    if is_timm(facts) and find_spec("timm") is None:
        raise InputError(f"{source} is a model of timm, which is not installed; pip install timm.")


def head_of(facts: Mapping[str, Any], source: str, head: str = TEXT_HEAD) -> Head | None:
    """What a model's trained head tells apart; None where it has none.

    Raises:
        InputError: a number of classes that no head has.
    """
    if is_timm(facts):
        facts = {"num_labels": facts.get("num_classes") or facts["pretrained_cfg"].get("num_classes")}
    elif not classifies(architectures(facts, source), head):
        return None
    named = facts.get("id2label")
    if isinstance(named, Mapping) and named:  # where both stand there, transformers goes by the names
        try:
            order = sorted(named, key=int)
        except (TypeError, ValueError):
            raise InputError(
                f"config.json of {source} has an id2label whose keys are no numbers; correct it."
            ) from None
        names, classes = tuple(str(named[key]) for key in order), len(named)
    else:
        names, classes = (), _classes(facts.get("num_labels", 2), source)
    if not 1 <= classes <= MOST_CLASSES:
        raise InputError(f"config.json of {source} says {classes:,} classes; labtui takes 2 to {MOST_CLASSES:,}.")
    if other := other_task(facts):
        raise InputError(f"{source} {other}; labtui run finetune gives it a new head.")
    return Head(classes, names)


def other_task(facts: Mapping[str, Any]) -> str | None:
    """What a head is for that does not tell classes apart, one for each sample; None for one that does."""
    named = facts.get("id2label")
    outputs = len(named) if isinstance(named, Mapping) and named else facts.get("num_labels")
    if outputs == 1:
        return "has one output: it estimates a quantity and tells no classes apart"
    if facts.get("problem_type") == "regression":
        return "estimates quantities (problem_type regression) and tells no classes apart"
    if facts.get("problem_type") == "multi_label_classification":
        return "gives a sample any number of labels (problem_type multi_label_classification), where it has one here"
    return None


def _classes(value: Any, source: str) -> int:
    if value is None:
        return 2
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(
            f"config.json of {source} has num_labels={_short(value)}, which is no whole number; correct it."
        )
    return value


def layers_named(facts: Mapping[str, Any]) -> tuple[str, int] | None:
    """The field that says how many layers the model has, and what it says."""
    nested = facts.get(NESTED)
    for part in (facts, nested if isinstance(nested, Mapping) else {}):
        for name in LAYER_FIELDS:
            if isinstance(value := part.get(name), int):
                return name, value
    return None


def _short(value: Any) -> str:
    try:
        text = str(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= 40 else f"{text[:39]}…"
