"""A model and a data set that need no network: made on first use, the same for a seed, kept in the cache."""

from pathlib import Path

from engine.models.cache import Progress, cached
from engine.runtime.home import cache_dir

VERSION = 1
MAX_LENGTH = 64  # tokens that the built-in model takes at most

_PARTS = ("attention.output.dense", "attention.self.key", "attention.self.query", "attention.self.value")
_BLOCK = (*_PARTS, "intermediate.dense", "output.dense")
LAYERS = (
    *(f"bert.embeddings.{kind}_embeddings" for kind in ("position", "token_type", "word")),
    *(f"bert.encoder.layer.{number}.{part}" for number in range(2) for part in _BLOCK),
    "bert.pooler.dense",
    "classifier",
)
"""The layers of the built-in model that have a weight matrix; known before it is made."""


def model_is_made(seed: int = 0) -> bool:
    """Whether `model_folder` would return at once."""
    return (cache_dir() / f"builtin/{VERSION}-{seed}/model").is_dir()


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
