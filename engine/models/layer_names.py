"""Names of a model's layers, read from the headers of its weights: patterns are checked without loading anything."""

import difflib
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.layers import (
    CONV2D,
    EMBEDDING,
    KINDS,
    LINEAR,
    TYPES,
    Kind,
    Layer,
    describe_model,
    describe_tensors,
    is_meant,
    kind_named,
    stored_kind,
)
from engine.models.gguf import gguf_key, is_gguf
from engine.models.hub import hub_config, hub_problem, reach_hub
from engine.models.manifest import Manifest, read_manifest
from engine.models.own_source import python_of
from engine.models.probe import noted, probed
from engine.models.sources import Source, locate
from engine.models.tied_head import HEAD, tied_table
from engine.models.weights import folder_of, read_header
from engine.runtime.files import private_folder, replace
from engine.runtime.home import cache_dir

if TYPE_CHECKING:
    from torch import nn

NOTHING_LEFT = "no layer is left to work on: include more or exclude fewer of them."


def check_patterns(source: str, patterns: Iterable[str], types: Sequence[str] = TYPES) -> None:
    """Raises InputError for a pattern that fits no layer of a local model, with the nearest names.

    `types` are the types that a pattern may name here: there need not be a layer of each. What is not at hand yet is
    checked when it is loaded.
    """
    layers = layers_of(source)
    if layers and HEAD not in layers and (table := tied_table(source, layers)):
        layers[HEAD] = Layer(LINEAR, layers[table].shape)
    for pattern in patterns:
        if layers and pattern not in types and not any(fits(name, pattern) for name in layers):
            raise no_match(list(layers), pattern)


def check_layers(source: str, include: Iterable[str], exclude: Iterable[str]) -> None:
    """The same for what is included and what is left out; raises InputError too where no layer is left of them."""
    include, exclude = tuple(include), tuple(exclude)
    check_patterns(source, (*include, *exclude))
    layers = layers_of(source)
    if layers and include and not layers_like(source, include):
        raise none_of_type(list(layers), include)
    if layers and not layers_like(source, include, exclude):
        raise InputError(NOTHING_LEFT)


def fits(name: str, pattern: str) -> bool:
    """Whether a layer is meant: by a shell pattern, by its own name, or by that of a module above it."""
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def no_match(names: Sequence[str], pattern: str) -> InputError:
    """The sentence for a pattern that fits none of the layers."""
    word = pattern.strip("*.")
    # What a pattern says at its end is compared with the ends of names; of names that end alike the first stands.
    ends = {".".join(name.split(".")[-1 - word.count(".") :]): name for name in reversed(names)}
    alike = [ends[end] for end in difflib.get_close_matches(word, ends, n=3, cutoff=0.6)]
    typed = difflib.get_close_matches(pattern, TYPES, n=1, cutoff=0.8)
    near = typed or alike or difflib.get_close_matches(pattern, names, n=3, cutoff=0.3) or names[:3]
    return InputError(f"no layer with a weight is called {pattern!r}; the nearest are {', '.join(near)}.")


def none_of_type(names: Sequence[str], types: Sequence[str]) -> InputError:
    """The sentence for types of which there is no layer among these."""
    return InputError(
        f"no layer with a weight is of type {' or '.join(types)}; name others, such as {', '.join(names[:3])}."
    )


def layer_names(source: str) -> list[str]:
    """The layers that hold a weight, packed ones first; empty where none can be read."""
    return list(layers_of(source))


def layers_like(source: str, include: Iterable[str], exclude: Iterable[str] = ()) -> dict[str, Layer]:
    """The layers that types or patterns of `include` name and none of `exclude` does."""
    return {name: layer for name, layer in layers_of(source).items() if is_chosen(name, layer.kind, include, exclude)}


def is_chosen(name: str, kind: Kind, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Whether types or patterns of `include` name a layer and none of `exclude` does."""

    def named(patterns: Iterable[str]) -> bool:
        return any(is_meant(kind, pattern) or fits(name, pattern) for pattern in patterns)

    return named(include) and not named(exclude)


def layers_of(source: str) -> dict[str, Layer]:
    """The layers of a model by name, told by the headers of its files; empty where nothing is at hand.

    Of a model on the hub it is what `look_up_layers` has found; of the built-in one before it is made, without shapes.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import layers_of_builtin, made_model

        if (folder := made_model(source)) is not None:
            return _in_folder(folder)
        return {name: Layer(_kind_by_name(name), ()) for name in layers_of_builtin(source)}
    if located.kind == "hub":
        return _noted(located)
    if (python := python_of(source)) is not None:
        known = noted(python)
        return {} if known is None else _of_module(known.layers, folder_of(source))
    folder = folder_of(source)
    if folder is None and is_gguf(located.path):  # not read yet
        return _noted_live(located.path)
    return _in_folder(folder) if folder is not None and folder.is_dir() else {}


def _kind_by_name(name: str) -> Kind:
    """Of a layer of a built-in model."""
    if name.endswith("convolution"):
        return CONV2D
    return EMBEDDING if "embed" in name else LINEAR


def look_up_layers(source: str) -> None:
    """Asks the hub for the headers of a model's weights (some kB) and keeps the names, where that is needed.

    Of a model on this machine whose header tells no layers the class is looked at instead, once (that takes torch), as
    it is of a GGUF file before that is read; a Python file is run in a process of its own.

    Raises:
        InputError: the hub cannot be reached, or has no safetensors of it.
    """
    located = locate(source)
    if (python := python_of(source)) is not None:
        probed(python)
        return
    if located.kind == "local" and located.path.exists() and not layers_of(source):
        _note_live(located.path)
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
    config = json.loads(hub_config(located.name).read_text(encoding="utf-8"))
    facts = {"shapes": shapes, "config": {"model_type": config.get("model_type")}}
    replace(path, json.dumps(facts).encode())


def _note_live(model: Path) -> None:
    """Keeps what the class has that a folder's config.json names, or a GGUF file; nothing where none can be made."""
    import torch

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # packages that transformers imports where they are installed say this and that
    try:
        with torch.device("meta"):
            found = describe_model(_blank(model))
    except Exception:  # whatever its own code says to that, loading says it in a sentence
        return
    finally:
        logging.disable(before)
    path = _live_note(model)
    private_folder(path.parent)
    replace(path, json.dumps({name: [one.kind.name, one.shape] for name, one in found.items()}).encode())


def _blank(model: Path) -> "nn.Module":
    import transformers

    if model.is_dir():
        config = transformers.AutoConfig.from_pretrained(model, local_files_only=True)
        return getattr(transformers, config.architectures[0])._from_config(config)  # type: ignore[no-any-return]
    config = transformers.AutoConfig.from_pretrained(model.parent, gguf_file=model.name, local_files_only=True)
    return transformers.AutoModelForCausalLM.from_config(config)  # type: ignore[no-any-return]


def _live_note(model: Path) -> Path:
    told = (model / "config.json").read_bytes() if model.is_dir() else gguf_key(model).encode()
    return cache_dir() / "layers" / f"{hashlib.sha256(told).hexdigest()[:24]}.json"


def _noted_live(model: Path) -> dict[str, Layer]:
    try:
        facts = json.loads(_live_note(model).read_text(encoding="utf-8"))
        return {name: Layer(KINDS[kind], tuple(shape)) for name, (kind, shape) in facts.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _note(located: Source) -> Path:
    return cache_dir() / "layers" / f"{located.name.replace('/', '--')}.json"


def _noted(located: Source) -> dict[str, Layer]:
    try:
        facts = json.loads(_note(located).read_text(encoding="utf-8"))
        return describe_tensors(facts["shapes"], facts["config"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _in_folder(folder: Path) -> dict[str, Layer]:
    """Of a compressed folder the packed and masked layers first, then those that its tensors tell."""
    try:
        manifest = read_manifest(folder) or Manifest()
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        files = folder.glob("*.safetensors")
        shapes = {name: tensor.shape for file in files for name, tensor in read_header(file)}
        found = {
            name: Layer(kind, entry.shape)
            for name, entry in manifest.masks.items()
            if (kind := kind_named(name, entry.shape, str(config.get("model_type", "")))) is not None
        }
        for name, quantized in manifest.quantized.items():
            shape = manifest.shapes.get(f"{name}.weight") or found.get(name, Layer(LINEAR, ())).shape
            found[name] = Layer(stored_kind(quantized.kind), shape)
        found |= {name: Layer(stored_kind(packed.kind), packed.shape) for name, packed in manifest.packed.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    told = describe_tensors(shapes, config) or _noted_live(folder)
    return found | {name: layer for name, layer in told.items() if name not in found}


def _of_module(made: Mapping[str, Layer], folder: Path | None) -> dict[str, Layer]:
    """The layers of a module of the user's own as its file makes them, in the kinds and sizes that a folder stores."""
    try:
        manifest = (folder and read_manifest(folder)) or Manifest()
    except (OSError, ValueError):
        return {}
    found = {}
    for name, layer in made.items():
        stored = manifest.layers.get(name)
        shape = manifest.cut.get(name) or manifest.sizes.get(name, {}).get("weight") or layer.shape
        found[name] = Layer(layer.kind if stored is None else stored_kind(stored.kind), shape)
    return found


def square_layers(source: str, patterns: Iterable[str]) -> list[str]:
    """The linear layers among those meant that have as many outputs as inputs.

    Raises:
        InputError: a pattern that fits no layer.
    """
    check_patterns(source, patterns)
    linear = {name: layer for name, layer in layers_like(source, patterns).items() if is_meant(layer.kind, "Linear")}
    if locate(source).kind == "builtin":
        return [name for name in linear if ".attention." in name or name.endswith("pooler.dense")]
    return [name for name, layer in linear.items() if len(set(layer.shape)) == 1]
