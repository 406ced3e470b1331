"""How many points of a run are computed side by side on a CPU, with how many threads each, and why. No torch.

Points side by side, a thread each, do more than one point with all threads: layers of a small model are too small to be
shared, and nobody waits for anybody. So there are as many seats as cores, as far as there are points and memory; cores
that are left over go to the seats as threads. A point's result depends on its threads (how sums are rounded), never on
the number of seats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from engine.errors import InputError
from engine.experiments.api import ExperimentConfig
from engine.models.facts import HEAD_FIELDS, WIDTH_FIELDS, layers_named, read_facts
from engine.models.free_memory import available_memory
from engine.models.headers import FLOAT
from engine.models.weights import tensors_of, weight_bytes
from engine.runtime.cores import working_cores
from engine.runtime.devices import CPU

SHARE = 0.8
"""Of the free memory that seats may take."""
PROCESS = 256 << 20
"""Bytes that a point takes beside its model: buffers of libraries, tokens, what it has imported for itself."""
MODELS, TRAINED_MODELS = 4, 10
"""Copies of the model at most: the one it starts from, the changed one, what its weights become, the one that is being
written; in training also gradients, two moments, the best weights and a checkpoint of them.
"""
PASS_TOKENS = 8192
"""Tokens of a batch in evaluation at most, as `training/evaluate.py` cuts them."""


@dataclass(frozen=True, slots=True)
class Seating:
    """`seats` points at once on each device, with `threads` each; 0 threads: as many as the cores allow.

    `said` is that in words, with what keeps it from being more; empty where there is nothing to choose.
    """

    seats: int = 1
    threads: int = 0
    said: str = ""


def seating(config: ExperimentConfig, points: int, devices: Sequence[str]) -> Seating:
    """Where a run of so many points sits. Looks at files of the model, never at a hub."""
    if CPU not in devices:
        return Seating()
    cores = working_cores()
    limits = {
        "": min(cores, points),
        "; workers says so": getattr(config, "workers", None) or cores,
        "; more would change what is measured or proposed": config.side_by_side,
    }
    if min(limits.values()) > 1:
        needed = point_memory(config)
        limits[f"; more might not fit into memory, {needed / 1e9:,.1f} GB each"] = int(
            SHARE * available_memory() / needed
        )
    reason = min(limits, key=lambda name: limits[name])  # of equals the first
    seats = max(1, limits[reason])
    threads = max(1, cores // seats)
    together = "1 point at a time" if seats == 1 else f"{seats} points side by side"
    said = f"{together}, {_count(threads, 'thread')} each, on {_count(cores, 'core')}{reason}"
    return Seating(seats, threads, said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def point_memory(config: ExperimentConfig) -> int:
    """Bytes that the computation of a point takes at most, estimated from the model's files and the batches."""
    source: Any = getattr(config, "model", None)
    if not isinstance(source, str):
        return PROCESS
    trains = bool(getattr(config, "trains", False))
    try:
        weights = FLOAT * sum(prod(tensor.shape) for tensor in tensors_of(source).values())
        weights = weights or weight_bytes(source) or 0
        facts = read_facts(source) if weights else {}
    except (InputError, OSError):  # what stands against the model is said by its check
        return PROCESS
    tokens = int(getattr(config, "batch_size", 1)) * int(getattr(config, "max_length", 1))
    copies = TRAINED_MODELS if trains else MODELS
    return PROCESS + copies * weights + _activations(facts, tokens, int(getattr(config, "max_length", 1)), trains)


def _activations(facts: Mapping[str, Any], tokens: int, length: int, trains: bool) -> int:
    """Bytes of activations in float32 by the count of V. Korthikanti et al., 2022: 17 numbers a token and feature in a
    layer and 2.5 a head and pair of tokens; twice that where quantised values stand beside them. Without gradients no
    more than a layer's are there at once.
    """
    width = next((value for name in WIDTH_FIELDS[:-1] if isinstance(value := facts.get(name), int)), 0)
    heads = next((value for name in HEAD_FIELDS if isinstance(value := facts.get(name), int)), 0)
    named = layers_named(facts)
    layers = named[1] if trains and named else 1
    counted = tokens if trains else min(tokens, PASS_TOKENS)
    return int(2 * FLOAT * counted * layers * (17 * width + 2.5 * heads * length))
