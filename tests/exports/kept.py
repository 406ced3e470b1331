"""Runs of one point that keep a tiny model, compressed as a test asks for, without computing anything else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from engine.experiments.exporting import Exported, carried_out, planned
from engine.runtime.attempts import AttemptFile, AttemptLog, task_name
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.runtime.runs import create_run, read_run
from engine.store import load, save


def run_keeping(settings: Mapping[str, Any], compressed: Callable[[nn.Module], nn.Module]) -> RunRecord:
    """A finished run of quantize on this model and data, whose only point keeps what `compressed` gives of it."""
    points = [{"mode": "ptq", "format": "int(8)"}]
    path = create_run(experiment="quantize", config=dict(settings), points=points, name="kept", versions={})
    log = AttemptLog.create(AttemptFile.of(path, task_name([0]), 1).path)
    log.emit("start", None, {"points": [0], "device": "cpu"})
    context = Context(log.emit, device="cpu", directory=path)
    folder = context.point_artifact(0, "model")
    subject = load(settings["model"], task=settings.get("task"))
    written = save(replace(subject, model=compressed(subject.model)), folder)
    scores = {"validation_accuracy": 0.5, "validation_perplexity": 9.0, "validation_error": 0.1}
    context.finish(0, scores | {"validation_samples": 60, "bytes": written, "model": str(folder.relative_to(path))})
    return read_run(path)


def exported(run: RunRecord, target: str, path: Path, samples: int = 40, strict: bool = False) -> Exported:
    """The run's model in that program, compared on its test samples."""
    return carried_out(planned(run, target, path, strict=strict), samples, lambda *_: None)
