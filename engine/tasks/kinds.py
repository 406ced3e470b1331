"""Which kinds of tasks there are, and which one a model is for, told by its config.json. No torch."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import InputError
from engine.models.facts import architectures, is_timm, read_facts
from engine.models.own_source import is_own
from engine.models.sources import locate
from engine.models.weights import folder_of
from engine.tasks.metric import ACCURACY, IMAGES, PERPLEXITY, Metric

if TYPE_CHECKING:
    from engine.tasks.base import Task

Name = Literal["auto", "text-classification", "causal-lm", "image-classification"]
AUTO: Name = "auto"
"""What the model is for is read off it; a run records what was found."""
DEFAULT: Name = "text-classification"
OWN: Name = "image-classification"
"""What a module of the user's own is scored by."""
METRICS: Mapping[str, Metric] = {
    "text-classification": ACCURACY,
    "causal-lm": PERPLEXITY,
    "image-classification": IMAGES,
}
LAYERS: Mapping[str, tuple[str, ...]] = {
    "text-classification": ("Linear",),
    "causal-lm": ("Linear",),
    "image-classification": ("Linear", "Conv2d"),
}
"""The types of layers that are compressed where nothing else is said: those that hold most of such models' weights."""
_HEADS: Mapping[str, Name] = {
    "ForCausalLM": "causal-lm",
    "LMHeadModel": "causal-lm",
    "ForSequenceClassification": "text-classification",
    "ForImageClassification": "image-classification",
}
NAMED: Mapping[str, str] = {
    "text-classification": "a text classifier",
    "causal-lm": "a causal language model",
    "image-classification": "an image classifier",
}
_BUILTIN: Mapping[str, Name] = {
    "builtin": "text-classification",
    "builtin:lm": "causal-lm",
    "builtin:vision": "image-classification",
}


def task_of(model: str, *, here: bool = False) -> Name:
    """The kind of task that a model is for; text classification where nothing says so: its check says what is wrong.

    The hub is asked for a config that is not on this machine, unless only what is `here` may be looked at: that is what
    its cache holds too.
    """
    if model in _BUILTIN:
        return _BUILTIN[model]
    if model.endswith(".gguf"):
        return "causal-lm"
    try:
        if is_own(model):
            return OWN
        if here and locate(model).kind == "hub" and folder_of(model) is None:
            return DEFAULT
        facts = read_facts(model)
        named = ["ForImageClassification"] if is_timm(facts) else architectures(facts, model)
    except (InputError, OSError):
        return DEFAULT
    return next((task for head, task in _HEADS.items() if any(head in name for name in named)), DEFAULT)


def metric_of(config: Mapping[str, Any]) -> Metric:
    """What a run of this config is scored by; runs that name no task are of text classification."""
    return METRICS.get(str(config.get("task")), ACCURACY)


def get(name: str, model: str = "") -> "Task":
    """The task of that name, its module imported (torch with it); of a module of the user's own its own kind of it."""
    name = DEFAULT if name == AUTO else name
    if is_own(model):
        name = "own"
    task: Task = importlib.import_module(f"engine.tasks.{name.replace('-', '_')}").TASK
    return task
