"""Sentences and tables of a quantisation sweep, from its records alone."""

from dataclasses import replace
from typing import Any

import pytest

from engine.experiments import registry, results
from engine.runtime.records import RunRecord
from tests.tui.pages import LAYERS
from tests.tui.recorded import run_record


def sweep(losses: dict[str, dict[int, float]], zeros: float = 0.1) -> RunRecord:
    """Widths by mode with what each loses; the half interval is 0.004."""
    run = run_record("q-0001", widths=tuple(losses["ptq"]), modes=tuple(losses))
    points = []
    for point in run.points:
        width = point.params["width"]
        delta = -losses[point.params["mode"]][width]
        told: dict[str, Any] = {"bits": float(width), "samples": 25_000, "zeros": zeros if delta < -0.3 else 0.1}
        told |= {"delta": delta, "delta_low": delta - 0.004, "delta_high": delta + 0.004, "accuracy": 0.86 + delta}
        told |= {"accuracy_low": 0.855 + delta, "accuracy_high": 0.865 + delta, "layers": LAYERS}
        points.append(replace(point, result={**(point.result or {}), **told}))
    return replace(run, points=tuple(points))


def test_where_the_baseline_is_held_and_what_the_next_bit_costs() -> None:
    sentences = results.findings(sweep({"ptq": {2: 0.03, 4: 0.001, 8: 0.0}}))
    assert sentences == [
        "PTQ down to fixed(4): no significant loss (-0.10 points, 95 % -0.50 to +0.30, n = 25,000).",
        "PTQ at fixed(2): significant loss, -3.00 points, 95 % -3.40 to -2.60, n = 25,000.",
    ]


def test_what_training_recovers_and_what_has_collapsed() -> None:
    sentences = results.findings(sweep({"ptq": {2: 0.36, 8: 0.0}, "qat": {2: 0.01, 8: 0.0}}, zeros=0.97))
    assert "QAT at fixed(2): 35.00 points above PTQ." in sentences
    assert "PTQ at fixed(2): 97 % of the weights are zero." in sentences
    assert "QAT at fixed(8): no significant loss (+0.00 points, 95 % -0.40 to +0.40, n = 25,000)." in sentences
    assert not any("QAT at" in sentence and "of the weights" in sentence for sentence in sentences)
    assert not any("fixed(8)" in sentence and "above PTQ" in sentence for sentence in sentences)


@pytest.mark.parametrize(("losses", "held"), [({8: 0.1}, False), ({8: 0.0}, True)])
def test_a_single_point_is_enough(losses: dict[int, float], held: bool) -> None:
    (sentence,) = results.findings(sweep({"ptq": losses}))
    assert ("PTQ at fixed(8): no significant loss" in sentence) == held


def test_layers_of_all_points_the_noisiest_first() -> None:
    (listing,) = results.listings(sweep({"ptq": {4: 0.0, 8: 0.0}}))
    assert len(listing.rows) == 2 * len(LAYERS)
    ratios = [row["sqnr_weight_db"] for row in listing.rows]
    assert ratios == sorted(ratios)
    assert listing.rows[0]["layer"] == LAYERS[-1]["name"]


def test_a_run_of_an_older_version_has_nothing_to_say() -> None:
    assert results.findings(run_record("q-0001")) == []
    assert results.listings(run_record("q-0001", done=0)) == []


def test_settings_of_training_are_asked_for_only_beside_it() -> None:
    fields = registry.get("quantize").Config.model_fields
    for name in ("qat_steps", "qat_epochs", "learning_rate"):
        assert fields[name].json_schema_extra == {"when": {"modes": ["qat"]}}
