"""Whether one model can teach another, said in a sentence before any worker starts. Imports no torch."""

import json
from collections.abc import Mapping

from engine.errors import InputError
from engine.models.check import check_model
from engine.models.check_images import check_image_model
from engine.models.labels import Fit, Head
from engine.models.own_source import is_own
from engine.models.sources import locate
from engine.models.survey import Survey, fitted, image_survey, survey
from engine.models.weights import folder_of
from engine.tasks.checks import check_language_model
from engine.tasks.kinds import NAMED, task_of
from engine.tasks.settings import Settings

LONGEST_VOCABULARY = 1 << 28  # bytes of a file


def check_teacher(config: Settings, teacher: str) -> None:
    """Raises InputError where a teacher is of another task, other classes or other tokens than the config's model."""
    if (own := task_of(teacher)) != config.task:
        raise InputError(
            f"{teacher} is {NAMED[own]} and cannot teach {NAMED[config.task]}; name a teacher of that kind."
        )
    if config.task == "causal-lm":
        check_language_model(teacher, config.window)
    elif not (is_own(config.model) or is_own(teacher)):  # what a module tells apart is seen when it runs
        _check_classes(config, teacher)
    mine, others = vocabulary(config.model), vocabulary(teacher)
    if mine is not None and others is not None and mine != others:
        raise other_tokens(config.model, teacher)


def check_start(config: Settings) -> None:
    """Raises InputError where the model that a run begins from is to teach, and its head is to be made anew."""
    if config.task == "causal-lm" or is_own(config.model):
        return
    head, is_new, found = _head(config, config.model, config.new_head), False, _surveyed(config)
    if found is not None:
        is_new = fitted(found, head, config.data, config.model, config.first_label, new_head=config.new_head)[1]
    if is_new or head is None:
        raise InputError(
            f"{config.model} gets a new head and has nothing to teach yet; name a trained model as teacher."
        )


def other_tokens(model: str, teacher: str) -> InputError:
    """The sentence for a teacher that would read other words than were written."""
    return InputError(
        f"the tokenizer of {teacher} is not that of {model}: the same tokens mean other words to it; name a teacher "
        "with the same tokenizer."
    )


def other_outputs(model: str, teacher: str, mine: int, others: int) -> InputError:
    """The sentence for a teacher whose logits are of another length."""
    return InputError(
        f"{teacher} tells {others:,} classes or tokens apart and {model} {mine:,}; name a teacher of the same ones."
    )


def _check_classes(config: Settings, teacher: str) -> None:
    head, others, found = _head(config, config.model, config.new_head), _head(config, teacher), _surveyed(config)
    assert others is not None
    if found is None:
        if head is not None and head.classes != others.classes:
            raise other_outputs(config.model, teacher, head.classes, others.classes)
        return

    def told(model: str, one: Head | None, new_head: bool) -> Fit:
        return fitted(found, one, config.data, model, config.first_label, new_head=new_head)[0]

    mine, taught = told(config.model, head, config.new_head), told(teacher, others, False)
    if mine.classes != taught.classes:
        raise other_outputs(config.model, teacher, mine.classes, taught.classes)
    if mine.table != taught.table:
        raise InputError(
            f"{teacher} has the classes of {config.data} in another order than {config.model}; name a teacher that was "
            "trained with the same order."
        )


def _head(config: Settings, model: str, new_head: bool = False) -> Head | None:
    check = check_image_model if config.task == "image-classification" else check_model
    return check(model, new_head=new_head)


def _surveyed(config: Settings) -> Survey | None:
    label = config.label_column or None
    if config.task == "image-classification":
        return image_survey(config.data, config.seed, config.image_column or None, label)
    return survey(config.data, config.seed, config.text_column or None, label)


def vocabulary(source: str) -> Mapping[str, int] | None:
    """The tokens of a model's tokenizer and their numbers; None where no file at hand lists them."""
    folder = None if locate(source).kind == "hub" else folder_of(source)
    if folder is None or not folder.is_dir():
        return None
    try:
        file = folder / "tokenizer.json"
        if file.is_file() and file.stat().st_size <= LONGEST_VOCABULARY:
            found = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
            pairs = found.items() if isinstance(found, dict) else ((one[0], place) for place, one in enumerate(found))
            return {str(token): int(number) for token, number in pairs}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None
