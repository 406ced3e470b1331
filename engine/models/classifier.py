"""A text classifier and its tokenizer: from `builtin`, a folder or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from engine.models.cache import Progress
from engine.models.check import check_head
from engine.models.complete import complete
from engine.models.loading import NewHead, check_size, set_classes
from engine.models.positions import longest_input
from engine.models.pretrained import Headed, from_source, made, quiet, stored_type, weights


@dataclass(slots=True)
class Classifier(Headed):
    """`model` is a transformers `…ForSequenceClassification`."""

    tokenizer: Any

    @property
    def pad_id(self) -> int:
        """The token that fills up batches."""
        return int(self.tokenizer.pad_token_id)

    def save_companions(self, folder: Path) -> None:
        """The tokenizer alone."""
        self.tokenizer.save_pretrained(folder)


def load_classifier(source: str, progress: Progress | None = None, new_head: NewHead | None = None) -> Classifier:
    """Load a model that classifies texts, or one that is to, with a `new_head`. Code that comes with it is never run.

    Raises:
        InputError: nothing there, not a model of texts, one without a trained classification head, one that is not
            complete, or one that does not fit in memory.
    """
    return from_source(source, lambda place: _load(place, source, new_head), progress)


def _load(place: str, source: str, new_head: NewHead | None) -> Classifier:
    quiet()
    here = Path(place).exists()

    def make() -> Classifier:
        config = AutoConfig.from_pretrained(place, local_files_only=here)
        if new_head is None:
            check_head(source, config.architectures)  # transformers would make up a random one
        else:
            set_classes(config, new_head)
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=here)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        config.pad_token_id = tokenizer.pad_token_id
        complete(config)
        stored = stored_type(config)
        auto = AutoModelForSequenceClassification
        check_size(auto, config, source)
        model = weights(auto, place, source, config, new_head=new_head)
        if longest := longest_input(model):
            tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
        return Classifier(tokenizer, model=model, labels=config.num_labels, source=source, stored=stored)

    classifier: Classifier = made(source, "a text classifier", make, here=here)
    return classifier
