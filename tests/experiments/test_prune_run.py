"""`prune` and `finetune` run for real on the built-in pair: called directly, and chained through their processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.compress.prune_masks import masked_layers
from engine.experiments import results
from engine.experiments.launch import configure, launch
from engine.experiments.report import command_line
from engine.runtime.context import Point, RecordingContext
from engine.runtime.records import RunRecord
from engine.store import load
from tests.experiments.direct import computed_here
from tests.faults.helpers import wait_until_idle

pytestmark = pytest.mark.slow

SETTINGS = {"eval_samples": 200, "max_length": 48, "batch_size": 32}


def direct(
    name: str, folder: Path, at_once: int = 32, **settings: Any
) -> tuple[RecordingContext, list[Mapping[str, Any]]]:
    return computed_here(name, folder, SETTINGS | settings, at_once)


def zeros(folder: Path) -> float:
    """The share of zeros in the masked weights of a saved model."""
    layers = masked_layers(load(str(folder)).model).values()
    counts = [(int((layer.weight == 0).sum()), layer.weight.numel()) for layer in layers]  # type: ignore[union-attr, arg-type, operator]
    return sum(gone for gone, _ in counts) / sum(total for _, total in counts)


def test_accuracy_before_and_after_a_training_that_keeps_the_zeros(builtin: Path, tmp_path: Path) -> None:
    context, (little, much) = direct(
        "prune", tmp_path / "run", methods="l1", sparsities="0.1,0.9", finetune_steps=30, learning_rate=1e-3
    )
    baseline = context.notes["baseline"]
    assert little["pruned_delta_high"] >= 0, "a tenth of the smallest weights is not missed"
    assert much["pruned_delta_high"] < 0
    assert much["loss"] < much["pruned_loss"], "training mends some of it"
    for result, sparsity in ((little, 0.1), (much, 0.9)):
        assert result["true_sparsity"] == pytest.approx(sparsity, abs=1e-3)
        assert zeros(tmp_path / "run" / result["model"]) == pytest.approx(sparsity, abs=1e-3)
        assert result["accuracy_low"] < result["accuracy"] < result["accuracy_high"]
        folder = tmp_path / "run" / result["model"]
        assert result["bytes"] == sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert much["bytes"] < little["bytes"] < baseline["bytes"]
    assert {key for _, key, _, _ in context.metrics} == {"loss"}


def test_pruned_step_by_step_it_ends_at_the_same_sparsity(builtin: Path, tmp_path: Path) -> None:
    _, (result,) = direct(
        "prune", tmp_path / "run", methods="l1", sparsities="0.8", schedule="cubic", finetune_steps=20
    )
    assert result["true_sparsity"] == pytest.approx(0.8, abs=1e-3)
    assert zeros(tmp_path / "run" / result["model"]) == pytest.approx(0.8, abs=1e-3)


def test_movement_is_trained_to_its_sparsity_and_has_nothing_before(builtin: Path, tmp_path: Path) -> None:
    context, (result,) = direct(
        "prune", tmp_path / "run", methods="movement", sparsities="0.6", finetune_steps=24, teacher="start"
    )
    assert result["true_sparsity"] == pytest.approx(0.6, abs=1e-3)
    assert zeros(tmp_path / "run" / result["model"]) == pytest.approx(0.6, abs=1e-3)
    assert "pruned_accuracy" not in result
    assert len([key for _, key, _, _ in context.metrics if key == "loss"]) == 24


def test_points_fine_tuned_at_once_learn_what_each_learns_alone(builtin: Path, tmp_path: Path) -> None:
    """Movement, which prunes as it trains, stays alone, and a pattern that fits no layer fails alone."""
    wanted = {"methods": "l1,random,movement", "sparsities": "0.3,0.6", "finetune_steps": 6, "teacher": "start"}
    context, together = direct("prune", tmp_path / "together", **wanted)
    said = {point: text for point, done, total, text in context.steps if text.startswith("training") and done == total}
    assert [said[point] == "training, 4 points at once" for point in range(6)] == [True] * 4 + [False] * 2
    _, alone = direct("prune", tmp_path / "alone", at_once=1, **wanted)
    for here, there in zip(together, alone, strict=True):
        assert here["loss"] == pytest.approx(there["loss"], rel=1e-3)
        assert here.get("pruned_loss") == there.get("pruned_loss")
        assert here["true_sparsity"] == there["true_sparsity"]


def test_memory_that_is_full_ends_the_task_and_no_point(
    builtin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver then tries its points again in two halves."""

    def full(*_args: Any, **_named: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("engine.training.variants.Variants.forward", full)
    experiment, config = configure("prune", SETTINGS | {"methods": "l1", "sparsities": "0.2,0.4,0.6"})
    context = RecordingContext(tmp_path)
    with pytest.raises(torch.OutOfMemoryError):
        experiment.run(config, [Point(index, one) for index, one in enumerate(experiment.points(config))], context)
    assert not context.done


def test_a_point_that_cannot_be_pruned_fails_alone(builtin: Path, tmp_path: Path) -> None:
    wanted = {"methods": "l1", "sparsities": "0.5", "granularities": "weights,n:m", "pattern": "3:7"}
    context, _ = direct("prune", tmp_path / "run", finetune_steps=2, **wanted)
    assert set(context.results) == {0}
    assert set(context.errors) == {1}


def test_structure_is_cut_and_timed(builtin: Path, tmp_path: Path) -> None:
    context, (result,) = direct(
        "prune", tmp_path / "run", granularities="neurons", methods="l1", sparsities="0.5", finetune_steps=0
    )
    assert "pruned_accuracy" not in result
    assert result["latency"] > 0
    assert result["speedup"] == pytest.approx(context.notes["latency"]["latency"] / result["latency"])
    rows = {layer["name"]: (layer["rows"], layer["columns"]) for layer in result["layers"]}
    config = load("builtin").model.config
    assert rows["bert.encoder.layer.0.intermediate.dense"] == (config.intermediate_size // 2, config.hidden_size)
    again, _ = direct(
        "prune",
        tmp_path / "again",
        model=str(tmp_path / "run" / result["model"]),
        sparsities="0",
        methods="l1",
        finetune_steps=0,
    )
    assert again.notes["baseline"]["accuracy"] == result["accuracy"]


def test_lora_is_merged_into_a_folder_that_transformers_reads(
    builtin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForSequenceClassification

    monkeypatch.setattr("engine.runtime.context._PROGRESS_SECONDS", 0.0)  # every word of progress is kept
    context, (result,) = direct(
        "finetune", tmp_path / "run", methods="lora", ranks="4", steps=12, learning_rates="0.01", eval_steps=4
    )
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / result["model"])
    hidden, inner, layers = model.config.hidden_size, model.config.intermediate_size, model.config.num_hidden_layers
    each = 4 * (4 * 2 * hidden + 2 * (hidden + inner))
    assert result["trainable"] == each * layers, "attention's four and the feed-forward two of each layer, both ways"
    assert result["trainable_bytes"] == 4 * result["trainable"]
    assert context.notes["trains_0"]["trainable"] == result["trainable"]
    told = f"{result['trainable']:,} of {result['parameters']:,} parameters train, {result['trainable_bytes']:,} bytes"
    training = [place for place, (*_, text) in enumerate(context.steps) if text.startswith("training")]
    assert [text for *_, text in context.steps].index(told) < training[0]
    assert result["merge_difference"] < 1e-4
    assert not any("lora" in name for name, _ in model.named_parameters())
    curve = [(step, value) for _, key, step, value in context.metrics if key == "validation_accuracy"]
    assert [step for step, _ in curve] == [4, 8, 12]
    assert result["best_step"] in (4, 8, 12)
    assert result["validation_accuracy"] == max(value for _, value in curve)


def test_each_run_starts_from_what_the_one_before_chose(builtin: Path) -> None:
    def ended(name: str, **settings: Any) -> RunRecord:
        run = wait_until_idle(launch(*configure(name, SETTINGS | settings)))
        assert run.state == "finished", run.points
        return run

    tuned = ended("finetune", methods="lora", steps=8)
    quantised = ended("quantize", model=f"run:{tuned.id}/best", widths="6,8")
    pruned = ended("prune", model="run:@last/best", sparsities="0.3", methods="l1,random", finetune_steps=8)
    assert quantised.config["model"] == f"run:{tuned.id}/0"
    chosen = results.best(quantised)
    assert chosen is not None
    assert pruned.config["model"] == f"run:{quantised.id}/{chosen.index}"
    result = quantised.points[chosen.index].result or {}
    assert pruned.notes["baseline"]["accuracy"] == result["accuracy"]
    assert pruned.notes["baseline"]["bytes"] == result["bytes"]
    assert pruned.config["model"] in command_line(pruned)
    best = results.best(pruned)
    assert best is not None
    model = load(f"run:{pruned.id}/{best.index}").model
    assert len(masked_layers(model)) == len((pruned.points[0].result or {})["layers"])
    assert [figure.key for figure in results.figures(pruned)][:3] == ["accuracy", "size", "loss"]
    assert [figure.key for figure in results.figures(tuned)][:2] == ["accuracy", "loss"]
