"""The model, data and baseline that the points of an experiment need, each loaded when first asked for."""

import copy
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.giving_up import measure_until
from engine.experiments.shared.measured import Baseline, Compared, Concluded
from engine.experiments.shared.pairing import kept
from engine.experiments.shared.python_files import hold_to_file, hold_to_weights
from engine.experiments.shared.scored import TEST, Scores
from engine.runtime.context import Context, Point
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, write_durably
from engine.runtime.references import MODEL
from engine.tasks.kinds import get
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.tasks.base import Splits, Subject, Task
    from engine.training.objective import Score
    from engine.training.prefix import Call, Prefix
    from engine.training.samples import Samples

Report = Callable[[float, float, str], None]
WARM = (
    "torch",
    "transformers.models.bert.modeling_bert",
    "engine.compress",
    "engine.tasks.text_classification",
    "engine.training.evaluate",
    "engine.models.pretrained:prepare",
)
"""What a host imports and prepares for experiments on models that are scored."""

PAYS = 4
"""Times the few samples by which what points have in common is looked for, a test set in which that pays."""
BASELINE_OUTCOMES = "baseline.safetensors"
BASELINE = 3
"""Of the way in which baselines are measured: a change of what they say takes another number."""


@dataclass
class Workbench:
    """The model and the data of a run, each loaded when first asked for; `others` are further models, by source."""

    config: TaskConfig
    context: Context
    report: Report
    others: "dict[str, nn.Module]" = field(default_factory=dict)

    @classmethod
    def of(cls, config: TaskConfig, point: Point, context: Context) -> "Workbench":
        """For one point, which it reports as; torch is seeded and the run's baseline measured."""
        bench = cls(config, context, lambda *_: None)
        bench.turn_to(point)
        bench.baseline()
        return bench

    def turn_to(self, point: Point) -> None:
        """Begins a point: what follows is reported as its progress, and torch is seeded as for any other."""
        import torch

        def report(done: float, total: float, text: str) -> None:
            self.context.progress(point.index, done, total, text)

        torch.manual_seed(self.config.seed)
        self.report = report

    @property
    def metric(self) -> Metric:
        """What models are scored by."""
        return self.config.metric

    @cached_property
    def task(self) -> "Task":
        """What the model is for."""
        return get(self.config.task, self.config.model)

    @cached_property
    def subject(self) -> "Any":
        """The starting model with its companions (`Classifier`, say), in eval mode, on the task's device or devices."""
        from engine.store import load
        from engine.training.forward import check_weights
        from engine.training.spread import place

        hold_to_file(self.context, self.config.model)
        found = None
        if self.config.new_head and self.task.new_heads:
            found = self.task.for_training(self.config, self.context.once, self.report)
        subject = found or load(self.config.model, self.report, self.config.task)
        check_weights(subject.model, self.config.model)
        place(subject.model, self.context.devices)
        return subject

    @cached_property
    def folded(self) -> "nn.Module":
        """The starting model as it is given number formats: without its batch norms where they are to be folded."""
        from engine.compress.fold import fold_norms

        if not getattr(self.config, "fold", False) or self.config.task != "image-classification":
            model: nn.Module = self.subject.model
            return model
        model = copy.deepcopy(self.subject.model)
        test = self.splits.test
        some = test.select(range(min(2, len(test)))).to(self.context.device)
        fold_norms(model, next(some.batches(2)).inputs)
        return model

    @cached_property
    def splits(self) -> "Splits":
        """Train, validation and test as what the model takes, as far as points use them.

        Raises:
            InputError: the data do not fit the model.
        """
        splits = self.task.data(self.config, self.subject, self.report)
        hold_to_weights(self.context, self.config.model, self.subject.model)  # those that wait for data are there now
        self.context.note(data="; ".join([splits.description, *self.config.cut]))
        return splits

    @property
    def train(self) -> "Samples":
        """The train set. Raises InputError where the data have none."""
        return self._set(self.splits.train, "train")

    @property
    def validation(self) -> "Samples":
        """The validation set. Raises InputError where the data have none."""
        return self._set(self.splits.validation, "validation")

    def _set(self, samples: "Samples | None", name: str) -> "Samples":
        if samples is None:
            raise InputError(f"{self.config.data} has no {name} set; add one.")
        return samples

    def score(
        self, model: "nn.Module", samples: "Samples", report: Report | None = None, call: "Call | None" = None
    ) -> "Score":
        """What a model scores on some samples; `call` as `evaluate` has it."""
        from engine.training.evaluate import evaluate

        return evaluate(
            model,
            samples,
            self.task.objective,
            batch_size=self.config.batch_size,
            device=self.context.device,
            progress=report,
            call=call,
        )

    def measure(self, model: "nn.Module", report: Report, give_up: float | None = None) -> Scores:
        """The scores on validation (to choose by) and on test data (to report).

        With `give_up` they are of fewer samples once a loss of more than that is certain.
        """
        from engine.compress.returning import return_memory

        return_memory()  # what making the model, or the baseline before it, has left
        if give_up is not None:
            return measure_until(self, model, report, give_up)
        validation, test = self.splits.validation, self.splits.test
        before = 0 if validation is None else len(validation)
        total = before + len(test)
        prefix = self._prefix(model)

        def scored(samples: "Samples", done_before: int, text: str) -> "Score":
            with nullcontext() if prefix is None else prefix.over(text) as call:
                told: Report = lambda done, _total, _text: report(done_before + done, total, text)  # noqa: E731
                return self.score(model, samples, told, call)

        chosen_by = None if validation is None else scored(validation, 0, "validation")
        return Scores(chosen_by, scored(test, before, "test"))

    def _prefix(self, model: "nn.Module") -> "Prefix | None":
        """What a model that is about to be measured has in common with other points, where it pays to share it."""
        from engine.training.prefix import Prefix

        scratch, test = self.context.scratch, self.splits.test
        few = test.few()
        if scratch is None or len(test) < PAYS * len(few):
            return None
        return Prefix.of(model, self.folded, next(few.batches(len(few))).inputs, scratch)

    def difference(self, outcomes: "Tensor", tested: "Tensor | None" = None) -> Bounded:
        """How the outcomes of test samples differ from the baseline's, with the interval.

        `tested` (int64) are those that they are of; None: all.
        """
        before = self.baseline()[1][TEST]
        return Bounded(*self.task.objective.difference(outcomes, before if tested is None else before[tested]))

    def baseline(self) -> tuple[Baseline, "dict[str, Tensor]"]:
        """The starting model's measure, and what each sample came to by set, as `Scores.outcomes`.

        Taken once, whatever the number of runs on the same model and data.
        """
        from safetensors.torch import load_file, save_file

        from engine.models.cache import cached
        from engine.models.weights import weight_bytes
        from engine.training.forward import NotFiniteError

        path = self.context.artifact(BASELINE_OUTCOMES)

        def make(folder: Path) -> None:
            model = self.subject.model
            try:
                scores = self.measure(model, lambda done, total, text: self.report(done, total, f"baseline: {text}"))
            except NotFiniteError as error:
                raise NotFiniteError(f"{self.config.model} gives no baseline: {error}") from None
            save_file(scores.outcomes, folder / BASELINE_OUTCOMES)
            size = weight_bytes(self.config.model)  # of its own files: what it would be if written anew is not asked
            size = size or written_bytes(self.subject, self.context.artifact("baseline"))
            record = scores.measured.extended(Baseline, bytes=size).to_record(self.metric)
            (folder / "measured.json").write_text(dumps(record), encoding="utf-8")

        def known() -> dict[str, Any]:
            folder = cached(f"baselines/{self._protocol()}", make, self.report)
            write_durably(path, lambda partial: shutil.copyfile(folder / BASELINE_OUTCOMES, partial))
            measured: dict[str, Any] = loads(read_private(folder / "measured.json"))
            return measured

        measured = self.context.once("baseline", known)
        return Baseline.from_record(measured, self.metric), load_file(path)

    def _protocol(self) -> str:
        """What the starting model's measure follows from, to the last bit: its files, the texts, how and where."""
        import torch
        from transformers import __version__ as transformers

        from engine.models.digests import digest_of_state, fingerprint
        from engine.models.weights import folder_of

        data, config, context = self.splits.key, self.config, self.context  # the data need the model: it is loaded
        folder = folder_of(config.model)
        files = [] if folder is None else sorted(path for path in folder.iterdir() if path.is_file())
        gpus = dict.fromkeys(torch.cuda.get_device_name(one) for one in context.devices if one != "cpu")
        where = " ".join(gpus) or torch.backends.cpu.get_cpu_capability()
        how = [config.batch_size, context.threads, where, torch.__version__, transformers]
        head: list[Any] = [config.task, config.new_head, config.seed]
        if folder is None:  # a module of the user's own: what its weights come from only its code knows
            head.append(digest_of_state(self.subject.model))
        return fingerprint([BASELINE, data, how, head, [path.name for path in files]], files)

    def compared(self, model: "nn.Module", *, paired: bool = False) -> Compared:
        """A model's measure and its difference from the baseline on the same samples.

        Where points are to be compared with one another (`paired`), the outcome of each sample too.
        """
        self.baseline()
        return self._compared(self.measure(model, self.report), paired)

    def _compared(self, scores: Scores, paired: bool) -> Compared:
        """Outcomes of a part of the samples are not kept: those of other points are of others."""
        part, outcomes = scores.given_up, scores.test.outcomes
        delta = self.difference(outcomes, None if part is None else part.tested)
        keeps = paired and part is None
        return replace(scores.measured, delta=delta).extended(Compared, outcomes=kept(outcomes) if keeps else None)

    def conclude(
        self,
        point: int,
        model: "nn.Module",
        *,
        paired: bool = False,
        give_up: float | None = None,
        scores: Scores | None = None,
    ) -> Concluded:
        """What every point records: how it compares with the baseline, its model, saved, in bytes, and what it took.

        `paired` is as `compared` has it, `give_up` as `measure`. `scores` are what it gives, where they are known.
        """
        from engine.compress.layers import release
        from engine.compress.returning import return_memory
        from engine.store import save
        from engine.training.peak_memory import peak_memory

        baseline, _ = self.baseline()
        scores = scores or self.measure(model, self.report, give_up)
        part, compared = scores.given_up, self._compared(scores, paired)
        release(model)
        return_memory()  # writing it takes memory too
        folder = self.context.point_artifact(point, MODEL)
        written = save(replace(self.subject, model=model), folder)
        return compared.extended(
            Concluded,
            bytes=written,
            compression=baseline.bytes / written,
            model=str(folder.relative_to(self.context.directory)),
            peak_memory=sum(peak_memory(device) for device in self.context.devices),
            given_up=part and part.n,
            given_up_of=part and part.of,
        )


def written_bytes(subject: "Subject", folder: Path) -> int:
    """Bytes of the weights file that saving this model writes; `folder` is gone afterwards."""
    from engine.store import save

    try:
        return save(subject, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
