"""A causal language model and its tokenizer: from `builtin:lm`, a folder, a GGUF file or the hub; to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engine.models.cache import Progress
from engine.models.loading import check_size
from engine.models.positions import longest_input
from engine.models.pretrained import Pretrained, from_source, made, quiet, stored_type, weights


@dataclass(slots=True)
class LanguageModel(Pretrained):
    """`model` is a transformers `…ForCausalLM`; tied weights are one tensor."""

    tokenizer: Any

    @property
    def longest(self) -> int | None:
        """The tokens that the model takes at most; None where nothing bounds them."""
        return longest_input(self.model)

    def save_companions(self, folder: Path) -> None:
        """The tokenizer alone."""
        self.tokenizer.save_pretrained(folder)


def load_language_model(source: str, progress: Progress | None = None) -> LanguageModel:
    """Load a model that predicts next tokens. Code that comes with it is never run.

    Raises:
        InputError: nothing there, a model of another kind, one that is not complete or does not fit in memory.
    """
    return from_source(source, lambda place: _load(place, source), progress)


def _load(place: str, source: str) -> LanguageModel:
    quiet()
    here = Path(place).exists()

    def make() -> LanguageModel:
        config = AutoConfig.from_pretrained(place, local_files_only=here)
        config.use_cache = False  # windows are read once: what attention has seen is not asked for again
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=here)
        check_size(AutoModelForCausalLM, config, source)
        model = weights(AutoModelForCausalLM, place, source, config)
        return LanguageModel(tokenizer, model=model, source=source, stored=stored_type(config))

    model: LanguageModel = made(source, "a causal language model", make, here=here)
    return model
