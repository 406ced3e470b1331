"""Whether a model and a data set of images can be used, said in a sentence before any worker starts. No torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.models.check import COMPRESSED, IMAGE_PROCESSOR, check_fit, check_folder, check_head, look_up_data
from engine.models.facts import IMAGE_HEAD, architectures, check_timm, head_of, is_timm, other_task, read_facts
from engine.models.headers import check_size_of, has_head, model_shapes, no_head
from engine.models.labels import Head
from engine.models.sources import locate
from engine.models.survey import image_survey
from engine.models.weights import folder_of

DIGITS = Head(10, tuple("0123456789"))


def check_image_model(source: str, *, new_head: bool = False) -> Head | None:
    """What the model's head tells apart; None where it has none, which only `new_head` allows.

    Raises:
        InputError: it cannot be read, is no classifier of images, or does not fit in memory.
    """
    located = locate(source)
    if located.kind == "builtin":
        return DIGITS
    facts = read_facts(source)
    timm = is_timm(facts)
    folder = folder_of(source)
    if located.kind == "local":
        check_folder(located.path, source, None if timm else IMAGE_PROCESSOR)
    check_timm(facts, source)
    if not timm and not new_head:
        check_head(source, architectures(facts, source), IMAGE_HEAD)
    head = None if new_head and other_task(facts) else head_of(facts, source, IMAGE_HEAD)
    return head if folder is None else _check_weights(folder, facts, head, source, new_head, located.kind == "hub")


def check_image_data(
    model: str,
    data: str,
    head: Head | None,
    image_column: str | None = None,
    label_column: str | None = None,
    *,
    seed: int = 0,
    first_label: int | None = None,
    new_head: bool = False,
) -> list[str]:
    """What is to be known of the images before the start, a sentence each. Those of the hub are only looked up.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    if locate(data).kind == "hub":
        look_up_data(locate(data).name)
    found = image_survey(data, seed, image_column, label_column)
    return check_fit(found, head, data, model, first_label, new_head=new_head)


def _check_weights(
    folder: Path, facts: Mapping[str, Any], head: Head | None, source: str, new_head: bool, partly: bool
) -> Head | None:
    """Compares the weights with the head and the memory; the head is None where it is to be a new one."""
    if (folder / COMPRESSED).is_file() or not (shapes := model_shapes(folder, source, partly=partly)):
        return head
    if head is not None and not has_head(shapes, head):
        if not new_head:
            raise no_head(source, head)
        head = None
    check_size_of(shapes, source)
    return head
