"""How much memory a point takes of its own on a CPU, told beforehand from the model's files and the batches. No torch.

Of its own: without the pages that are mapped from files, as `training/peak_memory.py` measures it.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

from engine.errors import InputError
from engine.experiments.api import ExperimentConfig
from engine.models.facts import HEAD_FIELDS, WIDTH_FIELDS, facts_in, layers_named
from engine.models.fields import longest_text
from engine.models.gguf import facts_of_gguf, is_gguf
from engine.models.gguf_header import read_header
from engine.models.headers import FLOAT
from engine.models.own_source import python_of
from engine.models.probe import noted
from engine.models.sources import locate
from engine.models.weights import folder_of, tensors_of, weight_bytes
from engine.tasks.settings import LONGEST_WINDOW

PROCESS = 430 << 20
"""Bytes of a process beside its model: its libraries (360 MB with torch 2.13), and data as they are read."""
TRAINED_MODELS = 6
"""Copies of the weights in training: the weights, gradients, two moments, their rounded values, and the best so far."""
PASS_TOKENS = 8192
"""Tokens of a batch in evaluation at most, as `training/tokens.py` cuts them."""
WINDOW_TOKENS, TRAINED_TOKENS = 512, 4096
"""Of windows, as `training/windows.py` does."""
TRAINED_LOGITS = 3
"""The logits, their log-probabilities and the gradients of either are there at once."""


def point_memory(config: ExperimentConfig) -> int | None:
    """Bytes, or None where the model's files do not tell: it is still to be made or fetched, or there is none."""
    source: Any = getattr(config, "model", None)
    if not isinstance(source, str) or not source:
        return None
    trains = bool(getattr(config, "trains", False))
    try:
        weights, facts = _weights_and_facts(source)
        if not weights:
            return None
        python = python_of(source)
        passing = _passing(config, facts, trains) if python is None else _of_module(config, python, trains)
    except (InputError, OSError, ValueError):  # what stands against the model is said by its check
        return None
    return PROCESS + (TRAINED_MODELS if trains else getattr(config, "copies", 1)) * weights + passing


def _weights_and_facts(source: str) -> tuple[int, Mapping[str, Any]]:
    """Bytes of a model's weights in float32, 0 where nothing tells them, and what its config says."""
    located = locate(source)
    if located.kind == "local" and is_gguf(located.path):  # its head tells before it was ever read
        tensors = read_header(located.path).tensors.values()
        return FLOAT * sum(tensor.elements for tensor in tensors), facts_of_gguf(located.path)
    folder = folder_of(source)
    weights = FLOAT * sum(prod(tensor.shape) for tensor in tensors_of(source).values())
    path = None if folder is None else folder / "config.json"
    facts = facts_in(path, source) if path is not None and path.is_file() else {}
    return weights or (folder and weight_bytes(source)) or 0, facts


def _of_module(config: ExperimentConfig, python: str, trains: bool) -> int:
    """The same as `_passing` of a module of the user's own, by what its own layers give for a sample.

    In training each has something computed of it beside it: what an activation makes of it, or its rounded value.
    """
    known = noted(python)
    if known is None or known.activations is None:
        return 0
    most, every = known.activations
    return FLOAT * int(getattr(config, "batch_size", 1)) * (2 * every if trains else most)


def _passing(config: ExperimentConfig, facts: Mapping[str, Any], trains: bool) -> int:
    """Bytes of what passes through the model in float32: activations by the count of V. Korthikanti et al., 2022, 17
    numbers a token and feature in a layer and 2.5 a head and pair of tokens, each with its quantised value; and a
    language model's logits. Without gradients no more than a layer's are there at once, and what is being rounded.
    """
    windows = getattr(config, "task", "") == "causal-lm"
    length = int((_window(config) if windows else getattr(config, "max_length", None)) or 1)
    tokens = int(getattr(config, "batch_size", 1)) * length
    if windows:
        tokens = min(tokens, max(length, TRAINED_TOKENS if trains else WINDOW_TOKENS))
    elif not trains:
        tokens = min(tokens, PASS_TOKENS)
    width = next((value for name in WIDTH_FIELDS[:-1] if isinstance(value := facts.get(name), int)), 0)
    heads = next((value for name in HEAD_FIELDS if isinstance(value := facts.get(name), int)), 0)
    named = layers_named(facts)
    layers = named[1] if named else 1
    passing = (2 * layers if trains else 3) * (17 * width + 2.5 * heads * length)
    words = facts.get("vocab_size")
    logits = words * (TRAINED_LOGITS if trains else 1) if windows and isinstance(words, int) else 0
    return int(FLOAT * tokens * (passing + logits))


def _window(config: Any) -> int:
    """Tokens of a window where a config names none: as many as the model takes, within a bound."""
    return config.window or min(longest_text(config.model) or LONGEST_WINDOW, LONGEST_WINDOW)
