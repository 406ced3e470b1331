from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.experiments.mixed import EXPERIMENT
from engine.experiments.mixed.config import ALL, MixedConfig, layers_of
from engine.experiments.mixed.report import zoomed
from engine.experiments.mixed.warm_start import first_trials
from engine.figures.figure import Figure, Series
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.runs import create_run
from engine.tasks.metric import ACCURACY
from tests.experiments.played import played

SMALL: dict[str, Any] = {"eval_samples": 60, "max_length": 24, "trials": 2}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"families": "fixed,vixed"}, "no family is called 'vixed'; the families are fixed"),
        ({"fraction_bits": "2,many"}, "numbers from 0 to 31, or auto; 'many' is neither"),
        ({"families": "log", "widths": "16"}, "log has no format with these widths"),
        ({"families": "mxint8", "full_precision": False}, "there is nothing to choose"),
        ({"constraints": "small"}, "'small' is no constraint"),
        ({"constraints": "bytes<=0"}, "no trial can keep"),
        ({"sampler": "cmaes"}, "there is no choice .cmaes."),
    ],
)
def test_what_is_wrong_is_told_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"(?i){message}"):
        configure("mixed", settings)


def test_every_curve_has_the_same_budget() -> None:
    config = MixedConfig(families=("fixed", "log", "mxint8"), trials=3, seeds=2)
    points = EXPERIMENT.points(config)
    count = {name: sum(point.get("family") == name for point in points) for name in ("fixed", "log", "mxint8", ALL)}
    assert set(count.values()) == {6}
    assert points[-1] == {"stage": "test"}
    assert [point["family"] for point in points[:4]] == ["fixed", "log", "mxint8", ALL]


def test_layers_are_the_models_linear_ones() -> None:
    assert "classifier" in layers_of(MixedConfig())
    assert not any("embeddings" in name for name in layers_of(MixedConfig()))
    assert layers_of(MixedConfig(layers=("*.query",))) == [
        f"bert.encoder.layer.{number}.attention.self.query" for number in (0, 1)
    ]
    config = MixedConfig(layers=("bert.embeddings.*",))
    with pytest.raises(InputError, match="no linear layer of builtin is left"):
        EXPERIMENT.check(config)


def test_a_run_from_its_trials_to_the_test_set(small_pair: dict[str, str]) -> None:
    config = MixedConfig(families=("fixed", "binary"), widths=(4, 8), fraction_bits=("auto",), **SMALL, **small_pair)
    run = played(EXPERIMENT, config)
    assert [point.state for point in run.points] == ["finished"] * 7
    layers = layers_of(config)
    for point in run.points[:-1]:
        result = point.result or {}
        assert list(result["formats"]) == layers
        assert 0 <= result["validation_low"] <= result["validation_accuracy"] <= result["validation_high"] <= 1
        assert "accuracy" not in result, "the test set is for the chosen one"
        quantized = {one["name"]: one["bits"] for one in result["layers"]}
        assert set(quantized) == {name for name, spec in result["formats"].items() if spec != "fp32"}
        assert min([32.0, *quantized.values()]) <= result["bits"] <= 32
    choice = EXPERIMENT.best(config, run)
    assert choice is not None
    last = run.points[-1]
    assert choice.index == last.index
    chosen = run.points[last.params["chosen"]]
    assert (last.result or {})["bytes"] == (chosen.result or {})["bytes"]
    model = run.path / (last.result or {})["model"]
    assert sum(file.stat().st_size for file in model.glob("*.safetensors")) == (chosen.result or {})["bytes"]
    assert "looked at once" in " ".join(EXPERIMENT.findings(config, run))
    table = {one.key: one for one in EXPERIMENT.listings(config, run)}
    assert [row["layer"] for row in table["map"].rows] == layers
    assert [column.key for column in table["families"].columns] == ["layer", "fixed", "binary", ALL]
    figures = {one.key: one for one in EXPERIMENT.figures(config, run)}
    assert {one.name.split(",")[0] for one in figures["progress"].series} == {"fixed", "binary", ALL, "baseline"}
    for one in figures["progress"].series:
        assert list(one.y) == sorted(one.y), "best so far never falls"


def sensitivity_run(table: dict[tuple[str, str], float]) -> str:
    points = [{"layer": layer, "format": spec} for layer, spec in table]
    path = create_run(experiment="sensitivity", config={}, points=points, versions={}, name="table")
    for index, accuracy in enumerate(table.values()):
        log = AttemptLog.create(AttemptFile.of(path, f"{index:04d}", 1).path)
        log.emit("start", None, {"points": [index], "device": "cpu"})
        log.emit("finished", index, {"validation_accuracy": accuracy, "accuracy": 1 - accuracy})
    return path.name


def test_the_first_trials_take_what_hurts_least() -> None:
    name = sensitivity_run(
        {
            ("a", "fixed(8,4)"): 0.9,
            ("a", "fixed(4,2)"): 0.89,
            ("a", "fixed(4,4)"): 0.5,
            ("b", "fixed(8,4)"): 0.7,
            ("b", "fixed(4,2)"): 0.4,
        }
    )
    config = MixedConfig(families=("fixed",), widths=(4, 8), fraction_bits=("2", "4"))
    menu = config.menu(("fixed",))
    least, narrow = first_trials(name, menu, ["a", "b", "c"])
    assert [menu.spec(layer, least) for layer in "abc"] == ["fixed(8,4)", "fixed(8,4)", "fp32"]
    assert [menu.spec(layer, narrow) for layer in "abc"] == ["fixed(4,2)", "fixed(8,4)", "fp32"]
    no_full = replace(menu, full=False)
    assert no_full.spec("c", first_trials(name, no_full, ["a", "b", "c"])[0]) == "fixed(4,2)"
    with pytest.raises(InputError, match="has measured none of the layers"):
        first_trials(name, menu, ["z"])
    other = create_run(experiment="quantize", config={}, points=[], versions={})
    with pytest.raises(InputError, match="a warm start needs a run of sensitivity"):
        first_trials(other.name, menu, ["a"])


def test_the_zoom_shows_the_better_half() -> None:
    def curve(name: str, slot: int, *y: float) -> Series:
        return Series(name, tuple(range(len(y))), y, slot=slot)

    level = Series("baseline", (0, 1), (0.99, 0.99), kind="level", slot=-1)
    drawn = Figure(
        "progress", "T", "x", "y", (curve("a", 0, 0.5, 0.9), curve("b", 1, 0.5, 0.8), curve("c", 2, 0.1), level)
    )
    zoom = zoomed(drawn, ACCURACY)
    assert zoom.y_range == pytest.approx((0.785, 0.915))
    assert zoomed(replace(drawn, series=drawn.series[:1]), ACCURACY).series == ()


def test_a_bound_below_what_no_choice_touches_is_told(small_pair: dict[str, str]) -> None:
    _, config = configure("mixed", {**small_pair, "constraints": "bytes<=1KB"})
    with pytest.raises(InputError, match="no trial can keep bytes<=1KB: what has no format to choose takes"):
        EXPERIMENT.check(config)
    _, config = configure("mixed", {**small_pair, "constraints": "bytes<=1MB", "against": "bits"})
    EXPERIMENT.check(config)
    assert [goal.key for goal in config.goals] == ["validation_accuracy", "bits"]  # type: ignore[attr-defined]


def test_layers_choose_how_they_are_rounded(small_pair: dict[str, str]) -> None:
    few = {"layers": ("*.query",), "families": ("int",), "widths": (4,), "full_precision": False, "activations": False}
    config = MixedConfig(**few, methods=("nearest", "gptq"), calibration_samples=16, **SMALL, **small_pair)  # type: ignore[arg-type]
    assert config.needs_train == "methods but nearest"
    run = played(EXPERIMENT, config)
    for point in run.points[:-1]:
        result = point.result or {}
        assert set(result["methods"]) == set(layers_of(config))
        assert result["methods"] == {name: point.params[f"{name}.method"] for name in layers_of(config)}
        assert ("gptq" in result["mix"]) == ("gptq" in result["methods"].values())
    table = {one.key: one for one in EXPERIMENT.listings(config, run)}["map"]
    assert "method" in [column.key for column in table.columns]
    with pytest.raises(ValueError, match="nothing for gptq to round"):
        MixedConfig(families=("int", "binary"), methods=("gptq",))
