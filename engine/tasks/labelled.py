"""What the tasks on labelled sets share: which samples they draw, the sets' key, and new heads."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from engine.models.check import new_head_sentence
from engine.models.digests import fingerprint
from engine.models.images import load_images
from engine.models.labelled_sets import PARTS, Draw, LabelledSets, SamplesT
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.preparation import Preparation
from engine.models.survey import Survey, fitted
from engine.tasks.base import Once, PretrainedTask, Report, Splits, Subject
from engine.tasks.settings import Settings
from engine.training.images import Images
from engine.training.objective import Classes
from engine.training.samples import Samples


def draw_of(config: Settings) -> Draw:
    """How many samples of each set a config uses."""
    return Draw(config.train_samples, config.eval_samples, config.eval_samples, config.calibration_samples)


def images_of(
    config: Settings, preparation: Preparation, report: Report, head: Head | None = None
) -> LabelledSets[Images]:
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


def splits_of(config: Settings, found: LabelledSets[SamplesT], taken: Callable[[SamplesT], Samples]) -> Splits:
    """Each set as the model takes it; the key stands for the labels too, which follow from the model and the config."""
    train, validation, test, calibration = (taken(getattr(found, name)) for name in PARTS)
    key = fingerprint([found.key, found.labels, config.first_label])
    return Splits(train, validation, test, calibration, found.description, key)


class LabelledTask(PretrainedTask):
    """Samples told apart by a class: a head of other classes than the data's is made anew where that is asked for."""

    objective = Classes()
    new_heads = True

    @abstractmethod
    def load(self, source: str, progress: Report | None = None, new_head: NewHead | None = None) -> Subject:
        """A model that is trained for the task, or one that is to be, with a `new_head`."""

    @abstractmethod
    def head_of(self, model: str) -> Head | None:
        """The head that a model has before it is loaded; None where it has none yet."""

    @abstractmethod
    def surveyed(self, config: Settings) -> Survey | None:
        """All of a config's data, wherever they are."""

    def for_training(self, config: Settings, once: Once, report: Report) -> Subject | None:
        """The model with a new head of the data's classes; None where its own fits them."""

        def compute() -> dict[str, Any]:
            head, found = self.head_of(config.model), self.surveyed(config)
            assert found is not None  # wherever the data are
            fit, is_new = fitted(found, head, config.data, config.model, config.first_label, new_head=True)
            said = new_head_sentence(config.model, fit.classes, head) if is_new else ""
            return {"new": is_new, "classes": fit.classes, "names": list(fit.names), "said": said}

        known = once("head", compute)
        if not known["new"]:
            return None
        return self.load(config.model, report, NewHead(known["classes"], tuple(known["names"]), config.seed))
