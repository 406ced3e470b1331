from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.experiments.mixed import EXPERIMENT
from engine.experiments.mixed.config import ALL, MixedConfig, layers_of
from engine.experiments.mixed.report import zoomed
from engine.experiments.mixed.warm_start import first_trials
from engine.figures.figure import Figure, Series
from engine.runtime.attempts import AttemptFile, AttemptLog, attempt_files, read_events
from engine.runtime.context import Context, Point
from engine.runtime.runs import create_run, read_run
from engine.tasks.metric import ACCURACY
from tests.experiments.played import computed, played

QUERY = "bert.encoder.layer.0.attention.self.query"
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
    with pytest.raises(InputError, match="no layer of builtin but embeddings is left"):
        EXPERIMENT.check(config)


def test_convolutions_choose_too() -> None:
    config = configure("mixed", {"model": "builtin:vision", "families": "fixed", "widths": "4,8"})[1]
    assert isinstance(config, MixedConfig)
    chosen = {name.rpartition(".")[2] for name in layers_of(config)}
    assert chosen == {"convolution", "1"}, "convolutions and the classifier"
    (series,) = EXPERIMENT.series(config)
    assert set(layers_of(config)) <= {dimension.name for dimension in series.space.dimensions}


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


class KilledError(Exception):
    pass


class Dying(Context):
    """Dies when a point has kept its first checkpoint, whole on disk."""

    def checkpoint(self, point: int, step: int, write: Callable[[Path], object]) -> None:
        super().checkpoint(point, step, write)
        raise KilledError


def test_a_killed_trial_goes_on_after_the_layers_that_are_rounded(small_pair: dict[str, str]) -> None:
    """A trial's calibration began anew, however far it had come."""
    few = {"layers": ("*.query", "*.key"), "families": ("int",), "widths": (3, 4), "activations": False}
    config = MixedConfig(**few, methods=("gptq",), calibration_samples=16, **SMALL, **small_pair)  # type: ignore[arg-type]
    point = Point(0, {"family": "int", "trial": 0} | dict.fromkeys(layers_of(config), "int"))
    settings = config.model_dump(mode="json")
    whole, path = (
        create_run(experiment="mixed", config=settings, points=[dict(point.params)], versions={}, seed=0)
        for _ in range(2)
    )
    computed(EXPERIMENT, config, whole, point)
    with pytest.raises(KilledError):
        computed(EXPERIMENT, config, path, point, context=Dying)
    finished = int(next((path / "artifacts" / "checkpoints" / "0").iterdir()).name)
    computed(EXPERIMENT, config, path, point, attempt=2)
    events = [read_events(file.path)[0] for one in (whole, path) for file in attempt_files(one)]
    undisturbed, _, resumed = ([one.data["step"] for one in found if one.kind == "checkpoint"] for found in events)
    assert resumed == [finished, *(step for step in undisturbed if step > finished)]
    assert finished in undisturbed[:-1]
    results = [dict(read_run(one).points[0].result or {}) for one in (whole, path)]
    for result in results:
        result.pop("peak_memory", None)
    assert results[0] == results[1]


@pytest.mark.parametrize("experiment", ["mixed", "sensitivity"])
def test_static_ranges_of_inputs_take_the_same_setting(experiment: str, small_pair: dict[str, str]) -> None:
    """Only quantize took what has the least error."""
    found = []
    for range_of in ("max", "error"):
        values: dict[str, Any] = {**small_pair, "eval_samples": 60, "max_length": 24, "calibration_samples": 16}
        values |= {"layers": ["*.query"], "input_range": range_of}
        if experiment == "mixed":
            values |= {"families": "int", "widths": "4,8", "blocks": "tensor", "trials": 1}
            params = {"family": "int", "trial": 0} | {f"{QUERY}.int.width": 4, QUERY: "int"}
        else:
            values |= {"formats": "int(4,tensor)"}
            params = {"format": "int(4,tensor)", "layer": QUERY}
        one, config = configure(experiment, values)
        settings = config.model_dump(mode="json")
        path = create_run(experiment=experiment, config=settings, points=[params], versions={}, seed=0)
        computed(one, config, path, Point(0, params))
        result: Any = read_run(path).points[0].result
        layers = result["layers"] if experiment == "mixed" else [{"name": QUERY, **result}]
        found.append(next(layer["sqnr_input_db"] for layer in layers if layer["name"] == QUERY))
    assert found[1] > found[0]
