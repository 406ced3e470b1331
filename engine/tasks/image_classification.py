"""Images, told apart by a class: accuracy."""

from pathlib import Path
from typing import Any

from engine.models.digests import fingerprint
from engine.models.image_classifier import ImageClassifier, load_image_classifier, preparation_of
from engine.models.images import load_images
from engine.models.tokens import Draw
from engine.tasks.base import Once, Report, Splits, Task
from engine.tasks.heads import new_head_for
from engine.tasks.settings import Settings
from engine.training.objective import Classes

CALIBRATION_BATCHES = 4
"""Of training images, drawn by seed: what formats are fitted to and masks are chosen by."""


class ImageClassification(Task):
    """Every architecture that transformers has for image classification, timm's among them."""

    name = "image-classification"
    objective = Classes()
    new_heads = True

    @property
    def auto(self) -> Any:
        """The class of transformers that makes a model of a config."""
        from transformers import AutoModelForImageClassification

        return AutoModelForImageClassification

    def load(self, source: str, progress: Report | None = None) -> ImageClassifier:
        """A model with a trained head. Raises InputError as `load_image_classifier`."""
        return load_image_classifier(source, progress)

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> ImageClassifier:
        """The model with the image processor that stands in the folder."""
        preparation, processor = preparation_of(model.config, str(folder), source)
        return ImageClassifier(model, preparation, processor, model.config.num_labels, source, stored)

    def data(self, config: Settings, subject: Any, report: Report) -> Splits:
        """Pixels of each image as the subject's `preparation` makes them, labels as its `head` has them.

        Raises:
            InputError: the data has more classes than the model. What the hub holds is known only once it is here.
        """
        found = load_images(
            config.data,
            subject.preparation,
            config.seed,
            config.image_column or None,
            config.label_column or None,
            report,
            head=subject.head,
            model=config.model,
            first_label=config.first_label,
            draw=Draw(
                config.train_samples,
                config.eval_samples,
                config.eval_samples,
                CALIBRATION_BATCHES * config.batch_size,
            ),
        )
        key = fingerprint([found.key, found.labels, config.first_label])
        return Splits(found.train, found.validation, found.test, found.calibration, found.description, key)

    def for_training(self, config: Settings, once: Once, report: Report) -> ImageClassifier | None:
        """The model with a new head of the data's classes; None where its own fits them."""
        from engine.models.check_images import check_image_model
        from engine.models.survey import image_survey

        columns = config.image_column or None, config.label_column or None
        head = new_head_for(
            config,
            once,
            lambda: check_image_model(config.model, new_head=True),
            lambda: image_survey(config.data, config.seed, *columns, anywhere=True),
        )
        return None if head is None else load_image_classifier(config.model, report, head)


TASK = ImageClassification()
