"""Names of a model's layers, read from the headers of its weights: patterns are checked without loading anything."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.hub import hub_problem, reach_hub
from engine.models.sources import Source, locate
from engine.runtime.files import private_folder, replace
from engine.runtime.home import cache_dir

TYPES = ("Linear", "Embedding")
"""What a pattern may name besides layers: all of a type."""

_TABLES = ("wte", "wpe", "shared")  # embeddings by other names, as GPT-2 and T5 have them


def check_patterns(source: str, patterns: Iterable[str], types: Sequence[str] = TYPES) -> None:
    """Raises InputError for a pattern that fits no layer of a local model, with the nearest names.

    `types` are the types that a pattern may name here. What is not at hand yet is checked when it is loaded.
    """
    names = layer_names(source)
    for pattern in patterns:
        if names and pattern not in types and not any(fits(name, pattern) for name in names):
            raise no_match(names, pattern)


def fits(name: str, pattern: str) -> bool:
    """Whether a layer is meant: by a shell pattern, by its own name, or by that of a module above it."""
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def no_match(names: Sequence[str], pattern: str) -> InputError:
    """The sentence for a pattern that fits none of the layers."""
    word = pattern.strip("*.")
    # What a pattern says at its end is compared with the ends of names; of names that end alike the first stands.
    ends = {".".join(name.split(".")[-1 - word.count(".") :]): name for name in reversed(names)}
    alike = [ends[end] for end in difflib.get_close_matches(word, ends, n=3, cutoff=0.6)]
    near = alike or difflib.get_close_matches(pattern, [*names, *TYPES], n=3, cutoff=0.3) or names[:3]
    return InputError(f"no linear or embedding layer is called {pattern!r}; the nearest are {', '.join(near)}.")


def layer_names(source: str) -> list[str]:
    """Layers that have a weight matrix, packed ones first; empty where none can be read."""
    return list(layer_types(source))


def layers_like(source: str, include: Iterable[str], exclude: Iterable[str] = ()) -> list[str]:
    """The layers that types or patterns of `include` name and none of `exclude` does."""
    kinds = layer_types(source)

    def meant(name: str, patterns: Iterable[str]) -> bool:
        return any(pattern == kinds[name] or fits(name, pattern) for pattern in patterns)

    return [name for name in kinds if meant(name, include) and not meant(name, exclude)]


def layer_types(source: str) -> dict[str, str]:
    """`Linear` or `Embedding` by layer, told by the name; empty where nothing is at hand.

    Of a model on the hub it is what `look_up_layers` has found.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import LAYERS

        return {name: _type(name) for name in LAYERS}
    if located.kind == "hub":
        return _noted(located)
    return _in_folder(located.path) if located.path.is_dir() else {}


def look_up_layers(source: str) -> None:
    """Asks the hub for the headers of a model's weights (some kB) and keeps the names, where that is needed.

    Raises:
        InputError: the hub cannot be reached, or has no safetensors of it.
    """
    located = locate(source)
    if located.kind != "hub" or _noted(located):
        return
    from huggingface_hub import get_safetensors_metadata
    from huggingface_hub.errors import NotASafetensorsRepoError

    try:
        reach_hub()
        files = get_safetensors_metadata(located.name).files_metadata.values()
    except NotASafetensorsRepoError:
        raise InputError(
            f"{source} has no safetensors, so its layers cannot be told beforehand; save it with save_pretrained and "
            "name that folder."
        ) from None
    except Exception as error:
        raise hub_problem(located.name, "model", error) from None
    shapes = {name: tensor.shape for file in files for name, tensor in file.tensors.items()}
    path = _note(located)
    private_folder(path.parent)
    replace(path, json.dumps(_matrices(shapes)).encode())


def _note(located: Source) -> Path:
    return cache_dir() / "layers" / f"{located.name.replace('/', '--')}.json"


def _noted(located: Source) -> dict[str, str]:
    try:
        return {name: _type(name) for name in json.loads(_note(located).read_text(encoding="utf-8"))}
    except (OSError, ValueError):
        return {}


def _in_folder(folder: Path) -> dict[str, str]:
    manifest = folder / "compression.json"
    try:
        compressed = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
        kinds = {name: _type(name) for name in compressed.get("masks", ())}
        kinds |= {name: str(entry["kind"]).capitalize() for name, entry in compressed.get("layers", {}).items()}
        shapes = weight_shapes(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return kinds | {name: _type(name) for name in _matrices(shapes)}


def square_layers(source: str, patterns: Iterable[str]) -> list[str]:
    """The linear layers among those meant that have as many outputs as inputs.

    Of a model on the hub only names are known: it is all that are meant.

    Raises:
        InputError: a pattern that fits no layer.
    """
    check_patterns(source, patterns)
    kinds, located = layer_types(source), locate(source)
    names = [name for name in layers_like(source, patterns) if kinds[name] == "Linear"]
    if located.kind == "builtin":
        return [name for name in names if ".attention." in name or name.endswith("pooler.dense")]
    if located.kind == "hub":
        return names
    shapes = weight_shapes(located.path)
    return [name for name in names if len(set(shapes.get(f"{name}.weight", ()))) == 1]


def weight_shapes(folder: Path) -> dict[str, Sequence[int]]:
    """Shapes of the tensors in a model's folder. Raises OSError or ValueError where they cannot be read."""
    return dict(item for file in folder.glob("*.safetensors") for item in tensor_shapes(file))


def tensor_shapes(file: Path) -> Iterator[tuple[str, Any]]:
    """Shapes by tensor: the file begins with the length of a JSON text, 8 bytes, little end first, and that text."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError(f"{file} is damaged")
        text = stream.read(length)
    for name, entry in json.loads(text).items():
        if name != "__metadata__":
            yield name, entry["shape"]


def _matrices(shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """Layers whose weight has two dimensions, numbers in names in their order."""
    names = [name for name, shape in shapes.items() if len(shape) == 2 and name.endswith(".weight")]
    names.sort(key=lambda name: [part.zfill(9) if part.isdecimal() else part for part in re.split(r"(\d+)", name)])
    return [name.removesuffix(".weight") for name in names]


def _type(name: str) -> str:
    table = "embed" in name or name.rpartition(".")[2] in _TABLES
    return "Embedding" if table else "Linear"
