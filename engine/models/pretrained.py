"""What `from_pretrained` gives of a folder or the hub, float32 and whole, or one sentence. No code of theirs runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from transformers.initialization import no_init_weights
from transformers.utils import logging

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.facts import read_facts
from engine.models.hub import hub_problem
from engine.models.labels import Head
from engine.models.loading import NewHead, check_loaded, renew_head
from engine.models.place import place_of
from engine.models.sources import locate
from engine.training.forward import raised

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Pretrained(ABC):
    """A model of transformers in float32 and evaluation mode, with what turns raw data into its inputs.

    `source` is what the user called it, `stored` the type that its weights came in.
    """

    model: Any
    source: str
    stored: str = "float32"

    def save(self, folder: Path) -> None:
        """Model and companions as `save_pretrained` writes them, for the function that loaded the model."""
        self.model.save_pretrained(folder)
        self.save_companions(folder)

    @abstractmethod
    def save_companions(self, folder: Path) -> None:
        """What stands beside the model alone: tokenizer, image processor."""


@dataclass(slots=True, kw_only=True)
class Headed(Pretrained):
    """One with a classification head of `labels` classes."""

    labels: int

    @property
    def head(self) -> Head:
        """What the model tells apart, with its names for it."""
        names = self.model.config.id2label or {}
        return Head(self.labels, tuple(str(names[number]) for number in sorted(names)))


def from_source(source: str, load: Callable[[str], T], progress: Progress | None = None) -> T:
    """What `load(place)` makes of the place where a model lies: a folder, or its name on the hub.

    Raises:
        InputError: nothing there, or as `load`; what the hub refuses is said in a sentence.
    """
    place = place_of(source, progress)
    if locate(source).kind != "hub":
        return load(place)
    try:
        read_facts(source)
        return load(place)
    except OSError as error:
        raise hub_problem(place, "model", error) from None


def stored_type(config: Any) -> str:
    """The type of the weights that a config was saved with: `float32`, `bfloat16`."""
    return str(config.dtype or "float32").removeprefix("torch.")


def quiet() -> None:
    """Keeps transformers from printing: what is missing in a file is ours to say."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def prepare() -> None:
    """Builds transformers' table of renamed weights: a second that a process otherwise spends at its first model."""
    with suppress(ImportError):  # of another version: then it is built when it is needed
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("bert")


def made(source: str, what: str, make: Any, *, here: bool) -> Any:
    """What `make()` gives: a config, a tokenizer or a model of transformers.

    Raises:
        InputError: whatever transformers stumbles over, as one sentence that says it is no `what`.
        OSError: the hub does not give it.
    """
    try:
        return make()
    except (InputError, torch.OutOfMemoryError, MemoryError):
        raise
    except OSError as error:
        if not here:
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160].rstrip(".")
        raise InputError(f"the weights of {source} cannot be read ({reason}); copy or save the model again.") from None
    except (UnpicklingError, EOFError):
        raise InputError(
            f"the pickled weights of {source} are damaged or hold more than tensors, which could run code; save the "
            "model as safetensors where it can be trusted."
        ) from None
    except Exception as error:  # a model's own code raises of its config what it will
        reason = raised(error).rstrip(".")
        raise InputError(f"{source} is not {what} that transformers can load ({reason}).") from None


def weights(auto: Any, place: str, source: str, config: Any, *, new_head: NewHead | None = None) -> Any:
    """A model of a class of transformers with every weight that its config asks for, in float32.

    A `new_head` is drawn by its seed; the caller's random state is left as it was.

    Raises:
        InputError: tensors are missing, left over or of another shape.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if new_head is None else new_head.seed)
        # Pickled weights, all that some old models have, are read as tensors only.
        model, info = auto.from_pretrained(
            place,
            config=config,
            local_files_only=Path(place).exists(),
            dtype=torch.float32,
            weights_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        if new_head is not None:
            renew_head(model, new_head.classes)
    check_loaded(info, model, source, new_head is not None)
    return model.eval()


def blank(auto: Any, config: Any) -> Any:
    """A model of a class of transformers whose weights are still to be read.

    None are drawn for it: that takes longer than reading them. What no file holds is as the model's own code makes it.
    """
    with no_init_weights():
        model = auto.from_config(config)
    model.tie_weights()  # which is part of drawing them
    return model
