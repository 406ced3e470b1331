"""Language models through experiments, beside transformers' own loss of each window."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.runtime.context import Point, RecordingContext
from engine.store import load
from engine.tasks.causal_lm import TASK
from engine.tasks.kinds import task_of
from tests.tasks.small_llama import make_corpus, make_llama

WINDOW = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus")


def settings(model: str, data: Path | str, **more: Any) -> dict[str, Any]:
    return {"model": model, "data": str(data), "window": WINDOW, "eval_samples": 8, "batch_size": 4, **more}


def results_of(name: str, folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    experiment, config = configure(name, values)
    experiment.check(config)
    context = RecordingContext(folder)
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    for point in points:
        experiment.run(config, [point], context)
    assert context.errors == {}
    return [context.results[point.index] for point in points]


def own_perplexity(subject: Any, file: Path, windows: int) -> float:
    ids = subject.tokenizer(file.read_text())["input_ids"]
    losses = []
    with torch.no_grad():
        for place in range(windows):
            window = torch.tensor(ids[place * WINDOW : (place + 1) * WINDOW])[None]
            losses.append(subject.model(input_ids=window, labels=window).loss.item())
    return math.exp(sum(losses) / windows)


def test_the_task_is_read_off_the_model(model: str, data: Path) -> None:
    _, config = configure("quantize", settings(model, data))
    assert config.model_dump()["task"] == "causal-lm"
    assert configure("quantize", {"model": "builtin:lm"})[1].model_dump()["task"] == "causal-lm"
    assert configure("quantize", {})[1].model_dump()["task"] == "text-classification"


def test_the_task_of_a_cached_model_of_the_hub_is_read_off_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models--owner--name"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert task_of("owner/name", here=True) == "causal-lm"
    assert task_of("owner/other", here=True) == "text-classification"


def test_perplexities_are_transformers_own_and_tied_tables_are_written_once(
    model: str, data: Path, tmp_path: Path
) -> None:
    fine, coarse = results_of(
        "quantize", tmp_path / "run", settings(model, data, formats="fixed(28),fixed(3)", layers="Linear,Embedding")
    )
    whole = own_perplexity(load(model), data / "test.txt", 8)
    assert fine["perplexity"] == pytest.approx(whole, rel=1e-6)
    assert fine["delta"] == pytest.approx(0, abs=1e-4)
    assert fine["samples"] == fine["validation_samples"] == 8
    saved = load(str(tmp_path / "run" / coarse["model"]))
    assert coarse["perplexity"] == pytest.approx(own_perplexity(saved, data / "test.txt", 8), rel=1e-6)
    assert saved.model.lm_head.weight is saved.model.model.embed_tokens.weight
    manifest = json.loads((tmp_path / "run" / coarse["model"] / "compression.json").read_text())
    assert manifest["tied"]
    assert coarse["bytes"] < fine["bytes"]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("quantize", {"formats": "fixed(4)", "modes": "qat", "qat_steps": 3}),
        ("prune", {"sparsities": "0.5", "methods": "wanda", "finetune_steps": 2}),
        ("finetune", {"methods": "full,lora", "steps": 3}),
        ("sensitivity", {"formats": "fixed(3)", "layers": "*.q_proj"}),
    ],
)
def test_experiments_take_language_models(model: str, data: Path, tmp_path: Path, name: str, more: Any) -> None:
    for result in results_of(name, tmp_path / "run", settings(model, data, **more)):
        low, value, high = (result[key] for key in ("perplexity_low", "perplexity", "perplexity_high"))
        assert 1 < low < value < high < math.inf


def test_one_file_named_after_a_set_is_that_set_alone(model: str, data: Path, tmp_path: Path) -> None:
    alone = settings(model, data / "test.txt", formats="fixed(8)", activations="fp32")
    (result,) = results_of("quantize", tmp_path / "run", alone)
    assert "validation_perplexity" not in result
    experiment, config = configure("quantize", alone)
    assert "there is no validation set: points are reported, and none is chosen" in (experiment.check(config) or ())
    calibrated = {**alone, "activations": "", "calibration": str(data / "train.txt")}
    (other,) = results_of("quantize", tmp_path / "calibrated", calibrated)
    assert other["perplexity"] != result["perplexity"]


def test_of_calibration_text_no_more_is_tokenised_than_is_used(model: str, data: Path) -> None:
    def read(**more: Any) -> Any:
        config = configure("quantize", settings(model, data / "test.txt", formats="fixed(8)", **more))[1]
        return TASK.data(config, TASK.load(model), lambda *_: None)

    fitted = read(calibration=str(data))
    assert fitted.train is not None
    assert "of train" in fitted.description
    assert fitted.description.count("windows of test (") == 1
    assert read(calibration=str(data), activations="fp32").train is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"window": 4096}, "takes 64 tokens at most, not a window of 4,096"),
        ({"data": "test.txt"}, "has no train set, which fitting the formats of inputs"),
        ({"data": "test.txt", "modes": "qat"}, "has no train set, which QAT needs"),
        ({"data": "labelled.csv"}, "has labels .column label., and a causal language model is scored on running text"),
        ({"data": "empty.txt"}, "holds no text"),
        ({"data": "latin.txt"}, "is no UTF-8 text .byte 3."),
        ({"task": "text-classification"}, "is a causal language model and task says text-classification"),
        ({"model": "builtin", "task": "causal-lm"}, "the built-in language model is builtin:lm"),
        ({"model": "no.gguf"}, "does not begin as a GGUF file does"),
        ({"model": "builtin:lm", "window": 257}, "builtin:lm takes 256 tokens at most, not a window of 257"),
        ({"data": "short.txt"}, r"set of .*short\.txt has 6 bytes of text, too few for one window of 16 tokens"),
    ],
)
def test_what_is_wrong_is_said_before_the_start(model: str, data: Path, more: dict[str, Any], message: str) -> None:
    (data / "labelled.csv").write_text("text,label\ngood,1\nbad,0\n")
    (data / "empty.txt").write_text(" \n")
    (data / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    (data / "no.gguf").write_bytes(b"no such thing")
    (data / "short.txt").write_text("too few")
    wrong = {key: str(data / value) if "." in str(value) else value for key, value in more.items()}
    experiment, config = configure("quantize", settings(model, data) | wrong)
    with pytest.raises(InputError, match=message):
        experiment.check(config)


def test_a_tokenizer_of_another_model_is_named(model: str, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model, other)
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.add_tokens(["zebra"])
    tokenizer.save_pretrained(other)
    (data / "test.txt").write_text("zebra " * 200)
    with pytest.raises(InputError, match=r"gives the token .*, and the model knows .*different models"):
        results_of("quantize", tmp_path / "run", settings(str(other), data, formats="fixed(8)"))


def test_a_set_shorter_than_a_window_is_named(model: str, data: Path, tmp_path: Path) -> None:
    (data / "test.txt").write_text("the film is good")
    with pytest.raises(InputError, match=r"the test set of .* has 4 tokens, fewer than one window of 16"):
        results_of("quantize", tmp_path / "run", settings(model, data, formats="fixed(8)"))


def test_constraints_are_of_the_tasks_own_score(model: str, data: Path) -> None:
    _, config = configure("mixed", settings(model, data, constraints="perplexity<=25, lost<=2"))
    assert [(one.key, one.bound) for one in config.limits] == [("validation_perplexity", 25.0), ("lost", 2.0)]
    with pytest.raises(InputError, match=r"'accuracy>=0.8' is no constraint; .*, of bytes, lost, bits, perplexity"):
        configure("mixed", settings(model, data, constraints="accuracy>=0.8"))
    with pytest.raises(InputError, match="there is no choice 'translation'"):
        configure("quantize", settings(model, data, task="translation"))


def test_as_many_windows_calibrate_as_are_asked_for_and_all_are_of_train(model: str, data: Path) -> None:
    def read(**more: Any) -> Any:
        config = configure("quantize", settings(model, data, formats="fixed(8)", **more))[1]
        return TASK.data(config, TASK.load(model), lambda *_: None)

    found = read(calibration_samples=3)
    windows = {tuple(window.tolist()) for batch in found.train.batches(4) for window in batch.inputs["input_ids"]}
    calibrating = [
        tuple(window.tolist()) for batch in found.calibration.batches(4) for window in batch.inputs["input_ids"]
    ]
    assert len(calibrating) == 3
    assert set(calibrating) <= windows
    assert len(read(calibration_samples=1000).calibration) == len(found.train)
