"""A causal language model and its tokenizer: from `builtin:lm`, a folder, a GGUF file or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engine.models.cache import Progress
from engine.models.facts import read_facts
from engine.models.hub import hub_problem
from engine.models.loading import check_size
from engine.models.place import place_of
from engine.models.positions import longest_input
from engine.models.pretrained import made, quiet, weights
from engine.models.sources import locate


@dataclass(slots=True)
class LanguageModel:
    """`model` is a transformers `…ForCausalLM` in float32 and evaluation mode; tied weights are one tensor.

    `source` is what the user called it, `stored` the type that its weights came in.
    """

    model: Any
    tokenizer: Any
    source: str
    stored: str = "float32"

    @property
    def longest(self) -> int | None:
        """The tokens that the model takes at most; None where nothing bounds them."""
        return longest_input(self.model)

    def save(self, folder: Path) -> None:
        """Model and tokenizer as `save_pretrained` writes them; `load_language_model` takes the folder."""
        self.model.save_pretrained(folder)
        self.save_companions(folder)

    def save_companions(self, folder: Path) -> None:
        """The tokenizer alone."""
        self.tokenizer.save_pretrained(folder)


def load_language_model(source: str, progress: Progress | None = None) -> LanguageModel:
    """Load a model that predicts next tokens. Code that comes with it is never run.

    Raises:
        InputError: nothing there, a model of another kind, one that is not complete or does not fit in memory.
    """
    place = place_of(source, progress)
    if locate(source).kind != "hub":
        return _load(place, source)
    try:
        read_facts(source)
        return _load(place, source)
    except OSError as error:
        raise hub_problem(place, "model", error) from None


def _load(place: str, source: str) -> LanguageModel:
    quiet()
    here = Path(place).exists()

    def make() -> LanguageModel:
        config = AutoConfig.from_pretrained(place, local_files_only=here)
        config.use_cache = False  # windows are read once: what attention has seen is not asked for again
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=here)
        stored = str(config.dtype or "float32").removeprefix("torch.")
        check_size(AutoModelForCausalLM, config, source)
        return LanguageModel(weights(AutoModelForCausalLM, place, source, config), tokenizer, source, stored)

    model: LanguageModel = made(source, "a causal language model", make, here=here)
    return model
