"""A model and a data set that need no network: made on first use, the same for a seed, kept in the cache."""

from pathlib import Path

from engine.models.cache import Progress, cached

VERSION = 1


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
