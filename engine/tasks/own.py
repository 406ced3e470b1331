"""A module of the user's own that tells images apart: logits of `[batch, classes]`, scored by accuracy."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from engine.errors import InputError
from engine.models.own_module import OwnModule, classes_of, fill, image_size, load_module, prepare, taken
from engine.models.preparation import Plain
from engine.models.probe import check_classes
from engine.models.python_file import RECIPE, PythonFile
from engine.models.sources import absolute_source
from engine.tasks.base import Report, Restorer, Splits, Task
from engine.tasks.kinds import OWN
from engine.tasks.labelled import images_of, splits_of
from engine.tasks.settings import Settings
from engine.training.named import Named
from engine.training.objective import Classes

_FEW = 2


class Own(Task):
    """Any module of a Python file that a user names."""

    name = OWN
    objective = Classes()

    def load(self, source: str, progress: Report | None = None) -> OwnModule:
        """Raises InputError as `load_module`."""
        if progress is not None:
            progress(0, 1, "running the module's file")
        subject = load_module(source)
        prepare(subject.model, subject.example)
        return subject

    def data(self, config: Settings, subject: OwnModule, report: Report) -> Splits:
        """Images of one size, their pixels from 0 to 1, normalised by `MEAN` and `STD` of the file.

        They are brought to the size of the file's `inputs()`, and stay as they are where it has none.

        Raises:
            InputError: the module takes no such images, or the data have another number of classes.
        """
        found = images_of(config, preparation_of(subject), report)
        few = found.test.select(range(min(_FEW, len(found.test))))
        (pixels,) = next(few.batches(_FEW)).inputs.values()
        check_classes(config.model, classes_of(subject, pixels), config.data, found.labels)
        prepare(subject.model, subject.example or {subject.input: pixels})
        return splits_of(config, found, lambda part: Named(part, subject.input))


class Remade(Own, Restorer):
    """The module of a saved folder, made again of what a caller names: `file.py:function`, or a module of that kind."""

    def __init__(self, folder: Path, source: str, module: str | nn.Module) -> None:
        """Raises InputError where the folder's recipe cannot be read, or as `load_module`."""
        try:
            recipe: dict[str, Any] = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
            arguments, self.stored = dict(recipe["arguments"]), str(recipe["stored"])
            file = PythonFile(source, Path(recipe["file"]), str(recipe["function"]), str(recipe["text"]), {}, {})
        except (OSError, ValueError, LookupError, TypeError):
            raise InputError(f"{RECIPE} of {source} cannot be read; save the module again.") from None
        if isinstance(module, nn.Module):
            self.subject = taken(file, module.float().eval(), self.stored, arguments)
        else:
            self.subject = load_module(absolute_source(module), arguments)
        prepare(self.subject.model, self.subject.example)

    def bare(self, folder: Path, source: str) -> tuple[Any, str]:
        """The module as it was made."""
        return self.subject.model, self.stored

    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> OwnModule:
        """With the weights that the folder holds."""
        return replace(self.subject, model=model, source=source, stored=stored)

    def load(self, source: str, progress: Report | None = None) -> OwnModule:
        """The same of weights that were saved whole."""
        fill(self.subject.model, Path(source))
        return replace(self.subject, source=source, stored=self.stored)


def preparation_of(subject: OwnModule) -> Plain:
    """What is done to images for the module."""
    channels, size = image_size(subject)
    mean, std = subject.mean or (0.0,) * channels, subject.std or (1.0,) * channels
    return Plain(mean, std) if size is None else Plain(mean, std, min(size), size)


TASK = Own()
