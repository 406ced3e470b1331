"""A text classifier and its tokenizer: from `builtin`, a folder or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from engine.models.cache import Progress
from engine.models.check import check_head
from engine.models.complete import complete
from engine.models.facts import read_facts
from engine.models.hub import hub_problem
from engine.models.labels import Head
from engine.models.loading import NewHead, check_size, set_classes
from engine.models.place import place_of
from engine.models.positions import longest_input
from engine.models.pretrained import made, quiet, weights
from engine.models.sources import locate


@dataclass(slots=True)
class Classifier:
    """`model` is a transformers `…ForSequenceClassification` in float32 and evaluation mode with `labels` classes.

    `source` is what the user called it, `stored` the type that its weights came in.
    """

    model: Any
    tokenizer: Any
    labels: int
    source: str
    stored: str = "float32"

    @property
    def pad_id(self) -> int:
        """The token that fills up batches."""
        return int(self.tokenizer.pad_token_id)

    @property
    def head(self) -> Head:
        """What the model tells apart, with its names for it."""
        names = self.model.config.id2label or {}
        return Head(self.labels, tuple(str(names[number]) for number in sorted(names)))

    def save(self, folder: Path) -> None:
        """Model and tokenizer as `save_pretrained` writes them; `load_classifier` takes the folder."""
        self.model.save_pretrained(folder)
        self.save_companions(folder)

    def save_companions(self, folder: Path) -> None:
        """The tokenizer alone."""
        self.tokenizer.save_pretrained(folder)


def load_classifier(source: str, progress: Progress | None = None, new_head: NewHead | None = None) -> Classifier:
    """Load a model that classifies texts, or one that is to, with a `new_head`. Code that comes with it is never run.

    Raises:
        InputError: nothing there, not a model of texts, one without a trained classification head, one that is not
            complete, or one that does not fit in memory.
    """
    place = place_of(source, progress)
    if locate(source).kind != "hub":
        return _load(place, source, new_head)
    try:
        read_facts(source)
        return _load(place, source, new_head)
    except OSError as error:
        raise hub_problem(place, "model", error) from None


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
        stored = str(config.dtype or "float32").removeprefix("torch.")
        auto = AutoModelForSequenceClassification
        check_size(auto, config, source)
        model = weights(auto, place, source, config, new_head=new_head)
        if longest := longest_input(model):
            tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
        return Classifier(model, tokenizer, config.num_labels, source, stored)

    classifier: Classifier = made(source, "a text classifier", make, here=here)
    return classifier
