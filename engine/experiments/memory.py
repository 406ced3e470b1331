"""How much memory a point takes of its own on a CPU, told beforehand from the model's files and the batches. No torch.

Of its own: without the pages that are mapped from files, as `training/peak_memory.py` measures it.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.experiments.api import ExperimentConfig
from engine.models.facts import HEAD_FIELDS, WIDTH_FIELDS, facts_in, layers_named
from engine.models.headers import FLOAT
from engine.models.weights import folder_of, tensors_of, weight_bytes

PROCESS = 450 << 20
"""Bytes of a process beside its model: its libraries (330 MB with torch 2.13), and data as they are read."""
MODELS, TRAINED_MODELS = 1, 6
"""Copies of the weights: what they become; in training the weights, gradients, two moments, their rounded values, and
the best so far.
"""
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
    try:
        folder = folder_of(source)
        weights = FLOAT * sum(prod(tensor.shape) for tensor in tensors_of(source).values())
        weights = weights or (folder and weight_bytes(source)) or 0
        facts = _facts(folder, source)
    except (InputError, OSError):  # what stands against the model is said by its check
        return None
    if not weights:
        return None
    trains = bool(getattr(config, "trains", False))
    return PROCESS + (TRAINED_MODELS if trains else MODELS) * weights + _passing(config, facts, trains)


def _facts(folder: Path | None, source: str) -> Mapping[str, Any]:
    return {} if folder is None or not (folder / "config.json").is_file() else facts_in(folder / "config.json", source)


def _passing(config: ExperimentConfig, facts: Mapping[str, Any], trains: bool) -> int:
    """Bytes of what passes through the model in float32: activations by the count of V. Korthikanti et al., 2022, 17
    numbers a token and feature in a layer and 2.5 a head and pair of tokens, each with its quantised value; and a
    language model's logits. Without gradients no more than a layer's are there at once, and what is being rounded.
    """
    windows = getattr(config, "task", "") == "causal-lm"
    length = int((getattr(config, "window", None) if windows else getattr(config, "max_length", None)) or 1)
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
