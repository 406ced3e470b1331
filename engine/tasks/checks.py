"""Whether model and data of a task can be used, said in a sentence before any worker starts. Imports no torch."""

from engine.errors import InputError
from engine.models.check import check_folder, check_sources, look_up_data
from engine.models.check_images import check_image_data, check_image_model
from engine.models.corpus import corpus_files, read_corpus
from engine.models.facts import architectures, read_facts
from engine.models.fields import longest_text
from engine.models.gguf import check_gguf, is_gguf, stored_as
from engine.models.headers import check_weights, model_shapes
from engine.models.image_files import find_images, first_size
from engine.models.labels import fit
from engine.models.own_source import python_of
from engine.models.probe import check_classes, probed
from engine.models.python_file import read_python
from engine.models.sources import locate
from engine.models.survey import image_survey
from engine.tasks.kinds import DEFAULT, NAMED, OWN, task_of
from engine.tasks.settings import LONGEST_WINDOW, Settings


def check(config: Settings) -> list[str]:
    """What is to be known of model and data before the start, a sentence each. Reads files.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    if (python := python_of(config.model)) is not None:
        return _check_own(config, python)
    own = task_of(config.model, here=True)
    if config.task == "causal-lm":
        return _check_language(config)
    if config.task == "image-classification":
        return _check_images(config)
    if own != config.task and own != DEFAULT and not config.new_head:
        raise InputError(
            f"{config.model} is {NAMED[own]} and task says {config.task}; leave task out, or name another model."
        )
    return check_sources(
        config.model,
        config.data,
        config.text_column or None,
        config.label_column or None,
        seed=config.seed,
        first_label=config.first_label,
        new_head=config.new_head,
    )


def _check_own(config: Settings, python: str) -> list[str]:
    """Of a module of the user's own: what its text says, then the images, then what it makes of one of their size."""
    read_python(python)
    if config.task != OWN:
        raise InputError(f"{config.model} is scored by {OWN}, and task says {config.task}; leave task out.")
    columns = config.image_column or None, config.label_column or None
    found = image_survey(config.data, config.seed, *columns, anywhere=locate(config.data).kind == "builtin")
    if found is None:
        look_up_data(locate(config.data).name)
        probed(python)
        return []
    classes = fit(found.classes, None, config.data, config.model, config.first_label)
    facts = probed(python, first_size(find_images(config.data), columns[0]))
    assert facts.classes is not None
    check_classes(config.model, facts.classes, config.data, classes.classes)
    return [found.description + (f"; {classes.note}" if classes.note else "")]


def _check_images(config: Settings) -> list[str]:
    if locate(config.model).kind == "builtin" and config.model != "builtin:vision":
        raise InputError(
            f"{config.model} is {NAMED[task_of(config.model)]}; the built-in image classifier is builtin:vision."
        )
    head = check_image_model(config.model, new_head=config.new_head)
    return check_image_data(
        config.model,
        config.data,
        head,
        config.image_column or None,
        config.label_column or None,
        seed=config.seed,
        first_label=config.first_label,
        new_head=config.new_head,
    )


def _check_language(config: Settings) -> list[str]:
    check_language_model(config.model, config.window)
    window = config.window or min(longest_text(config.model) or LONGEST_WINDOW, LONGEST_WINDOW)
    if locate(config.data).kind == "hub":
        return []
    corpus = read_corpus(corpus_files(config.data), config.data, config.text_column or None)
    for split, text in corpus.texts.items():
        if len(text) < window and (size := len(text.encode())) < window:  # a token is a byte of text or more
            raise InputError(
                f"the {split} set of {config.data} has {size:,} bytes of text, too few for one window of {window:,} "
                "tokens; give a longer text, or a shorter window."
            )
    said = [corpus.description]
    if stored := stored_as(config.model):
        said.append(f"the weights come as {stored}: formats of as few bits are flattered by that")
    if "validation" not in corpus.texts and config.needs_validation:
        raise InputError(
            f"{config.data} has no validation set, which {config.needs_validation} chooses by; add a validation.txt."
        )
    if "validation" not in corpus.texts:
        said.append("there is no validation set: points are reported, and none is chosen")
    if "test" not in corpus.texts:
        raise InputError(f"{config.data} has no test set to score on; name a file test.txt, or give one file of text.")
    if config.calibration:
        read_corpus(corpus_files(config.calibration), config.calibration, None, labels=True)
    elif "train" not in corpus.texts and config.needs_train:
        raise InputError(
            f"{config.data} has no train set, which {config.needs_train} needs; add a train.txt, or other text "
            "with calibration."
        )
    return said


def check_language_model(source: str, window: int | None) -> None:
    """Raises InputError where a model predicts no next tokens, cannot be read or takes no window of so many tokens."""
    _check_language_model(source)
    longest = longest_text(source)
    if window is not None and longest is not None and window > longest:
        raise InputError(f"{source} takes {longest:,} tokens at most, not a window of {window:,}; give a shorter one.")


def _check_language_model(source: str) -> None:
    located = locate(source)
    if located.kind == "builtin":
        if source != "builtin:lm":
            raise InputError(f"{source} is {NAMED[task_of(source)]}; the built-in language model is builtin:lm.")
        return
    if located.kind == "local" and located.path.is_file():
        if not is_gguf(located.path):
            raise InputError(f"{source} is a file; a model is a GGUF file or a folder that save_pretrained wrote.")
        check_gguf(located.path, source)
        return
    if located.kind == "local":
        facts = check_folder(located.path, source)
        if shapes := model_shapes(located.path, source):
            check_weights(shapes, facts, None, source)
    else:
        facts = read_facts(source)
    own = task_of(source)
    if own != "causal-lm":
        named = ", ".join(architectures(facts, source)) or "without a head"
        raise InputError(f"{source} is {named}, no causal language model; name one, or leave task out.")
