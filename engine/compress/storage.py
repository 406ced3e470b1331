"""A compressed classifier as a folder: packed codes in safetensors, a manifest that says what they are.

    config.json, tokenizer files       as save_pretrained writes them
    compressed.safetensors             `<parameter>.codes` and `<parameter>.scales` of packed parameters, the rest as is
    compression.json                   {"version", "layers": {name: {"kind", "weight", "bias", "input"}}, "shapes"}

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

from engine.compress.layers import FakeQuantize, QuantizedEmbedding, QuantizedLinear, quantized_layers, replace_layers
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
    """Writes a classifier, packed where its layers are quantised; returns the bytes of the weights as written.

    Everything is counted: embeddings, norms, scales and the file's header. A model without quantised layers is
    written as `Classifier.save` does. The folder appears whole and on disk; a model saved there before gives way.

    Raises:
        InputError: the folder holds something that is no saved model.
    """
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if held and not held & {"config.json", WEIGHTS}:
        raise InputError(f"{folder} holds something other than a model; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if quantized_layers(classifier.model):
        tensors, manifest = _packed(classifier.model)
        write_durably(folder, lambda partial: _write(classifier, tensors, manifest, partial))
    else:
        write_durably(folder, classifier.save)
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _packed(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What the two files of a model hold."""
    tensors: dict[str, Tensor] = {
        # A clone each: safetensors takes no two tensors that share memory.
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
    }
    entries: dict[str, dict[str, Any]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, layer in quantized_layers(model).items():
        entries[name] = _entry(layer)
        for parameter, quantizer in _parameters(layer).items():
            packed = quantizer.format.pack(tensors.pop(f"{name}.{parameter}"))
            shapes[f"{name}.{parameter}"] = packed.shape
            tensors |= {f"{name}.{parameter}.{part}": tensor for part, tensor in packed.tensors.items()}
    return tensors, {"version": _VERSION, "layers": entries, "shapes": shapes}


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

    folder = Path(source).expanduser()
    if not (folder / MANIFEST).is_file():
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
        stored = {part: tensors.pop(f"{parameter}.{part}", None) for part in ("codes", "scales")}
        parts = {part: tensor for part, tensor in stored.items() if tensor is not None}
        spec = entries[name][kind]
        tensors[parameter] = parse(spec).unpack(Packed(spec, tuple(shape), parts))
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = AutoModelForSequenceClassification.from_config(config).float()
    model.load_state_dict(tensors)
    replace_layers(model, lambda name, layer: _restored(layer, entries[name]) if name in entries else None)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Classifier(model.eval(), tokenizer, config.num_labels, source)


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


def _restored(layer: nn.Module, entry: dict[str, Any]) -> nn.Module:
    """A quantised layer around values that are quantised already: they are used as they are until they change."""
    bias, inputs = (parse(spec) if (spec := entry.get(part)) else None for part in ("bias", "input"))
    if entry["kind"] == "embedding":
        assert isinstance(layer, nn.Embedding)
        embedding = QuantizedEmbedding(layer, parse(entry["weight"]))
        embedding.held_weight.put(embedding.weight, embedding.weight_format, embedding.weight.detach())
        return embedding
    assert isinstance(layer, nn.Linear)
    linear = QuantizedLinear(layer, parse(entry["weight"]), bias, inputs)
    linear.held_weight.put(linear.weight, linear.weight_format, linear.weight.detach())
    if linear.bias_format is not None:
        linear.held_bias.put(linear.bias, linear.bias_format, linear.bias.detach())
    return linear
