"""Experiments on a model whose blocks lie on several devices: what one device gives, and what is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import InputError
from engine.experiments.launch import configure, launch
from engine.experiments.placement import placement
from engine.runtime import devices
from engine.runtime.context import Point, RecordingContext
from engine.runtime.devices import CPU, Device
from engine.runtime.spec import RunSpec
from tests.tasks.small_llama import make_corpus, make_llama

CASES = {
    "nearest": ("quantize", {"formats": "int(4)", "modes": "ptq"}),
    "gptq": ("quantize", {"formats": "int(4)", "modes": "ptq", "methods": "gptq", "prepare": "awq"}),
    "cache": ("quantize", {"formats": "fp32", "modes": "ptq", "kv": "int(4)"}),
    "sensitivity": ("sensitivity", {"formats": "int(3)", "each": "block"}),
    "prune": ("prune", {"methods": "l1,wanda,sparsegpt", "sparsities": "0.5", "finetune_steps": 0}),
    "mixed": ("mixed", {"trials": 2}),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("llama")
    settings = {"window": 16, "eval_samples": 8, "batch_size": 4, "calibration_samples": 4}
    return {"model": make_llama(folder / "model"), "data": str(make_corpus(folder / "corpus"))} | settings


def results(case: str, pair: dict[str, Any], folder: Path, device: str) -> list[Mapping[str, Any]]:
    """Of each point all but what it took."""
    folder.mkdir()
    name, settings = CASES[case]
    experiment, config = configure(name, pair | settings)
    context = RecordingContext(folder, device=device)
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    for point in points:
        experiment.run(config, [point], context)
    assert not context.errors
    return [{**context.results[point.index], "peak_memory": None} for point in points]


@pytest.mark.parametrize("case", ["nearest", "gptq"])
def test_two_devices_give_what_one_gives(case: str, pair: dict[str, Any], tmp_path: Path) -> None:
    one, two = (results(case, pair, tmp_path / device, device) for device in ("cpu", "cpu,cpu"))
    assert one == two


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_and_another_device_give_what_one_gpu_gives(case: str, pair: dict[str, Any], tmp_path: Path) -> None:
    """The other is a second GPU, or the CPU where there is none: torch refuses whatever has not followed."""
    other = "cuda:1" if torch.cuda.device_count() > 1 else "cpu"
    one, two = (results(case, pair, tmp_path / device, device) for device in ("cuda:0", f"cuda:0,{other}"))
    for alone, spread in zip(one, two, strict=True):
        assert spread["perplexity"] == pytest.approx(alone["perplexity"], rel=0.02)
        assert spread["bytes"] == alone["bytes"]


@pytest.fixture
def five_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        devices, "available", lambda: [*(Device(f"GPU-{n}", "T", 1) for n in range(5)), Device(CPU, "", 1)]
    )


@pytest.mark.usefixtures("five_gpus")
@pytest.mark.parametrize(
    ("settings", "places", "said"),
    [
        ({}, ("GPU-0", "GPU-1", "GPU-2", "GPU-3", "GPU-4"), ""),
        ({"gpus": 1}, ("GPU-0", "GPU-1", "GPU-2", "GPU-3", "GPU-4"), ""),
        ({"gpus": 2}, ("GPU-0,GPU-1", "GPU-2,GPU-3"), "2 points at once, on 2 GPUs each"),
        ({"gpus": 5, "device": "cuda"}, ("GPU-0,GPU-1,GPU-2,GPU-3,GPU-4",), "1 point at once, on 5 GPUs each"),
    ],
)
def test_a_run_takes_gpus_in_groups(settings: dict[str, Any], places: tuple[str, ...], said: str) -> None:
    experiment, config = configure("quantize", {"modes": "ptq", **settings})
    found = placement(experiment, config, 3)
    assert (found.devices, found.seating.said) == (places, said)


@pytest.mark.usefixtures("five_gpus")
def test_a_run_keeps_its_groups(pair: dict[str, Any]) -> None:
    path = launch(*configure("quantize", pair | {"modes": "ptq", "formats": "int(4)", "gpus": 2}), start=False)
    assert RunSpec.read(path).devices == ("GPU-0,GPU-1", "GPU-2,GPU-3")


@pytest.mark.usefixtures("five_gpus")
@pytest.mark.parametrize(
    ("experiment", "settings", "sentence"),
    [
        (
            "quantize",
            {"gpus": 6, "modes": "ptq"},
            "gpus=6 is more than the 5 that device=auto has here; use gpus=5, or fewer.",
        ),
        (
            "quantize",
            {"gpus": 1, "device": "cpu"},
            "gpus=1 is more than the 0 that device=cpu has here; leave gpus out.",
        ),
        ("quantize", {"gpus": 0.5}, "gpus=0.5 shares a GPU of a Ray cluster; on this machine a task takes whole ones."),
        (
            "quantize",
            {"gpus": 2, "modes": "ptq,qat"},
            "spreads a point's model over several GPUs, and training takes one; use gpus=1.",
        ),
        ("prune", {"gpus": 2}, "and training takes one; use gpus=1."),
        ("finetune", {"gpus": 2, "executor": "ray"}, "and training takes one; use gpus=1."),
        ("quantize", {"gpus": 2, "modes": "ptq", "model": "/m.py:f"}, "and a Python file's module stays whole"),
        ("profile", {"gpus": 2}, "and this experiment computes on one; use gpus=1."),
    ],
)
def test_what_one_gpu_must_do_is_refused(experiment: str, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        placement(*configure(experiment, settings), 3)
    assert sentence in str(refused.value)
