"""A compressed classifier as a folder: packed codes in safetensors, a manifest that says what they are.

    config.json, tokenizer files       as save_pretrained writes them
    compressed.safetensors             `<parameter>.codes` and `<parameter>.scales` of packed parameters, the rest as is
    compression.json                   {"version", "layers": {name: {"kind", "weight", "bias", "input"}}, "shapes"},
                                       {"kind": "mxint8", "group", "shape"} of a layer that computes packed,
                                       of a pruned model "masks", "cut" and "thresholds" too, and "skipped" where
                                       layers were left out

A masked weight is stored as `<parameter>.mask`, a bit each, and its survivors (`.values`, or packed), or whole where
that is smaller. `cut` gives the shapes of layers that are smaller than the config says.

The weights are not called model.safetensors: a library that knows nothing of the manifest must fail on the folder, not
read half of it and invent the rest.
"""

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cuda_kernels import MXInt8Linear
from engine.compress.identity import skip_layers, skipped_layers
from engine.compress.layers import FakeQuantize, QuantizedEmbedding, QuantizedLinear, quantized_layers, replace_layers
from engine.compress.packed import entry as packed_entry
from engine.compress.packed import make_room, packed_layers
from engine.compress.prune_masks import masked_layers, set_mask, set_threshold, thresholds
from engine.compress.prune_storage import masks, pack_masked, plain_state, unpack_masked
from engine.compress.prune_structure import cut_shapes, shrink
from engine.errors import InputError
from engine.formats import parse
from engine.formats.base import Packed
from engine.runtime.files import write_durably

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.models.classifier import Classifier

WEIGHTS, MANIFEST = "compressed.safetensors", "compression.json"
_VERSION = 1


def save(classifier: "Classifier", folder: Path) -> int:
    """Writes a classifier, packed where layers are quantised or pruned; returns the bytes of the weights as written.

    Everything is counted: embeddings, norms, scales, masks and the file's header. A model without such layers is
    written as `Classifier.save` does. The folder appears whole and on disk; a model saved there before gives way.

    Raises:
        InputError: the folder holds something that is no saved model.
    """
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if held and not held & {"config.json", WEIGHTS}:
        raise InputError(f"{folder} holds something other than a model; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if quantized_layers(classifier.model) or packed_layers(classifier.model) or pruned(classifier.model):
        tensors, manifest = _packed(classifier.model)
        write_durably(folder, lambda partial: _write(classifier, tensors, manifest, partial))
    else:
        write_durably(folder, classifier.save)
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _packed(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What the two files of a model hold."""
    tensors = plain_state(model)
    layers = quantized_layers(model)
    entries = {name: _entry(layer) for name, layer in layers.items()}
    entries |= {name: packed_entry(layer) for name, layer in packed_layers(model).items()}
    shapes: dict[str, tuple[int, ...]] = {}
    masked: dict[str, dict[str, Any]] = {}
    for name, mask in masks(model):
        number_format = layers[name].weight_format.format if name in layers else None
        parts, masked[name] = pack_masked(tensors.pop(f"{name}.weight"), mask, number_format)
        tensors |= {f"{name}.weight.{part}": tensor for part, tensor in parts.items()}
    for name, layer in layers.items():
        for parameter, quantizer in _parameters(layer).items():
            if f"{name}.{parameter}" in tensors:
                packed = quantizer.format.pack(tensors.pop(f"{name}.{parameter}"))
                shapes[f"{name}.{parameter}"] = packed.shape
                tensors |= {f"{name}.{parameter}.{part}": tensor for part, tensor in packed.tensors.items()}
    extra = {"masks": masked, "cut": cut_shapes(model), "thresholds": thresholds(model)}
    extra["skipped"] = skipped_layers(model)
    manifest = {"version": _VERSION, "layers": entries, "shapes": shapes}
    return tensors, manifest | {name: facts for name, facts in extra.items() if facts}


def pruned(model: nn.Module) -> bool:
    """Whether a model has masks, layers smaller than its config says or left out, or inputs that are zeroed."""
    return bool(masked_layers(model) or thresholds(model) or skipped_layers(model) or cut_shapes(model))


def _write(classifier: "Classifier", tensors: dict[str, Tensor], manifest: dict[str, Any], folder: Path) -> None:
    folder.mkdir()
    save_file(tensors, folder / WEIGHTS)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    config = copy.deepcopy(classifier.model.config)
    config.architectures = [type(classifier.model).__name__]
    config.save_pretrained(folder)
    classifier.tokenizer.save_pretrained(folder)


def load(source: str | Path, progress: "Callable[..., None] | None" = None) -> "Classifier":
    """A compressed folder, with the same outputs bit for bit as what was saved, or whatever `load_classifier` takes.

    Raises:
        InputError: nothing there, or a folder that cannot be read.
    """
    from engine.models.classifier import load_classifier
    from engine.models.sources import locate

    located = locate(str(source))
    folder = located.path
    if located.kind != "local" or not (folder / MANIFEST).is_file():
        return load_classifier(str(source), progress)
    try:
        return _load(folder, str(source))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:160].rstrip(".")
        raise InputError(f"{source} is not a complete compressed model ({reason}); save it again.") from None


def _load(folder: Path, source: str) -> "Classifier":
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    from engine.models.classifier import Classifier

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["version"] != _VERSION:
        raise ValueError(f"its version is {manifest['version']}, this program reads {_VERSION}")
    entries: dict[str, dict[str, Any]] = manifest["layers"]
    tensors = load_file(folder / WEIGHTS)
    for parameter, shape in manifest["shapes"].items():
        name, _, kind = parameter.rpartition(".")
        spec = entries[name][kind]
        tensors[parameter] = parse(spec).unpack(Packed(spec, tuple(shape), _take(parameter, tensors)))
    laid: dict[str, Tensor] = {}
    for name, entry in manifest.get("masks", {}).items():
        weight, spec = f"{name}.weight", entries.get(name, {}).get("weight")
        tensors[weight], laid[name] = unpack_masked(_take(weight, tensors), entry, spec)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = AutoModelForSequenceClassification.from_config(config).float()
    shrink(model, manifest.get("cut", {}))
    skip_layers(model, manifest.get("skipped", ()))
    make_room(model, entries)
    model.load_state_dict(tensors)
    replace_layers(model, lambda name, layer: _restored(layer, entries[name]) if name in entries else None)
    for name, mask in laid.items():
        set_mask(model.get_submodule(name), mask)
    for name, threshold in manifest.get("thresholds", {}).items():
        set_threshold(model.get_submodule(name), float(threshold))
    for layer in quantized_layers(model).values():
        _hold(layer)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Classifier(model.eval(), tokenizer, config.num_labels, source)


def _take(parameter: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Takes the parts of a parameter out of what was read."""
    parts = ("codes", "scales", "mask", "values")
    return {part: tensors.pop(f"{parameter}.{part}") for part in parts if f"{parameter}.{part}" in tensors}


def _entry(layer: QuantizedLinear | QuantizedEmbedding) -> dict[str, Any]:
    if isinstance(layer, QuantizedEmbedding):
        return {"kind": "embedding", "weight": str(layer.weight_format.format)}
    return {
        "kind": "linear",
        "weight": str(layer.weight_format.format),
        "bias": str(layer.bias_format.format) if layer.bias_format is not None else None,
        "input": str(layer.input_format.format) if layer.input_format is not None else None,
    }


def _parameters(layer: QuantizedLinear | QuantizedEmbedding) -> dict[str, FakeQuantize]:
    """The parameters that are quantised, by name."""
    quantizers = {"weight": layer.weight_format}
    if isinstance(layer, QuantizedLinear) and layer.bias_format is not None:
        quantizers["bias"] = layer.bias_format
    return quantizers


def _restored(layer: nn.Module, entry: dict[str, Any]) -> nn.Module | None:
    """A quantised layer in the place of an ordinary one; None where the layer is what it is to be."""
    if isinstance(layer, MXInt8Linear):
        return None
    bias, inputs = (parse(spec) if (spec := entry.get(part)) else None for part in ("bias", "input"))
    if entry["kind"] == "embedding":
        assert isinstance(layer, nn.Embedding)
        return QuantizedEmbedding(layer, parse(entry["weight"]))
    assert isinstance(layer, nn.Linear)
    return QuantizedLinear(layer, parse(entry["weight"]), bias, inputs)


def _hold(layer: QuantizedLinear | QuantizedEmbedding) -> None:
    """Values that were read are quantised already: they are used as they are until they change."""
    layer.held_weight.put(layer, "weight", layer.weight_format, layer.weight.detach())
    if isinstance(layer, QuantizedLinear) and layer.bias_format is not None:
        layer.held_bias.put(layer, "bias", layer.bias_format, layer.bias.detach())
