"""Whether a model and a data set can be used, said in a sentence before any worker starts. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.facts import (
    IMAGE_HEAD,
    TEXT_HEAD,
    architectures,
    classifies,
    facts_in,
    head_of,
    other_task,
    read_facts,
)
from engine.models.gguf import check_gguf, is_gguf
from engine.models.headers import check_size_of, check_weights, has_head, model_shapes
from engine.models.hub import SECONDS, hub_problem, reach_hub
from engine.models.labels import Head
from engine.models.own_source import python_of
from engine.models.probe import probed
from engine.models.python_file import RECIPE
from engine.models.sources import locate
from engine.models.survey import Survey, fitted, survey
from engine.models.weights import folder_of

COMPRESSED = "compressed.safetensors"
_WEIGHTS = (
    COMPRESSED,
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


@dataclass(frozen=True, slots=True)
class Companion:
    """What must lie beside a model's weights: its name in a sentence, and the files of which one at least is there."""

    name: str
    files: tuple[str, ...]


TOKENIZER = Companion(
    "tokenizer",
    ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model"),
)
IMAGE_PROCESSOR = Companion("image processor", ("preprocessor_config.json", "processor_config.json"))


def check_sources(
    model: str,
    data: str,
    text_column: str | None = None,
    label_column: str | None = None,
    *,
    seed: int = 0,
    first_label: int | None = None,
    new_head: bool = False,
) -> list[str]:
    """Check both, and that they fit each other. Local data are read in full, hub data are only looked up.

    Returns what is to be known before the start, a sentence each. With `new_head` a model may lack a head that fits.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    head = check_model(model, new_head=new_head)
    if locate(data).kind == "hub":
        look_up_data(locate(data).name)
    found = survey(data, seed, text_column, label_column)
    return check_fit(found, head, data, model, first_label, new_head=new_head)


def check_fit(
    found: Survey | None, head: Head | None, data: str, model: str, first_label: int | None, *, new_head: bool
) -> list[str]:
    """What is to be known of data and how they fit a model's head; of data that are `found` only later that they are.

    Raises:
        InputError: the head does not tell the data's classes apart, and there can be no new one.
    """
    if found is None:
        built_in = locate(data).kind == "builtin"
        at_start = [] if built_in else [f"columns and labels of {data} are checked when the run starts"]
        return at_start + ([] if head is not None else [f"{model} gets a new head of as many classes as {data} has"])
    fit, is_new = fitted(found, head, data, model, first_label, new_head=new_head)
    said = [found.description + (f"; {fit.note}" if fit.note else "")]
    if is_new:
        if locate(model).kind == "local" and (locate(model).path / COMPRESSED).is_file():
            raise InputError(
                f"{model} is compressed and keeps its head of {head.classes if head else 0} classes; fine-tune the "
                "model that it was made of on these data."
            )
        said.append(new_head_sentence(model, fit.classes, head))
    return said


def new_head_sentence(model: str, classes: int, head: Head | None) -> str:
    """What is said of a model whose head is made anew."""
    instead = "" if head is None else f" in place of its own of {head.classes}"
    return f"{model} gets a new head of {classes} classes{instead}; until it is trained it guesses"


def check_head(source: str, names: list[str] | None, head: str = TEXT_HEAD) -> None:
    """Raises InputError where none of a model's architectures classifies texts, or what `head` stands for."""
    if not classifies(names or [], head):
        raise InputError(
            f"{source} has no trained classification head; fine-tune it first (labtui run finetune gives it one), or "
            "name another model."
        )


def check_model(source: str, *, new_head: bool = False) -> Head | None:
    """What the model's head tells apart; None where it has none, which only `new_head` allows.

    Raises:
        InputError: it cannot be read, its weights and its config do not belong together, or it does not fit in memory.
    """
    located = locate(source)
    if located.kind == "builtin":
        return Head(2)
    if located.kind == "hub":
        facts, cached = read_facts(source), folder_of(source)
        head = _head(facts, source, new_head)
        return head if cached is None else _check_folder(cached, facts, head, source, new_head, partly=True)
    folder = located.path
    facts = check_folder(folder, source)
    return _check_folder(folder, facts, _head(facts, source, new_head), source, new_head)


def _check_folder(
    folder: Path, facts: Mapping[str, Any], head: Head | None, source: str, new_head: bool, *, partly: bool = False
) -> Head | None:
    """Compares the weights with the config; the head is None where it is to be a new one."""
    if not (folder / COMPRESSED).is_file() and (shapes := model_shapes(folder, source, partly=partly)):
        if classifies(architectures(facts, source), IMAGE_HEAD):  # functions between their layers have numbers too
            check_size_of(shapes, source)
            return head
        if new_head and head is not None and not has_head(shapes, head):
            head = None
        check_weights(shapes, facts, head, source)
    return head


def check_folder(folder: Path, source: str, companion: Companion | None = TOKENIZER) -> dict[str, Any]:
    """What the config.json of a model's folder says.

    Raises:
        InputError: it is no folder, or lacks its config, its weights or its `companion`.
    """
    if not folder.is_dir():
        raise InputError(f"{source} is a file; a model is a folder with config.json and model.safetensors.")
    if not (folder / "config.json").is_file():
        raise no_config(folder, source)
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise InputError(f"{source} has no model.safetensors; name a folder that save_pretrained wrote.")
    if companion is not None and not any((folder / name).is_file() for name in companion.files):
        code = companion.name.replace(" ", "_")
        raise InputError(f"{source} has no {companion.name}; save one there with {code}.save_pretrained.")
    return facts_in(folder / "config.json", source)


def no_config(folder: Path, source: str) -> InputError:
    """What is wrong with a folder without config.json."""
    if (folder / RECIPE).is_file():
        return InputError(
            f"{source} holds the weights of a module of a Python file; name the file as path/to/file.py:function, or "
            "what a run kept as run:NAME."
        )
    return InputError(f"{source} has no config.json; name a folder that save_pretrained wrote.")


def check_config(folder: Path, source: str) -> None:
    """Raises InputError where a saved model's config.json says what no model is, before it is believed."""
    head_of(facts_in(folder / "config.json", source), source)


def check_body(source: str) -> list[str]:
    """The same of a model of any kind, whose config may be all that there is of it.

    Returns what is to be known before the start: of a model on the hub that is not here yet, that it is checked later.

    Raises:
        InputError: its config is none, or its weights do not belong to it or do not fit in memory.
    """
    located = locate(source)
    if located.kind == "builtin":
        return []
    if (python := python_of(source)) is not None:
        probed(python)
        return []
    folder = folder_of(source)
    if located.kind == "local" and is_gguf(located.path):
        check_gguf(located.path, source)
        if folder is None:
            return [f"{source} is read when the run starts, and kept in the cache: a minute for 135 million parameters"]
    if folder is None:
        return [f"{source} is not on this machine yet: it is fetched and checked when the run starts"]
    if not (folder / "config.json").is_file():
        raise no_config(folder, source)
    facts = facts_in(folder / "config.json", source)
    _check_folder(folder, facts, None, source, False, partly=located.kind == "hub")
    return []


def _head(facts: dict[str, object], source: str, new_head: bool) -> Head | None:
    if not new_head:
        check_head(source, architectures(facts, source))
    elif other_task(facts):
        return None
    return head_of(facts, source)


def look_up_data(name: str) -> None:
    """Raises InputError where the hub has no such data set, or cannot be asked."""
    from huggingface_hub import HfApi
    from huggingface_hub.constants import HF_HUB_CACHE

    if (Path(HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}").is_dir():
        return
    try:
        reach_hub()
        HfApi().dataset_info(name, timeout=SECONDS)
    except Exception as error:
        raise hub_problem(name, "dataset", error) from None
