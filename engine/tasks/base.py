"""What a task is: which models belong to it, how they are loaded, what their data is, and how they are scored."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.tasks.settings import Settings
from engine.training.objective import Objective
from engine.training.samples import Samples

Report = Callable[[float, float, str], None]
Once = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
"""`once(key, compute)` gives what is computed a single time in a run and kept with it."""


class Subject(Protocol):
    """A model with what turns raw data into its inputs: a dataclass, so that `replace` gives it another model.

    `model` is in float32 and evaluation mode. `source` is what the user called it, `stored` the type that its weights
    came in.
    """

    model: Any
    source: str
    stored: str

    def save(self, folder: Path) -> None:
        """Writes all of it as `save_pretrained` does."""

    def save_companions(self, folder: Path) -> None:
        """Writes what stands beside the model: tokenizer, image processor."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The three sets; of a set that the data do not have there is None.

    `calibration` is what formats are fitted to and masks chosen by: a few samples of train. `description` says what was
    read and used; `key` stands for all of it.
    """

    train: Samples | None
    validation: Samples | None
    test: Samples
    calibration: Samples | None
    description: str
    key: str


class Task(ABC):
    """One kind of task; a file in this package holds one as `TASK`."""

    name: str
    objective: Objective
    new_heads: bool = False
    """Whether a model without a head that fits the data can get one, to be trained."""

    @abstractmethod
    def load(self, source: str, progress: Report | None = None) -> Subject:
        """A model that is trained for the task. Code that comes with it is never run.

        Raises:
            InputError: nothing there, a model of another task, one that is not complete or does not fit in memory.
        """

    @abstractmethod
    def data(self, config: Settings, subject: Any, report: Report) -> Splits:
        """The sets as what the model takes, as far as the config uses them, kept by content.

        Raises:
            InputError: the data do not fit the model.
        """

    def for_training(self, config: Settings, once: Once, report: Report) -> Subject | None:
        """The model with a new head where its own does not fit the data, for a task that has `new_heads`; else None."""
        return None


class Restorer(ABC):
    """What makes the model of a saved folder, before its weights are read, and the whole of it afterwards."""

    @abstractmethod
    def bare(self, folder: Path, source: str) -> tuple[Any, str]:
        """A model of the config in a folder, with weights of no meaning yet, and the type that its own came in.

        Raises:
            InputError: it does not fit in memory.
        """

    @abstractmethod
    def dressed(self, model: Any, folder: Path, source: str, stored: str) -> Subject:
        """A model that `bare` gave of a folder, with the companions that stand there."""


class PretrainedTask(Task, Restorer):
    """A task whose models are those of an auto class of transformers, by its name there."""

    auto_class: str

    @property
    def auto(self) -> Any:
        """The class that makes a model of a config."""
        import transformers

        return getattr(transformers, self.auto_class)

    def bare(self, folder: Path, source: str) -> tuple[Any, str]:
        """Of the config in the folder. Raises InputError where it does not fit in memory."""
        from transformers import AutoConfig

        from engine.models.loading import check_size
        from engine.models.pretrained import blank, stored_type

        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        check_size(self.auto, config, source)
        return blank(self.auto, config).float(), stored_type(config)
