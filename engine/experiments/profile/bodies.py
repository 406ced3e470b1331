"""Studies of a model's body or of built-in blocks, each in some types at some batch sizes: `compile` and `step`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from engine.experiments.profile.compile.config import CompileConfig
from engine.experiments.profile.fields import Dtype, short, subjects
from engine.experiments.profile.step.config import StepConfig
from engine.experiments.profile.study import Study, StudyParams, check_model
from engine.experiments.recorded import Quantity, ResultT
from engine.runtime.context import Context

if TYPE_CHECKING:
    from engine.profiling.specimen import Specimen


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyParams(StudyParams):
    """`subject` is a model or a built-in block, `what` that in a word or two, `batch` the samples at once."""

    what: Annotated[str, Quantity("What")]
    subject: Annotated[str, Quantity("Subject")]
    dtype: Annotated[Dtype, Quantity("Type")]
    batch: Annotated[int, Quantity("Batch", "number")]

    @property
    def parts(self) -> tuple[str, ...]:
        """Subject, type and batch."""
        return self.what, self.dtype, f"batch {self.batch}"


BodyConfigT = TypeVar("BodyConfigT", CompileConfig, StepConfig)


class BodyStudy(Study[BodyConfigT, BodyParams, ResultT]):
    """What such a study has beside what it measures."""

    Params = BodyParams

    def subjects(self, config: BodyConfigT) -> Sequence[str]:
        """Models or blocks."""
        return [short(what) for what in subjects(config.model, config.blocks)]

    def model(self, config: BodyConfigT) -> str:
        """None beside blocks."""
        return "" if config.blocks else config.model

    def asked(self, config: BodyConfigT) -> Sequence[BodyParams]:
        """Each subject in each type at each batch size."""
        return [
            BodyParams(what=self.called(config, what), subject=what, dtype=dtype, batch=batch)
            for what in subjects(config.model, config.blocks)
            for dtype in config.dtypes
            for batch in config.batch_sizes
        ]

    def called(self, config: BodyConfigT, subject: str) -> str:
        """A subject in a word or two."""
        return short(subject)

    def check(self, config: BodyConfigT) -> Sequence[str]:
        """Raises InputError where the model is not there."""
        return [] if config.blocks else check_model(config.model, config.sequence)

    def specimen(self, config: BodyConfigT, point: int, params: BodyParams, context: Context) -> "Specimen":
        """What a point measures, loaded, with its inputs."""
        import torch

        from engine.profiling.specimen import model_of, specimen

        return specimen(
            params.subject,
            model_of(params.subject, config.hidden, lambda *step: context.progress(point, *step)),
            dtype=getattr(torch, params.dtype),
            device=context.device,
            batch=params.batch,
            sequence=config.sequence,
            seed=config.seed,
        )
