"""Models named by the run that made them: which names are understood, refused, and kept safe from removal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments import results
from engine.experiments.launch import configure
from engine.experiments.results import pinned
from engine.models.check import check_model
from engine.models.labels import Head
from engine.models.sources import locate
from engine.runtime import control
from engine.runtime.attempts import AttemptFile, AttemptLog, task_name
from engine.runtime.context import Context
from engine.runtime.references import users
from engine.runtime.runs import create_run, read_run


def made(
    accuracies: Mapping[int, float],
    *,
    experiment: str = "quantize",
    name: str = "mine",
    total: int = 3,
    model: str = "builtin",
    kept: bool = True,
) -> Path:
    """A quantisation run whose points have these accuracies; each keeps a folder that looks like a model."""
    points = [{"mode": "ptq", "format": f"fixed({4 + n})", "width": 4 + n} for n in range(total)]
    config = {"model": model, "data": "builtin"}
    path = create_run(experiment=experiment, config=config, points=points, name=name, versions={})
    for index, accuracy in accuracies.items():
        log = AttemptLog.create(AttemptFile.of(path, task_name([index]), 1).path)
        log.emit("start", None, {"points": [index], "device": "cpu"})
        context = Context(log.emit, device="cpu", directory=path)
        result: dict[str, Any] = {"validation_accuracy": accuracy, "validation_samples": 10_000, "bytes": 100 + index}
        if kept:
            folder = context.artifact("points", str(index), "model")
            folder.mkdir()
            facts = {"architectures": ["BertForSequenceClassification"]}
            (folder / "config.json").write_text(json.dumps(facts))
            (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
            (folder / "tokenizer.json").touch()
            result["model"] = str(folder.relative_to(path))
        context.finish(index, result)
    return path


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("run:q-0001", "run:q-0001/1"),
        ("run:q-0001/best", "run:q-0001/1"),
        ("run:@last/best", "run:q-0001/1"),
        ("run:@last", "run:q-0001/1"),
        ("run:mine", "run:q-0001/1"),
        ("run:q-0001/2", "run:q-0001/2"),
        ("run:mine/0", "run:q-0001/0"),
        ("builtin", "builtin"),
        ("owner/name", "owner/name"),
        ("/some/folder", "/some/folder"),
    ],
)
def test_what_a_name_means(text: str, settled: str) -> None:
    made({0: 0.5, 1: 0.8, 2: 0.8})
    assert pinned(text) == settled


def test_a_name_with_a_slash() -> None:
    path = made({0: 0.5}, name="bert/tiny")
    assert pinned("run:bert/tiny") == pinned("run:bert/tiny/0") == f"run:{path.name}/0"


def test_the_config_keeps_the_point_and_every_reader_finds_the_folder() -> None:
    path = made({0: 0.5, 1: 0.8})
    experiment, config = configure("quantize", {"model": "run:@last/best", "widths": "4"})
    assert config.model_dump()["model"] == "run:q-0001/1"
    assert experiment.label(config).startswith("q-0001/1 fixed(4)")
    assert locate("run:q-0001/1").path == path / "artifacts" / "points" / "1" / "model"
    assert check_model("run:q-0001/1") == Head(2)
    made({2: 0.9})  # what is the best, or the last, may change: the run means what it meant
    assert experiment.Config.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("run:q-0009", "There is no run 'q-0009'; did you mean q-0003, q-0002"),
        ("run:nothing", "There is no run 'nothing'"),
        ("run:q-0001/7", "q-0001 has no point 7; its points are 0 to 2"),
        ("run:q-0001/2", "point 2 of q-0001 is queued and has no model; take one that has finished"),
        ("run:q-0001/0", "point 0 of q-0001 keeps no model any more: another one beats it; the points that do are 1"),
        ("run:q-0002", "q-0002 has finished no point yet"),
        ("run:q-0003/0", "q-0003 is a run of quantize, which keeps no models"),
        ("run:t-0004", "t-0004 is a run of tests.faults.toy, which chooses no point"),
    ],
)
def test_what_is_not_there_is_refused(text: str, sentence: str) -> None:
    import shutil

    first = made({0: 0.5, 1: 0.8})
    shutil.rmtree(first / "artifacts" / "points" / "0")
    made({}, name="empty")
    made({0: 0.5}, kept=False, name="bare")
    toy = create_run(
        experiment="tests.faults.toy", config={"actions": ["work"]}, points=[{"action": "work"}], versions={}
    )
    log = AttemptLog.create(AttemptFile.of(toy, "0000", 1).path)
    log.emit("start", None, {"points": [0], "device": "cpu"})
    log.emit("finished", 0, {"total": 1}, durable=True)
    with pytest.raises(InputError) as error:
        configure("quantize", {"model": text})
    assert sentence in str(error.value)


def test_a_source_that_names_no_point_is_refused_where_none_is_settled() -> None:
    with pytest.raises(InputError, match="names no point of a run; write run:ID/POINT"):
        locate("run:mine")


def test_a_run_that_another_builds_on_is_not_removed_before_that_is_over() -> None:
    first = made({0: 0.5, 1: 0.8})
    second = made({0: 0.5}, model="run:q-0001/1", name="second")
    assert users(first) == {"q-0002": {1}}
    with pytest.raises(InputError, match="q-0001 keeps a model that q-0002 needs"):
        control.remove(first)
    control.cancel(second)
    assert users(first) == {}
    control.remove(first)
    assert not first.exists()
    assert read_run(second).config["model"] == "run:q-0001/1"


def test_tidying_leaves_what_another_run_builds_on() -> None:
    first = made({0: 0.5, 1: 0.8, 2: 0.8})
    made({}, model="run:q-0001/2", name="second")
    experiment, config = results.opened(read_run(first))
    experiment.tidy(config, read_run(first))
    kept = {folder.name for folder in (first / "artifacts" / "points").iterdir()}
    assert kept == {"0", "1", "2"}, "0 is the smallest, 1 the best, 2 in use"
    control.cancel(first.parent / "q-0002")
    experiment.tidy(config, read_run(first))
    assert {folder.name for folder in (first / "artifacts" / "points").iterdir()} == {"0", "1"}
