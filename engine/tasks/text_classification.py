"""Texts, or pairs of them, told apart by a class: accuracy."""

from pathlib import Path
from typing import Any

from engine.models.check import check_model
from engine.models.classifier import Classifier, load_classifier
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.positions import check_ids
from engine.models.survey import Survey, survey
from engine.models.tokens import load_tokens, with_types_for
from engine.tasks.base import Report, Splits
from engine.tasks.labelled import LabelledTask, draw_of, splits_of
from engine.tasks.settings import Settings


class TextClassification(LabelledTask):
    """Every architecture that transformers has for sequence classification."""

    name = "text-classification"
    auto_class = "AutoModelForSequenceClassification"

    def load(self, source: str, progress: Report | None = None, new_head: NewHead | None = None) -> Classifier:
        """Raises InputError as `load_classifier`."""
        return load_classifier(source, progress, new_head)

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> Classifier:
        """The model with the tokenizer that stands in the folder."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return Classifier(tokenizer, model=model, labels=model.config.num_labels, source=source, stored=stored)

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

    def head_of(self, model: str) -> Head | None:
        """As its config says. Raises InputError as `check_model`."""
        return check_model(model, new_head=True)

    def surveyed(self, config: Settings) -> Survey | None:
        """Raises InputError as `survey`."""
        return survey(config.data, config.seed, config.text_column or None, config.label_column or None, anywhere=True)


TASK = TextClassification()
