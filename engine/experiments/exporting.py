"""From a recorded run to its model as a file of another program, scored there and here on the run's own samples."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.experiments import results
from engine.experiments.shared.config import TaskConfig
from engine.exports.contract import Target
from engine.exports.placing import bytes_of, check_place, placed
from engine.exports.registry import TARGETS
from engine.figures.table import Table
from engine.figures.units import in_bytes, in_percent
from engine.models.manifest import Manifest, read_manifest
from engine.models.own_source import python_of
from engine.runtime.files import is_disk_full
from engine.runtime.records import RunRecord
from engine.runtime.references import PREFIX, kept_model, named
from engine.runtime.runs import find_run, read_run

if TYPE_CHECKING:
    from engine.exports.comparing import Comparison
    from engine.exports.contract import Source
    from engine.tasks.base import Report
    from engine.training.samples import Samples

COMPARED = {"windows": 8}
COMPARED_OTHERS = 500
"""Test samples that an export is compared on where nothing else is said."""
_EXAMPLE = 3  # samples that a model is traced with: a size of 1 would be taken as fixed


@dataclass(frozen=True, slots=True)
class Plan:
    """An export before it begins: the model in `folder`, which `point` of the `run` kept, and where it goes.

    `said` is what the target cannot express, a sentence each.
    """

    run: RunRecord
    point: int
    folder: Path
    config: TaskConfig
    manifest: Manifest
    target: Target
    path: Path
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that was written, loaded again and compared."""

    plan: Plan
    compared: "Comparison"
    bytes: int

    def table(self) -> Table:
        """The other program, both scores on the same samples, how far predictions and logits agree, and bytes."""
        metric, found = self.plan.config.metric, self.compared
        equal = f"{in_percent(found.equal / found.predictions)} % of {found.predictions:,}"
        on = f"on {found.here.n:,} {metric.samples}"
        rows = (
            ("program", self.plan.target.program),
            (f"{metric.name} there", f"{metric.written(found.there.value)} {on}"),
            (f"{metric.name} here", f"{metric.written(found.here.value)} {on}"),
            ("equal predictions", equal),
            ("largest logit difference", f"{found.difference:.2g}"),
            ("size", f"{in_bytes(self.bytes)} ({self.bytes:,} bytes)"),
        )
        return Table((self.plan.target.title, self.plan.path.name), rows)


def planned(run: RunRecord, target: str, path: Path, point: int | None = None, strict: bool = False) -> Plan:
    """Looks at the run, the target and the place, without torch.

    Without a `point` the one that the run chose is meant.

    Raises:
        InputError: no model to be had, one that the target cannot take (or not as it is, where `strict`), a package
            that is missing, or a place that holds something else.
    """
    kind = TARGETS[target]
    kind.check_installed()
    check_place(path, kind.is_folder)
    source = results.pinned(f"{PREFIX}{run.id}" + ("" if point is None else f"/{point}"))
    folder, found = kept_model(source), named(source)
    _, config = results.opened(run)
    assert found is not None
    if not isinstance(config, TaskConfig):
        raise InputError(f"{run.id} is a run of {run.experiment}, whose models are not scored; name another run.")
    try:
        manifest = read_manifest(folder) or Manifest()
        facts: dict[str, Any] = _facts(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} is not a complete model ({error}); run it again.") from None
    if blocked := kind.blocked(config.task, manifest, facts):
        raise InputError(f"point {found[1]} of {run.id} cannot be exported as {kind.title}: {blocked}")
    said = tuple(f"{kind.title} cannot express {change}." for change in kind.changes(manifest))
    if strict and said:
        raise InputError(" ".join([*said, "Nothing is written: leave strict out to export it so."]))
    return Plan(run, found[1], folder, config, manifest, kind, path, said)


def carried_out(plan: Plan, samples: int | None, report: "Report") -> Exported:
    """Writes the model, loads it in the other program and compares the two; then it is put in its place.

    Raises:
        InputError: the target's library cannot take the model, or the disk is full. Nothing stays then.
    """
    from engine.exports.comparing import compare

    report(0, 1, "loading model and data")
    source, chosen, objective = _opened(plan, samples, report)
    with placed(plan.path, plan.target.name, plan.target.is_folder) as partial:
        with _understood(plan.target):
            report(0, 1, "writing")
            plan.target.write(source, partial)
            size = bytes_of(partial)
            report(0, 1, f"loading in {plan.target.program}")
            program = plan.target.opened(partial, source)
        found = compare(source.model, program, chosen, objective, plan.config.batch_size, report)
    return Exported(plan, found, size)


@contextmanager
def _understood(target: Target) -> Iterator[None]:
    """Whatever a target's library raises over a model becomes one sentence."""
    from engine.training.forward import raised

    try:
        yield
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        if is_disk_full(error):
            raise
        reason = raised(error).rstrip(".")
        raise InputError(f"{target.title} cannot take this model ({reason}); nothing was written.") from error


def said(run: str, target: str, path: str, point: int | None = None) -> list[str]:
    """What the app shows before an export: what the target cannot express, a sentence each. Raises as `planned`."""
    return list(planned(read_run(find_run(run)), target, Path(path), point).said)


def written(run: str, target: str, path: str, point: int | None = None) -> list[tuple[str, str]]:
    """An export for the app: the rows of its table. Raises as `planned` and `carried_out`."""
    plan = planned(read_run(find_run(run)), target, Path(path), point)
    return [(str(name), str(value)) for name, value in carried_out(plan, None, lambda *_: None).table().rows]


def _opened(plan: Plan, samples: int | None, report: "Report") -> "tuple[Source, Samples, Any]":
    """The model, the test samples to compare on, and how they are judged."""
    from engine.exports.contract import Source
    from engine.exports.tracing import maskable
    from engine.store import load, packed_parameters
    from engine.tasks.kinds import get

    config = plan.config
    most = samples or COMPARED.get(config.metric.samples, COMPARED_OTHERS)
    asked = config.model_copy(update={"eval_samples": min(most, config.eval_samples or most)})
    task = get(config.task, config.model)
    subject = load(plan.folder, report, config.task, python_of(config.model))
    test = task.data(asked, subject, report).test
    few = test.select(range(min(_EXAMPLE, len(test))))
    example = maskable(subject.model, next(few.batches(_EXAMPLE)).inputs)
    return Source(subject, plan.manifest, packed_parameters(plan.folder), example), test, task.objective


def _facts(folder: Path) -> dict[str, Any]:
    """The config.json of a folder; empty where it has none, as one of a module of the user's own."""
    path = folder / "config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
