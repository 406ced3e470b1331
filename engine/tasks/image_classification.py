"""Images, told apart by a class: accuracy."""

from pathlib import Path
from typing import Any

from engine.models.check_images import check_image_model
from engine.models.image_classifier import ImageClassifier, load_image_classifier, preparation_of
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.survey import Survey, image_survey
from engine.tasks.base import Report, Splits
from engine.tasks.labelled import LabelledTask, images_of, splits_of
from engine.tasks.settings import Settings


class ImageClassification(LabelledTask):
    """Every architecture that transformers has for image classification, timm's among them."""

    name = "image-classification"
    auto_class = "AutoModelForImageClassification"

    def load(self, source: str, progress: Report | None = None, new_head: NewHead | None = None) -> ImageClassifier:
        """Raises InputError as `load_image_classifier`."""
        return load_image_classifier(source, progress, new_head)

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> ImageClassifier:
        """The model with the image processor that stands in the folder."""
        preparation, processor = preparation_of(model.config, str(folder), source)
        return ImageClassifier(
            preparation, processor, model=model, labels=model.config.num_labels, source=source, stored=stored
        )

    def data(self, config: Settings, subject: Any, report: Report) -> Splits:
        """Pixels of each image as the subject's `preparation` makes them, labels as its `head` has them.

        Raises:
            InputError: the data has more classes than the model. What the hub holds is known only once it is here.
        """
        found = images_of(config, subject.preparation, report, subject.head)
        return splits_of(config, found, lambda part: part)

    def head_of(self, model: str) -> Head | None:
        """As its config says. Raises InputError as `check_image_model`."""
        return check_image_model(model, new_head=True)

    def surveyed(self, config: Settings) -> Survey | None:
        """Raises InputError as `image_survey`."""
        columns = config.image_column or None, config.label_column or None
        return image_survey(config.data, config.seed, *columns, anywhere=True)


TASK = ImageClassification()
