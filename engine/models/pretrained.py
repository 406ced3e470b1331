"""What `from_pretrained` gives of a folder or the hub, float32 and whole, or one sentence. No code of theirs runs."""

from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from transformers.utils import logging

from engine.errors import InputError
from engine.models.loading import NewHead, check_loaded, renew_head
from engine.training.forward import raised


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
