"""Texts, or pairs of them, told apart by a class: accuracy."""

from pathlib import Path
from typing import Any

from engine.models.classifier import Classifier, load_classifier
from engine.models.positions import check_ids
from engine.models.tokens import load_tokens, with_types_for
from engine.tasks.base import Once, Report, Splits, Task
from engine.tasks.labelled import draw_of, new_head_for, splits_of
from engine.tasks.settings import Settings
from engine.training.objective import Classes


class TextClassification(Task):
    """Every architecture that transformers has for sequence classification."""

    name = "text-classification"
    objective = Classes()
    new_heads = True

    @property
    def auto(self) -> Any:
        """The class of transformers that makes a model of a config."""
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def load(self, source: str, progress: Report | None = None) -> Classifier:
        """A model with a trained head. Raises InputError as `load_classifier`."""
        return load_classifier(source, progress)

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> Classifier:
        """The model with the tokenizer that stands in the folder."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return Classifier(model, tokenizer, model.config.num_labels, source, stored)

    def data(self, config: Settings, subject: Classifier, report: Report) -> Splits:
        """Tokens of each text, cut to `max_length`.

        Raises:
            InputError: the data has more classes than the model. What the hub holds is known only once it is here.
        """
        found = load_tokens(
            config.data,
            subject.tokenizer,
            config.max_length,
            config.seed,
            text_column=config.text_column or None,
            label_column=config.label_column or None,
            progress=report,
            head=subject.head,
            model=config.model,
            first_label=config.first_label,
            draw=draw_of(config),
        )
        parts = (found.train, found.validation, found.test, found.calibration)
        ids = [int(part.ids.max()) for part in parts if part.ids.numel()]
        check_ids(max(ids), subject.model, config.model)
        return splits_of(config, found, lambda part: with_types_for(subject.model, part))

    def for_training(self, config: Settings, once: Once, report: Report) -> Classifier | None:
        """The model with a new head of the data's classes; None where its own fits them."""
        from engine.models.check import check_model
        from engine.models.survey import survey

        columns = config.text_column or None, config.label_column or None
        head = new_head_for(
            config,
            once,
            lambda: check_model(config.model, new_head=True),
            lambda: survey(config.data, config.seed, *columns, anywhere=True),
        )
        return None if head is None else load_classifier(config.model, report, head)


TASK = TextClassification()
