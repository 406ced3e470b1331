"""How layers are prepared in a sweep: as it is written, checked before the start, named and found again."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from engine.errors import InputError
from engine.experiments.shared.settings import Words
from engine.models.layer_names import layers_like
from engine.models.manifest import Manifest, read_manifest
from engine.models.weights import folder_of
from engine.preparing import (
    NOTHING_TO_PREPARE,
    PLAIN,
    TWICE,
    nothing_to_rotate,
    parse_preparing,
    prepared_already,
    unrotatable,
)


def _read(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(parse_preparing(word) or PLAIN) for word in words)


Preparations = Annotated[Words, AfterValidator(_read)]


def calibrated(prepare: Sequence[str]) -> bool:
    """Whether training data are needed: a rotation is the same for all data."""
    return any(one is not None and not one.rotates for one in map(parse_preparing, prepare))


def check(prepare: Sequence[str], source: str, include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Which layers of a model are not rotated and why, told by its files.

    Raises:
        InputError: no layer is left to prepare, or the model is prepared already.
    """
    chosen = [one for one in map(parse_preparing, prepare) if one is not None]
    layers = {name: layer for name, layer in layers_like(source, include, exclude).items() if layer.shape}
    if not chosen or not layers:
        return []
    folder = folder_of(source)
    manifest = (folder and read_manifest(folder)) or Manifest()
    for name, how in manifest.prepared.items():
        raise InputError(prepared_already(name, how, TWICE))
    multiplied = {name: layer for name, layer in layers.items() if not layer.kind.table}
    if not multiplied:
        raise InputError(NOTHING_TO_PREPARE)
    if not any(one.rotates for one in chosen):
        return []
    found = {
        name: unrotatable(layer.kind.channels(layer.shape), pruned=name in manifest.masks)
        for name, layer in multiplied.items()
    }
    said = [f"{name}: {why}" for name, why in found.items() if why]
    if len(said) == len(found):
        raise InputError(nothing_to_rotate(said[0]))
    return [f"hadamard leaves {len(said)} of {len(found)} layers as they are ({said[0]})"] if said else []
