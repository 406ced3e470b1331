"""The settings of training with a teacher, for every experiment that trains, and how points are named by theirs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from engine.experiments.recorded import Quantity
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.settings import bare
from engine.runtime.paths import absolute
from engine.runtime.references import PREFIX

if TYPE_CHECKING:
    from torch import nn

    from engine.experiments.shared.workbench import Workbench
    from engine.training.teacher import Teacher

NONE, START = "none", "start"
TEACHING = ("teacher", "teacher_weight", "temperature")


def _named(value: Any) -> Any:
    """Reads a source, or `none,SOURCE` for points without a teacher and points with one: sources may hold commas."""
    if not isinstance(value := bare(value), str):
        return value
    first, comma, rest = (part.strip() for part in value.partition(","))
    found = (first, rest) if first == NONE and comma else (value.strip(),)
    return tuple(one for one in found if one)


Teachers = Annotated[tuple[str, ...], BeforeValidator(_named)]


class TaughtConfig(TaskConfig):
    """An experiment whose points are trained, with a teacher or without."""

    teacher: Teachers = Field(
        (),
        max_length=2,
        title="Teacher",
        description="Whose logits training follows beside the labels: start (the model the run begins from), a folder, "
        "an id or run:NAME; none,start trains each point without and with it.",
    )
    teacher_weight: float = Field(
        0.5, gt=0, le=1, title="Teacher weight", description="λ: the loss is (1−λ)·task + λ·T²·KL(teacher ‖ student)."
    )
    temperature: float = Field(
        2.0, gt=0, le=100, title="Temperature", description="T: divides the logits of teacher and student."
    )

    @field_validator("teacher")
    @classmethod
    def _teachers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 2 and (value[0] != NONE or value[1] == NONE):
            raise ValueError("name one teacher, or none and one: none,start")
        found = tuple(one if one in (NONE, START) else absolute(one) for one in value)
        return () if found == (NONE,) else found

    @property
    def taught_by(self) -> "list[str | None]":
        """The teacher of a point, one for each way to train; None where there is no choice."""
        return [*self.teacher] or [None]

    def check_teacher(self) -> None:
        """Raises InputError where a teacher cannot teach the model. Reads files, no torch."""
        from engine.tasks import teaching

        for one in self.teacher:
            if one not in (NONE, START):
                teaching.check_teacher(self, one)
        if START in self.teacher and self.new_head:
            teaching.check_start(self)


TaughtBy = Annotated[str | None, Quantity("Teacher", usual="")]
"""The teacher of a point, or `none`, where teachers are among what is swept."""


def taught(teacher: str | None) -> str:
    """` teacher start` of a point that has one, to follow the rest of its name."""
    return "" if teacher in (None, NONE) else f" teacher {short(str(teacher))}"


def short(teacher: str) -> str:
    """A teacher in a word or two: a folder's or repository's own name, or the run and point that made it."""
    return teacher if teacher.startswith(PREFIX) else Path(teacher).name


def teacher_of(bench: "Workbench", config: TaughtConfig, source: str | None) -> "Teacher | None":
    """The teacher that a point names, loaded once for all that a workbench trains; None where it names none.

    Raises:
        InputError: it reads other tokens or tells other classes apart than the model.
    """
    from engine.training.teacher import Teacher

    if source in (None, NONE):
        return None
    if source == START:
        return Teacher(bench.subject.model, config.teacher_weight, config.temperature)
    return Teacher(_loaded(bench, source), config.teacher_weight, config.temperature)


def _loaded(bench: "Workbench", source: str) -> "nn.Module":
    """Another model of the run's task, on its device, that takes the same inputs and says as much of them."""
    import torch

    from engine.store import load
    from engine.tasks.teaching import other_outputs, other_tokens
    from engine.training.forward import check_weights, logits_of
    from engine.training.samples import sampled
    from engine.training.teacher import Teacher

    if source in bench.others:
        return bench.others[source]
    bench.report(0, 1, "loading the teacher")
    subject, model = load(source, bench.report, bench.config.task), bench.subject.model
    check_weights(subject.model, source)
    teacher: nn.Module = subject.model.to(bench.context.device)
    tokenizers = [one.tokenizer for one in (bench.subject, subject) if hasattr(one, "tokenizer")]
    if len(tokenizers) == 2 and tokenizers[0].get_vocab() != tokenizers[1].get_vocab():
        raise other_tokens(bench.config.model, source)
    (batch,) = sampled(bench.train, 1, bench.config.seed).to(bench.context.device).batches(1)
    with torch.no_grad():
        mine, others = logits_of(model, batch.inputs), Teacher(teacher).logits(batch.inputs)
    if mine.shape != others.shape:
        raise other_outputs(bench.config.model, source, mine.shape[-1], others.shape[-1])
    bench.others[source] = teacher
    return teacher
