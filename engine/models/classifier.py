"""A text classifier and its tokenizer: from `builtin`, a folder or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.check import check_head
from engine.models.hub import hub_problem
from engine.models.sources import locate


@dataclass(slots=True)
class Classifier:
    """`model` is a transformers `…ForSequenceClassification` in float32 and evaluation mode with `labels` classes.

    `source` is what the user called it.
    """

    model: Any
    tokenizer: Any
    labels: int
    source: str

    @property
    def pad_id(self) -> int:
        """The token that fills up batches."""
        return int(self.tokenizer.pad_token_id)

    def save(self, folder: Path) -> None:
        """Model and tokenizer as `save_pretrained` writes them; `load_classifier` takes the folder."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def load_classifier(source: str, progress: Progress | None = None) -> Classifier:
    """Load a model that classifies texts. Code that comes with a model is never run.

    Raises:
        InputError: nothing there, not a model of texts, or one without a trained classification head.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import model_folder

        return _load(str(model_folder(progress)), source)
    if located.kind == "local":
        return _load(str(located.path), source)
    try:
        return _load(located.name, source)
    except OSError as error:
        raise hub_problem(located.name, "model", error) from None


def _load(place: str, source: str) -> Classifier:
    logging.disable_progress_bar()
    offline = Path(place).exists()
    try:
        config = AutoConfig.from_pretrained(place, local_files_only=offline)
        check_head(source, config.architectures)  # transformers would make up a random one
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=offline)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        config.pad_token_id = tokenizer.pad_token_id
        # Pickled weights, all that some old models have, are read as tensors only.
        model = AutoModelForSequenceClassification.from_pretrained(
            place, config=config, local_files_only=offline, dtype=torch.float32, weights_only=True
        )
    except InputError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:  # a RuntimeError: weights of other shapes
        reason = str(error).strip().splitlines()[0][:160].rstrip(".")
        raise InputError(f"{source} is not a text classifier that transformers can load ({reason}).") from None
    if longest := getattr(config, "max_position_embeddings", None):
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
    return Classifier(model.eval(), tokenizer, config.num_labels, source)
