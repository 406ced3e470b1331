"""Runs that start from what another run kept of a module of the user's own: each from the one before."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.models.layer_names import layers_of
from engine.models.own_source import is_own, python_of
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.context import Context, Point
from engine.runtime.references import kept_model
from engine.runtime.runs import create_run, read_run
from engine.store import load
from tests.tasks.conftest import FILE
from tests.tasks.test_own import own_accuracy


def recorded(name: str, model: str, data: Path, **more: Any) -> tuple[str, list[dict[str, Any]]]:
    """A run in this process with its real logs: its id, and the results of its points."""
    experiment, config = configure(name, {"model": model, "data": str(data), "batch_size": 4, **more})
    experiment.check(config)
    points = [dict(point) for point in experiment.points(config)]
    path = create_run(experiment=name, config=config.model_dump(mode="json"), points=points, versions={})
    for index, params in enumerate(points):
        log = AttemptLog.create(AttemptFile.of(path, f"{index:04d}", 1).path)
        log.emit("start", None, {"points": [index], "device": "cpu"})
        experiment.run(config, [Point(index, params)], Context(log.emit, device="cpu", directory=path))
    return path.name, [dict(point.result or {}) for point in read_run(path).points]


def noted(model: str) -> str:
    """What a run on `model` is called that has kept nothing but its note of the file."""
    from engine.models.python_file import read_python

    path = create_run(experiment="prune", config={"model": model}, points=[{}], versions={})
    log = AttemptLog.create(AttemptFile.of(path, "0000", 1).path)
    log.emit("note", None, {"module": dict(read_python(model).record)})
    return f"run:{path.name}/0"


def weight(source: str, layer: str) -> torch.Tensor:
    """What a layer of a saved model computes with."""
    found = load(source).model.get_submodule(layer)
    return (found.quantized()[0] if hasattr(found, "quantized") else found.weight).detach()


@pytest.mark.slow
def test_pruning_fine_tuning_and_quantising_go_on_from_one_another(model: str, data: Path) -> None:
    pruned, points = recorded(
        "prune", model, data, sparsities="0.5", methods="l1", granularities="weights,channels", finetune_steps=0
    )
    for index, result in enumerate(points):
        start = f"run:{pruned}/{index}"
        again = load(start).model
        assert result["accuracy"] == own_accuracy(again, data)
        tuned, _ = recorded("finetune", start, data, methods="full", steps=3, learning_rates="0.01")
        assert not torch.equal(weight(f"run:{tuned}/0", "conv"), weight(start, "conv"))
        rounded, (last,) = recorded("quantize", f"run:{tuned}/0", data, formats="fixed(6)")
        final = load(f"run:{rounded}/0")
        assert last["accuracy"] == own_accuracy(final.model, data)
        recipe = json.loads((kept_model(f"run:{rounded}/0") / "module.json").read_text())
        assert (recipe["function"], recipe["text"]) == ("net", FILE)
        if index == 0:  # what was zeroed stays so: masks are part of what is fine-tuned and quantised
            gone = weight(start, "conv") == 0
            assert gone.sum() == gone.numel() // 2
            assert not weight(f"run:{rounded}/0", "conv")[gone].any()
        else:  # so do the sizes, which the checks before a start know too
            assert final.model.conv.out_channels == again.conv.out_channels == 4
            assert layers_of(f"run:{rounded}/0")["conv"].shape == (4, 3, 3, 3)
    # The other layer keeps its format, in which its values lie: it adds nothing to the noise of this one.
    _, (noisy, _) = recorded("sensitivity", f"run:{rounded}/0", data, formats="fixed(3)")
    assert noisy["sqnr_weight_db"] < 30


def test_the_file_of_a_kept_module_is_the_one_that_its_run_was_given(model: str) -> None:
    source = noted(model)
    assert is_own(source)
    assert python_of(source) == model
    file = Path(model.removesuffix(":net"))
    file.write_text(FILE + "\n# another\n")
    with pytest.raises(InputError, match=r"/0 is a module of .*net\.py, which has changed since \(SHA-256 .*back as"):
        python_of(source)
    file.unlink()
    with pytest.raises(InputError, match=r"is a module of .*net\.py, which does not exist any more; put the file back"):
        python_of(source)


def test_a_cluster_takes_no_kept_module(model: str) -> None:
    from engine.experiments.placement import _sources

    with pytest.raises(InputError, match=r"is a module of a Python file, and a cluster is given such a file alone"):
        list(_sources({"model": noted(model)}))
