"""What the tasks on labelled sets share: which samples they draw, the sets' key, and new heads."""

from collections.abc import Callable
from typing import Any

from engine.models.check import new_head_sentence
from engine.models.digests import fingerprint
from engine.models.images import ImageSplits, load_images
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.preparation import Preparation
from engine.models.survey import Survey, fitted
from engine.models.tokens import PARTS, Draw, TextSplits
from engine.tasks.base import Once, Report, Splits
from engine.tasks.settings import Settings
from engine.training.samples import Samples

CALIBRATION_BATCHES = 4
"""Of training samples, drawn by seed: what formats are fitted to and masks are chosen by."""


def draw_of(config: Settings) -> Draw:
    """How many samples of each set a config uses."""
    calibration = CALIBRATION_BATCHES * config.batch_size
    return Draw(config.train_samples, config.eval_samples, config.eval_samples, calibration)


def images_of(config: Settings, preparation: Preparation, report: Report, head: Head | None = None) -> ImageSplits:
    """The images that a config uses, with labels as the `head` has them. Raises InputError as `load_images`."""
    return load_images(
        config.data,
        preparation,
        config.seed,
        config.image_column or None,
        config.label_column or None,
        report,
        head=head,
        model=config.model,
        first_label=config.first_label,
        draw=draw_of(config),
    )


def splits_of(config: Settings, found: TextSplits | ImageSplits, taken: Callable[[Any], Samples]) -> Splits:
    """Each set as the model takes it; the key stands for the labels too, which follow from the model and the config."""
    train, validation, test, calibration = (taken(getattr(found, name)) for name in PARTS)
    key = fingerprint([found.key, found.labels, config.first_label])
    return Splits(train, validation, test, calibration, found.description, key)


def new_head_for(
    config: Settings, once: Once, model_head: Callable[[], Head | None], data: Callable[[], Survey | None]
) -> NewHead | None:
    """The head to make, None where the model's own tells the data's classes apart. All data are read for it."""

    def compute() -> dict[str, Any]:
        head, found = model_head(), data()
        assert found is not None  # wherever the data are
        fit, is_new = fitted(found, head, config.data, config.model, config.first_label, new_head=True)
        said = new_head_sentence(config.model, fit.classes, head) if is_new else ""
        return {"new": is_new, "classes": fit.classes, "names": list(fit.names), "said": said}

    known = once("head", compute)
    return NewHead(known["classes"], tuple(known["names"]), config.seed) if known["new"] else None
