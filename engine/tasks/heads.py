"""New heads for models whose own does not fit the data: settled once in a run, and said there."""

from collections.abc import Callable
from typing import Any

from engine.models.check import new_head_sentence
from engine.models.labels import Head
from engine.models.loading import NewHead
from engine.models.survey import Survey, fitted
from engine.tasks.base import Once
from engine.tasks.settings import Settings


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
