"""Whether a model and a data set can be used, told in a sentence before any worker starts. Imports no torch."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.hub import SECONDS, hub_config, hub_problem, reach_hub
from engine.models.layer_names import tensor_shapes
from engine.models.sources import locate
from engine.models.tables import find_columns, read_labels
from engine.models.texts import find_files

_WEIGHTS = (
    "compressed.safetensors",
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SIZES = (  # what two common families say of the shapes of their weights
    ("word_embeddings.weight", ("vocab_size", "hidden_size")),
    ("word_embeddings.weight", ("vocab_size", "dim")),
    ("intermediate.dense.weight", ("intermediate_size", "hidden_size")),
    ("ffn.lin1.weight", ("hidden_dim", "dim")),
)
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")


def check_sources(model: str, data: str, text_column: str | None = None, label_column: str | None = None) -> None:
    """Check both, and that they fit each other. Labels of local data are read in full, hub data are only looked up.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    classes = check_model(model)
    largest = check_data(data, text_column, label_column)
    if largest is not None and largest >= classes:
        raise InputError(
            f"{data} has the label {largest} and {model} tells {classes} classes apart (0 to {classes - 1}); "
            "take a model with more classes or other data."
        )


def check_head(source: str, architectures: Iterable[str] | None) -> None:
    """Raises InputError where none of a model's architectures classifies texts."""
    if not any("ForSequenceClassification" in name for name in architectures or ()):
        raise InputError(f"{source} has no trained classification head; fine-tune it first or name another model.")


def check_model(source: str) -> int:
    """The number of classes the model tells apart."""
    located = locate(source)
    if located.kind == "builtin":
        return 2
    if located.kind == "hub":
        return _classes(hub_config(located.name), source)
    folder = located.path
    if not folder.is_dir():
        raise InputError(f"{source} is a file; a model is a folder with config.json and model.safetensors.")
    if not (folder / "config.json").is_file():
        raise InputError(f"{source} has no config.json; name a folder that save_pretrained wrote.")
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(f"{source} has no model.safetensors; name a folder that save_pretrained wrote.")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise InputError(f"{source} has no tokenizer; save one there with tokenizer.save_pretrained.")
    classes = _classes(folder / "config.json", source)
    _check_shapes(folder, source)
    return classes


def check_data(source: str, text_column: str | None = None, label_column: str | None = None) -> int | None:
    """The largest label of a local data set; None for `builtin` and the hub, which are not downloaded here."""
    located = locate(source)
    if located.kind == "builtin":
        return None
    if located.kind == "hub":
        _look_up_data(located.name)
        return None
    largest = 0
    for split, files in find_files(source).items():
        labels: list[int] = []
        for file in files:
            _, label = find_columns(file, text_column, label_column)
            labels += read_labels([file], label)
        if not labels:
            raise InputError(f"the {split} set of {source} has no rows; add some or remove the file.")
        if split == "train" and len(set(labels)) == 1:
            raise InputError(f"every row of {source} has the label {labels[0]}; a classifier needs two or more.")
        largest = max(largest, *labels)
    return largest


def _classes(config: Path, source: str) -> int:
    try:
        facts: Mapping[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        architectures = [str(name) for name in facts.get("architectures") or ()]
        classes = int(facts.get("num_labels") or len(facts.get("id2label") or (0, 1)))
    except (OSError, ValueError, AttributeError, TypeError):
        raise InputError(f"config.json of {source} cannot be read; name a folder that save_pretrained wrote.") from None
    check_head(source, architectures)
    return classes


def config_file(source: str) -> Path:
    """config.json of a model that is local or on the hub. Raises InputError where it cannot be reached."""
    located = locate(source)
    return hub_config(located.name) if located.kind == "hub" else located.path / "config.json"


def _check_shapes(folder: Path, source: str) -> None:
    """Raises InputError where weights cannot be those of the model that config.json describes."""
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for file in sorted(folder.glob("model*.safetensors")):
        try:
            shapes = dict(tensor_shapes(file))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError):
            raise InputError(
                f"{file.name} of {source} is damaged or cut short; copy or save the model again."
            ) from None
        for name, shape in shapes.items():
            for ending, sizes in _SIZES:
                wanted = [facts.get(size) for size in sizes]
                if name.endswith(ending) and None not in wanted and list(shape) != wanted:
                    raise InputError(
                        f"{name} of {source} has the shape {list(shape)} and config.json says {wanted}: the weights "
                        "belong to another model; take the config.json that was saved with them."
                    )


def _look_up_data(name: str) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.constants import HF_HUB_CACHE

    if (Path(HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}").is_dir():
        return
    try:
        reach_hub()
        HfApi().dataset_info(name, timeout=SECONDS)
    except Exception as error:
        raise hub_problem(name, "dataset", error) from None
