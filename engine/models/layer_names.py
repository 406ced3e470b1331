"""Names of a model's layers, read from the headers of its weights: patterns are checked without loading anything."""

import difflib
import json
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from engine.errors import InputError
from engine.models.sources import locate

TYPES = ("Linear", "Embedding")
"""What a pattern may name besides layers: all of a type."""


def check_patterns(source: str, patterns: Iterable[str]) -> None:
    """Raises InputError for a pattern that fits no layer of a local model, with the nearest names.

    What is not here yet (the hub's models, `builtin` before its first use) is checked when it is loaded.
    """
    names = layer_names(source)
    for pattern in patterns:
        if names and pattern not in TYPES and not any(fits(name, pattern) for name in names):
            raise no_match(names, pattern)


def fits(name: str, pattern: str) -> bool:
    """Whether a layer is meant: by a shell pattern, by its own name, or by that of a module above it."""
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def no_match(names: Sequence[str], pattern: str) -> InputError:
    """The sentence for a pattern that fits none of the layers."""
    near = difflib.get_close_matches(pattern, [*names, *TYPES], n=3, cutoff=0.3) or names[:3]
    return InputError(f"no linear or embedding layer is called {pattern!r}; the nearest are {', '.join(near)}.")


def layer_names(source: str) -> list[str]:
    """Layers of a local model that have a weight matrix, packed ones first; empty where none can be read."""
    from safetensors import SafetensorError, safe_open

    located = locate(source)
    if located.kind != "local" or not located.path.is_dir():
        return []
    manifest = located.path / "compression.json"
    try:
        packed = list(json.loads(manifest.read_text(encoding="utf-8"))["layers"]) if manifest.exists() else []
    except (OSError, ValueError, LookupError, TypeError):
        return []
    names: list[str] = []
    for file in sorted(located.path.glob("*.safetensors")):
        try:
            with safe_open(file, framework="np") as tensors:
                names += [name for name in tensors.keys() if len(tensors.get_slice(name).get_shape()) == 2]  # noqa: SIM118
        except (OSError, SafetensorError):
            return []
    return [*packed, *(name.removesuffix(".weight") for name in names if name.endswith(".weight"))]
