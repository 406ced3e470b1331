"""Points that are measured as one, as on a GPU: which, and what is recorded of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.experiments.launch import configure
from engine.experiments.shared import together
from engine.runtime.context import RecordingContext
from tests.experiments.direct import computed_here

pytestmark = pytest.mark.slow

SETTINGS = {"eval_samples": 100, "max_length": 32, "batch_size": 32, "qat_steps": 4}


def results(folder: Path, at_once: int, **more: Any) -> tuple[RecordingContext, list[Mapping[str, Any]]]:
    return computed_here("quantize", folder, SETTINGS | more, at_once)


def said(context: RecordingContext) -> dict[int, set[str]]:
    """Of each point, what was told of its evaluation."""
    texts: dict[int, set[str]] = {}
    for point, _done, _total, text in context.steps:
        if text.startswith("evaluating"):
            texts.setdefault(point, set()).add(text)
    return texts


@pytest.fixture
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time depends on the machine."""
    monkeypatch.setattr(together, "_pays", lambda _bench, _variants: True)


@pytest.mark.usefixtures("builtin", "pays")
def test_each_point_records_what_it_records_alone(tmp_path: Path) -> None:
    wanted = {"formats": "fixed(4,2),mxint8,fixed(8,4)", "modes": "ptq,qat"}
    context, found = results(tmp_path / "together", 6, **wanted)
    _, alone = results(tmp_path / "alone", 1, **wanted)
    fixed = {"evaluating, 4 points at once"}  # what was trained too: it is measured like the others
    assert said(context) == {
        0: fixed,
        2: fixed,
        3: fixed,
        5: fixed,
        1: {"evaluating, 2 points at once"},
        4: said(context)[1],
    }
    for one, other in zip(found, alone, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.01)  # a sum rounded otherwise may tip an input over
        assert one["accuracy"] == pytest.approx(other["accuracy"], abs=0.011)
        assert (one["samples"], one["bytes"], one["layers"]) == (other["samples"], other["bytes"], other["layers"])


@pytest.mark.usefixtures("builtin", "pays")
def test_what_memory_does_not_hold_is_measured_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = together._scores

    def short(bench: Any, points: Any, variants: Any) -> Any:
        if len(points) > 2:
            raise torch.OutOfMemoryError
        return measured(bench, points, variants)

    monkeypatch.setattr(together, "_scores", short)
    context, found = results(tmp_path / "run", 5, widths="3-7", activations="fixed(8,4)")
    pair = {"evaluating, 2 points at once"}
    assert said(context) == {0: pair, 1: pair, 3: pair, 4: pair}
    _, alone = results(tmp_path / "alone", 1, widths="3-7", activations="fixed(8,4)")
    accuracies = [one["accuracy"] for one in found]
    assert accuracies == pytest.approx([one["accuracy"] for one in alone], abs=0.011)


@pytest.mark.usefixtures("builtin")
def test_where_nothing_is_gained_points_are_measured_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"alone": 1.0, "together": 2.5}
    monkeypatch.setattr(
        "engine.training.latency.forward_seconds",
        lambda model, *_: [seconds["together" if hasattr(model, "stacked") else "alone"]],
    )
    context, _ = results(tmp_path / "two", 2, widths="4,5")
    assert said(context) == {}
    context, _ = results(tmp_path / "three", 3, widths="4-6")
    assert said(context) == {point: {"evaluating, 3 points at once"} for point in range(3)}


@pytest.mark.usefixtures("builtin", "pays")
def test_what_may_be_given_up_or_takes_long_to_make_is_alone(tmp_path: Path) -> None:
    context, _ = results(tmp_path / "gptq", 4, widths="4,5", methods="nearest,gptq")
    assert set(said(context)) == {
        point for point in range(4) if "gptq" not in str(points(widths="4,5", methods="nearest,gptq")[point])
    }
    context, _ = results(tmp_path / "given", 2, widths="4,5", give_up=0.1)
    assert said(context) == {}


def points(**more: Any) -> list[Mapping[str, Any]]:
    experiment, config = configure("quantize", SETTINGS | more)
    return list(experiment.points(config))


def test_a_task_has_fewer_points_of_a_large_model(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, config = configure("quantize", {"widths": "2-8"})
    found = []
    for size in (None, 16 << 20, 440 << 20, 1 << 30, 14 << 30):
        monkeypatch.setattr(together, "model_bytes", lambda _source, size=size: size)
        found.append(experiment.at_once(config))
    assert found == [32, 32, 9, 4, 1]
