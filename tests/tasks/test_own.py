"""A module of the user's own through experiments: scored as its own loop scores it, saved, and loaded again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.models.own_module import load_module
from engine.runtime.context import Point, RecordingContext
from engine.store import load
from engine.tasks.kinds import get
from engine.training.evaluate import evaluate
from tests.tasks.conftest import FILE, SIDE


def run(name: str, folder: Path, model: str, data: Path, **more: Any) -> list[dict[str, Any]]:
    experiment, config = configure(name, {"model": model, "data": str(data), "batch_size": 4, **more})
    experiment.check(config)
    context = RecordingContext(folder)
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    for point in points:
        experiment.run(config, [point], context)
    assert context.errors == {}
    return [context.results[point.index] for point in points]


def own_accuracy(model: Any, data: Path) -> float:
    """Pixels from 0 to 1, normalised; classes in alphabetical order."""
    mean, std = torch.tensor((0.4, 0.5, 0.6)).view(3, 1, 1), torch.tensor((0.2, 0.3, 0.4)).view(3, 1, 1)
    right = total = 0
    for label, name in enumerate(("blue", "green", "red")):
        for file in sorted((data / "test" / name).iterdir()):
            pixels = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
            right += int(model(((pixels - mean) / std)[None]).argmax() == label)
            total += 1
    return right / total


@pytest.mark.slow
def test_a_module_is_scored_quantised_saved_and_given_its_weights_again(model: str, data: Path, tmp_path: Path) -> None:
    fine, coarse = run("quantize", tmp_path / "run", model, data, formats="fixed(24),fixed(4)")
    assert fine["accuracy"] == own_accuracy(load_module(model).model, data)
    folder = tmp_path / "run" / coarse["model"]
    assert {"module.json", "compressed.safetensors", "compression.json"} == {one.name for one in folder.iterdir()}
    with pytest.raises(InputError, match=r"holds the weights of a module of somebody's own; load it with"):
        load(folder)
    again = load(folder, module=model)
    assert coarse["accuracy"] == own_accuracy(again.model, data)
    filled = load(folder, module=load_module(model).model)
    example = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(filled.model(example), again.model(example))
    with pytest.raises(InputError, match=r"is not a complete compressed model"):
        load(folder, module=model.replace(":net", ":four"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("quantize", {"formats": "fixed(4)", "modes": "qat", "qat_steps": 2}),
        ("prune", {"sparsities": "0.5", "methods": "l1,random", "finetune_steps": 2}),
        ("sensitivity", {"formats": "fixed(3)"}),
        ("finetune", {"methods": "full", "steps": 2}),
    ],
)
def test_experiments_take_modules(model: str, data: Path, tmp_path: Path, name: str, more: dict[str, Any]) -> None:
    results = run(name, tmp_path / "run", model, data, **more)
    assert len(results) == {"sensitivity": 2, "prune": 2}.get(name, 1)
    assert all(0 <= result["accuracy"] <= 1 for result in results)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("quantize", {"formats": "fixed(8)"}),
        ("prune", {"sparsities": "0.5", "methods": "l1"}),
        ("sensitivity", {"formats": "fixed(3)"}),
    ],
)
def test_a_module_without_convolutions_needs_no_layers_named(
    model: str, data: Path, tmp_path: Path, name: str, more: dict[str, Any]
) -> None:
    """Convolutions are among the layers that are compressed where nothing is said; it has none."""
    results = run(name, tmp_path / "run", model.replace(":net", ":flat"), data, **more)
    assert len(results) == (2 if name == "sensitivity" else 1)
    with pytest.raises(InputError, match=r"no layer with a weight is of type Conv2d; name others, such as 1, 3\."):
        run(name, tmp_path / "run", model.replace(":net", ":flat"), data, layers="Conv2d", **more)


@pytest.mark.slow
def test_a_search_gives_the_function_its_arguments(model: str, data: Path, tmp_path: Path) -> None:
    from engine.experiments.search.architecture import build, own_space

    assert own_space(model).names == ("width", "learning_rate")
    start = load_module(model)
    built = build(start, {"width": 12}, inherit=False, seed=1)
    assert built.subject.model.conv.out_channels == 12
    assert built.subject.arguments == {"width": 12}
    experiment, config = configure("search", {"model": model, "data": str(data), "space": "depth=1,2"})
    with pytest.raises(InputError, match=r"net\.py:net has no argument 'depth' with a plain default; .* are width"):
        experiment.check(config)


@pytest.mark.slow
def test_a_search_on_a_module_tests_what_it_chose(model: str, data: Path) -> None:
    """The trial's folder was loaded without its module."""
    settings = {"model": model, "data": str(data), "space": "width=4", "trials": 1, "steps": 4, "batch_size": 4}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "tui_app", "run", "search", "--json", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trial, test = json.loads(done.stdout)["points"]
    assert (trial["state"], test["state"]) == ("finished", "finished")
    assert 0 <= test["result"]["accuracy"] <= 1


@pytest.mark.slow
def test_no_run_starts_from_a_folder_of_weights_alone(model: str, data: Path, tmp_path: Path) -> None:
    point = run("quantize", tmp_path / "run", model, data, formats="fixed(24)")[0]
    folder = tmp_path / "run" / point["model"]
    for name in ("quantize", "prune", "graph"):
        experiment, config = configure(name, {"model": str(folder), **({} if name == "graph" else {"data": str(data)})})
        with pytest.raises(InputError, match=r"weights of a module of a Python file; name the file .* what a run kept"):
            experiment.check(config)


def test_settings_of_labels_are_part_of_the_key_of_the_data(model: str, data: Path) -> None:
    def key(**more: Any) -> str:
        _, config = configure("quantize", {"model": model, "data": str(data), "batch_size": 4, **more})
        task = get(config.task, model)
        return task.data(config, task.load(model), lambda done, total, text: None).key

    assert key() == key()
    assert len({key(), key(first_label=0), key(first_label=1)}) == 3


@pytest.mark.slow
def test_a_file_that_changes_during_a_run_stops_it(model: str, data: Path, tmp_path: Path) -> None:
    run("quantize", tmp_path / "run", model, data, formats="fixed(4)")
    kept = (tmp_path / "run" / "artifacts" / "once" / "module.json").read_text()
    assert "nn.BatchNorm2d" in kept
    Path(model.removesuffix(":net")).write_text(FILE + "\n# another\n")
    with pytest.raises(InputError, match=r"net\.py has changed since this run began .*put it back as it was"):
        run("quantize", tmp_path / "run", model, data, formats="fixed(4)")


def test_a_function_that_draws_other_weights_at_each_call_stops_a_run(model: str, data: Path, tmp_path: Path) -> None:
    file = Path(model.removesuffix(":net"))
    file.write_text(f"{FILE}\ndef drawn():\n    torch.seed()\n    return Net()\n")
    with pytest.raises(InputError, match=r"net\.py:drawn makes other weights each time that it is called"):
        run("quantize", tmp_path / "run", f"{file}:drawn", data, formats="fixed(4),fixed(8)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "more", "message"),
    [
        ("four", {}, r"net\.py:four tells 4 classes apart and .* has 3; let the function make a module for these"),
        ("maps", {}, r"net\.py:maps gives a tensor of the shape \[2, 3, 10, 10\] .* logits of \[batch, classes\]"),
        ("net", {"task": "causal-lm"}, r"is scored by image-classification, and task says causal-lm"),
        ("none", {}, r"net\.py has no function 'none'"),
    ],
)
def test_what_does_not_fit_is_said_before_the_start(
    model: str, data: Path, function: str, more: dict[str, Any], message: str
) -> None:
    settings = {"model": model.replace(":net", f":{function}"), "data": str(data), **more}
    experiment, config = configure("quantize", settings)
    with pytest.raises(InputError, match=message):
        experiment.check(config)


@pytest.mark.slow
def test_resnet20_scores_what_it_is_known_for(tmp_path: Path) -> None:
    from tests.conftest import shared

    source = f"{shared('models/resnet20-cifar10/resnet.py')}:resnet20"
    settings = {"model": source, "data": str(shared("data/cifar10")), "batch_size": 64}
    _, config = configure("quantize", settings)
    task = get(config.task, source)
    subject = task.load(source)
    splits = task.data(config, subject, lambda *_: None)
    score = evaluate(subject.model, splits.test, task.objective, batch_size=64, device="cpu")
    assert (score.n, score.value) == (10_000, 0.8103)
