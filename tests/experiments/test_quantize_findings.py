"""Sentences and tables of a quantisation sweep, from its records alone."""

from dataclasses import replace
from typing import Any

import pytest

from engine.experiments import registry, results
from engine.experiments.launch import configure
from engine.experiments.quantize.findings import findings
from engine.experiments.quantize.words import sentence
from engine.experiments.shared.finding import Finding
from engine.runtime.records import RunRecord
from engine.tasks.metric import ACCURACY, Bounded
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


def found(run: RunRecord) -> list[Finding]:
    experiment, config = configure("quantize", {})
    return findings(experiment.read(config, run), ACCURACY)


def delta(lost: float) -> Bounded:
    return Bounded(-lost, -lost - 0.004, -lost + 0.004)


def test_where_the_baseline_is_held_and_what_the_next_bit_costs() -> None:
    run = sweep({"ptq": {2: 0.03, 4: 0.001, 8: 0.0}})
    assert found(run) == [
        Finding("held", "PTQ", "fixed(4)", value=delta(0.001), samples=25_000, counts=(2,)),
        Finding("lost", "PTQ", "fixed(2)", value=delta(0.03), samples=25_000),
    ]
    assert results.findings(run) == [
        "PTQ down to fixed(4): no significant loss (-0.10 points, 95 % -0.50 to +0.30, n = 25,000).",
        "PTQ at fixed(2): significant loss, -3.00 points, 95 % -3.40 to -2.60, n = 25,000.",
    ]


def test_what_training_recovers_and_what_has_collapsed() -> None:
    told = found(sweep({"ptq": {2: 0.36, 8: 0.0}, "qat": {2: 0.01, 8: 0.0}}, zeros=0.97))
    (gain,) = (one for one in told if one.kind == "gain")
    assert (gain.of, gain.at, gain.against, gain.value) == ("QAT", "fixed(2)", "PTQ", pytest.approx(0.35))
    assert [one for one in told if one.kind == "collapsed"] == [Finding("collapsed", "PTQ", "fixed(2)", value=0.97)]
    assert Finding("held", "QAT", "fixed(8)", value=delta(0.0), samples=25_000, counts=(1,)) in told


@pytest.mark.parametrize(("losses", "kind"), [({8: 0.1}, "lost"), ({8: 0.0}, "held")])
def test_a_single_point_is_enough(losses: dict[int, float], kind: str) -> None:
    assert [one.kind for one in found(sweep({"ptq": losses}))] == [kind]


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding("gain", "QAT", "int(2)", "PTQ", 0.35), "QAT at int(2): 35.00 points above PTQ."),
        (Finding("collapsed", "PTQ", "int(2)", value=0.97), "PTQ at int(2): 97 % of the weights are zero."),
        (Finding("held", "PTQ", "int(8)", value=delta(0.0), samples=9, counts=(1,)), "PTQ at int(8): no significant"),
        (Finding("methods", "PTQ awq", against="PTQ", counts=(1, 0, 1)), "better at 1, worse at 0 of 1 format."),
        (
            Finding("method", "PTQ awq", "int(3)", "PTQ", -0.1, 9, counts=(100,)),
            "10.00 points worse, beyond both intervals, +1.0",
        ),
        (Finding("chance", counts=(40,)), "Of 40 such comparisons at 95 % about 2 differ by chance alone."),
        (Finding("damped", counts=(3,)), "Calibration brought 3 of the layers fewer rows"),
        (Finding("prepared", "hadamard", counts=(4, 0, 6)), "hadamard: 4 of 6 layers rotate their inputs at run time"),
        (
            Finding("prepared", "awq", counts=(1, 5, 6)),
            "awq: of 6 layers 5 have S absorbed by what comes before, 1 divides its inputs.",
        ),
    ],
)
def test_findings_in_words(finding: Finding, words: str) -> None:
    assert words in sentence(finding, ACCURACY)


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
