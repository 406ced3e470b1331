"""`teacher=` in quantize, prune and finetune: what it expands into, what it refuses, and what it does in a run."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import InputError
from engine.experiments.launch import configure, launch
from engine.runtime.context import Point, RecordingContext
from engine.runtime.references import users
from tests.experiments.small_pair import make_pair
from tests.faults.helpers import wait_until_idle


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_pair(tmp_path_factory.mktemp("pair"))


def expanded(experiment: str, **values: Any) -> list[Any]:
    found, config = configure(experiment, values)
    return [point.get("teacher") for point in found.points(config)]


@pytest.mark.parametrize(
    ("experiment", "values", "teachers"),
    [
        ("quantize", {"widths": 4, "modes": "ptq,qat"}, [None, None]),
        ("quantize", {"widths": 4, "modes": "ptq,qat", "teacher": "start"}, [None, "start"]),
        ("quantize", {"widths": 4, "modes": "ptq,qat", "teacher": "none,start"}, [None, "none", "start"]),
        ("quantize", {"widths": 4, "modes": "qat", "teacher": "none"}, [None]),
        ("quantize", {"widths": 4, "modes": "qat", "teacher": ["none", "start"]}, ["none", "start"]),
        ("prune", {"sparsities": 0.5, "methods": "l1", "teacher": "none, start"}, ["none", "start"]),
        ("finetune", {"learning_rates": "1e-3,1e-4", "teacher": "none,start"}, ["none", "none", "start", "start"]),
    ],
)
def test_points(experiment: str, values: dict[str, Any], teachers: list[str | None]) -> None:
    assert expanded(experiment, **values) == teachers


@pytest.mark.parametrize(
    ("experiment", "values", "sentence"),
    [
        ("quantize", {"teacher": "start"}, "add qat to modes, or leave teacher out"),
        ("quantize", {"modes": "qat", "teacher": ["start", "none"]}, "name one teacher, or none and one: none,start"),
        ("quantize", {"modes": "qat", "teacher": "start", "teacher_weight": 0}, "teacher_weight must be more than 0"),
        ("quantize", {"modes": "qat", "teacher": "start", "teacher_weight": 1.5}, "teacher_weight must be at most 1"),
        ("quantize", {"modes": "qat", "teacher": "start", "temperature": 0}, "temperature must be more than 0"),
        ("prune", {"teacher": "start", "temperature": 1000}, "temperature must be at most 100"),
        ("prune", {"teacher": "start", "finetune_steps": 0}, "give it finetune_steps, or leave teacher out"),
    ],
)
def test_refused(experiment: str, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        configure(experiment, values)


def checked(experiment: str, **values: Any) -> None:
    found, config = configure(experiment, values)
    found.check(config)


def test_a_teacher_that_does_not_fit_is_refused_before_the_start(pair: dict[str, str], tmp_path: Path) -> None:
    from shutil import copytree

    other, classes, order = (Path(copytree(pair["model"], tmp_path / name)) for name in ("other", "classes", "order"))
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    first, second, *_ = vocabulary
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((classes / "config.json").read_text())
    (classes / "config.json").write_text(json.dumps(config | {"id2label": {"0": "a", "1": "b", "2": "c"}}))
    (order / "config.json").write_text(json.dumps(config | {"id2label": {"0": "1", "1": "0"}}))
    settings: dict[str, Any] = {**pair, "modes": "qat", "widths": 4}
    checked("quantize", **settings, teacher=pair["model"])
    for teacher, sentence in (
        (tmp_path / "nothing", "does not exist"),
        ("builtin:lm", "builtin:lm is a causal language model and cannot teach a text classifier"),
        (other, "the tokenizer of .* is not that of .*; name a teacher with the same tokenizer"),
        (classes, "3"),
        (order, "in another order than"),
    ):
        with pytest.raises(InputError, match=sentence):
            checked("quantize", **settings, teacher=str(teacher))


def test_teachers_of_images_and_next_tokens_are_of_their_kind() -> None:
    for model, data in (("builtin:vision", "builtin:vision"), ("builtin:lm", "builtin")):
        checked("quantize", model=model, data=data, modes="qat", formats="int(4)", teacher=model)
        checked("finetune", model=model, data=data, teacher="start")
        with pytest.raises(InputError, match="builtin is a text classifier and cannot teach"):
            checked("quantize", model=model, data=data, modes="qat", formats="int(4)", teacher="builtin")


def test_a_model_without_a_fitting_head_cannot_teach_itself(pair: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "three"
    data.mkdir()
    for split in ("train", "validation", "test"):
        rows = "".join(f"good film {split} {number},{number % 3}\n" for number in range(30))
        (data / f"{split}.csv").write_text(f"text,label\n{rows}")
    with pytest.raises(InputError, match="gets a new head and has nothing to teach yet"):
        checked("finetune", model=pair["model"], data=str(data), teacher="start")
    checked("finetune", **pair, teacher="start")


def test_points_with_and_without_in_one_run(pair: dict[str, str], tmp_path: Path) -> None:
    settings = {"max_length": 16, "batch_size": 20, "qat_steps": 6, "learning_rate": 5e-3}
    taught = {"formats": "fixed(3),fixed(4)", "modes": "qat", "teacher": f"none,{pair['model']}"}
    experiment, config = configure("quantize", {**pair, **settings, **taught})

    def results(name: str, at_once: int) -> list[float]:
        (tmp_path / name).mkdir()
        context = RecordingContext(tmp_path / name, threads=torch.get_num_threads())
        points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
        for first in range(0, len(points), at_once):
            experiment.run(config, points[first : first + at_once], context)
        return [context.results[point.index]["loss"] for point in points]

    alone, together = results("alone", 1), results("together", 4)
    assert together == pytest.approx(alone, rel=0.01)
    assert abs(alone[0] - alone[2]) > 1e-4, "the teacher makes a difference"


@pytest.mark.slow
def test_a_run_that_teaches_holds_on_to_its_model(pair: dict[str, str]) -> None:
    settings: dict[str, Any] = {**pair, "max_length": 16, "batch_size": 20}
    first = wait_until_idle(launch(*configure("finetune", {**settings, "steps": 4})))
    taught = {"methods": "l1", "sparsities": 0.5, "finetune_steps": 4, "teacher": f"none,run:{first.id}"}
    experiment, config = configure("prune", {**settings, **taught})
    path = launch(experiment, config, start=False)
    assert users(first.path) == {path.name: {0}}
    run = wait_until_idle(launch(experiment, config))
    assert [point.state for point in run.points] == ["finished"] * 2, [point.error for point in run.points]
    assert run.config["teacher"] == ["none", f"run:{first.id}/0"]
