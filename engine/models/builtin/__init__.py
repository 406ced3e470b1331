"""A model and a data set that need no network: made on first use, the same for a seed, kept in the cache."""

from importlib import import_module
from pathlib import Path
from typing import Any

from engine.models.cache import Progress, cached
from engine.runtime.home import cache_dir

VERSION = 1
MAX_LENGTH = 64  # tokens that the built-in classifier takes at most
LONGEST_WINDOW = 256  # that the built-in language model takes

_PARTS = ("attention.output.dense", "attention.self.key", "attention.self.query", "attention.self.value")
_BLOCK = (*_PARTS, "intermediate.dense", "output.dense")
LAYERS = (
    *(f"bert.embeddings.{kind}_embeddings" for kind in ("position", "token_type", "word")),
    *(f"bert.encoder.layer.{number}.{part}" for number in range(2) for part in _BLOCK),
    "bert.pooler.dense",
    "classifier",
)
"""The layers of the built-in model that have a weight matrix; known before it is made."""


LANGUAGE = "builtin:lm"
_PROJECTIONS = ("mlp.down_proj", "mlp.gate_proj", "mlp.up_proj")
_ATTENTION = ("self_attn.k_proj", "self_attn.o_proj", "self_attn.q_proj", "self_attn.v_proj")
LANGUAGE_LAYERS = (
    "model.embed_tokens",
    *(f"model.layers.{number}.{part}" for number in range(2) for part in (*_PROJECTIONS, *_ATTENTION)),
)
"""The same of the built-in language model."""


VISION = "builtin:vision"
_FOLDERS = {LANGUAGE: "lm", VISION: "vision"}
_STAGES = ("layer.0.convolution", "layer.1.convolution")
VISION_LAYERS = (
    "classifier.1",
    "resnet.embedder.embedder.convolution",
    *(
        f"resnet.encoder.stages.{stage}.layers.{number}.{part}"
        for stage in range(2)
        for number in range(2)
        for part in ((*_STAGES, "shortcut.convolution") if (stage, number) == (1, 0) else _STAGES)
    ),
)
"""The same of the built-in image classifier: convolutions and its head."""


def layers_of_builtin(source: str) -> tuple[str, ...]:
    """The layers of a built-in model, known before it is made."""
    return {LANGUAGE: LANGUAGE_LAYERS, VISION: VISION_LAYERS}.get(source, LAYERS)


def made_model(source: str, seed: int = 0) -> Path | None:
    """The folder of a built-in model that has been made; None before."""
    folder = cache_dir() / f"builtin/{VERSION}-{seed}" / _FOLDERS.get(source, "model")
    return folder if folder.is_dir() else None


def is_unmade(source: str) -> bool:
    """Whether a source names a built-in model that has not been made yet."""
    return (source == "builtin" or source in _FOLDERS) and made_model(source) is None


def config_of(source: str) -> Any:
    """The config of a built-in model, which needs not be made for that."""
    name = {LANGUAGE: "language", VISION: "vision"}.get(source, "model")
    return import_module(f"engine.models.builtin.{name}").make_config()


def data_folder(progress: Progress | None = None, seed: int = 0) -> Path:
    """A folder with train, validation and test set of the generated film reviews, as Parquet."""

    def make(folder: Path) -> None:
        from engine.models.builtin.reviews import write_reviews

        if progress is not None:
            progress(0, 1, "writing film reviews")
        write_reviews(folder, seed)

    return cached(f"builtin/{VERSION}-{seed}/data", make, progress)


def model_folder(progress: Progress | None = None, seed: int = 0) -> Path:
    """A folder with a classifier trained on these reviews; about half a minute's work on two cores."""

    def make(folder: Path) -> None:
        from engine.models.builtin.model import train_model

        train_model(folder, seed, progress)

    return cached(f"builtin/{VERSION}-{seed}/model", make, progress)


def folder_of(source: str, progress: Progress | None = None) -> Path:
    """The folder of the built-in model of that name, made on first use."""
    made = {LANGUAGE: language_model_folder, VISION: vision_model_folder}.get(source, model_folder)
    return made(progress)


def language_model_folder(progress: Progress | None = None, seed: int = 0) -> Path:
    """A folder with a language model trained on the text of these reviews; under a minute's work on two cores."""

    def make(folder: Path) -> None:
        from engine.models.builtin.language import train_language_model

        train_language_model(folder, seed, progress)

    return cached(f"builtin/{VERSION}-{seed}/lm", make, progress)


def digits_folder(progress: Progress | None = None, seed: int = 0) -> Path:
    """A folder with train, validation and test set of scikit-learn's 1,797 images of digits, as Parquet."""

    def make(folder: Path) -> None:
        from engine.models.builtin.digits import write_digits

        write_digits(folder, seed)

    return cached(f"builtin/{VERSION}-{seed}/digits", make, progress)


def vision_model_folder(progress: Progress | None = None, seed: int = 0) -> Path:
    """A folder with a convolutional net trained on these digits; some seconds' work."""

    def make(folder: Path) -> None:
        from engine.models.builtin.vision import train_vision_model

        train_vision_model(folder, seed, progress)

    return cached(f"builtin/{VERSION}-{seed}/vision", make, progress)
