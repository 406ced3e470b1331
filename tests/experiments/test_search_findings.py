"""What searches find, as data, and their sentences; from records alone."""

from dataclasses import replace
from typing import Any

import pytest

from engine.experiments.mixed.findings import findings as found_in_mix
from engine.experiments.mixed.words import sentence as mix_sentence
from engine.experiments.search.findings import unused
from engine.experiments.search.words import sentence as search_sentence
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.trials import Sought
from engine.experiments.shared.trials_findings import findings
from engine.experiments.shared.trials_words import sentence
from engine.runtime.records import PointRecord, RunRecord
from engine.search.constraints import parse_constraints
from engine.tasks.metric import ACCURACY, PERPLEXITY, Bounded
from tests.tui.recorded import BASELINE, run_record

SOUGHT = Sought((), ACCURACY)


def searched(scores: dict[str, tuple[float, ...]], *more: PointRecord, **result: Any) -> RunRecord:
    """The trials of each sampler with these scores on 400 samples."""
    points = [
        PointRecord(
            index,
            {"sampler": sampler, "mode": "plain", "seed": 0, "trial": trial},
            state="finished",
            result={
                "validation_accuracy": score,
                "validation_low": score - 0.05,
                "validation_high": score + 0.05,
                "validation_samples": 400,
                "bytes": 1000 + index,
                **result,
            },
        )
        for index, (sampler, trial, score) in enumerate(
            (sampler, trial, score) for sampler, own in scores.items() for trial, score in enumerate(own)
        )
    ]
    return replace(run_record("s-0001"), experiment="search", points=(*points, *more), notes={"baseline": BASELINE})


def test_who_is_ahead_and_who_behind() -> None:
    run = searched({"tpe": (0.5, 0.9), "random": (0.5, 0.6), "gp": (0.6, 0.5)})
    assert findings(SOUGHT, run) == [
        Finding("lead", names=("tpe",), value=0.9, counts=(2,)),
        Finding("behind", names=("random", "gp"), value=0.6),
    ]


def test_curves_within_two_standard_errors_are_close() -> None:
    (*_, close) = findings(SOUGHT, searched({"tpe": (0.8,), "random": (0.79,)}))
    assert close == Finding("close", value=pytest.approx(2 * (0.8 * 0.2 / 400) ** 0.5), samples=400)


def test_one_curve_or_a_tie_leaves_nobody_behind() -> None:
    assert findings(SOUGHT, searched({"tpe": (0.5, 0.9)})) == []
    (lead,) = findings(SOUGHT, searched({"tpe": (0.9,), "random": (0.9,)}))
    assert lead == Finding("lead", names=("tpe", "random"), value=0.9, counts=(1,))


def test_trials_that_break_a_constraint_are_counted() -> None:
    limited = Sought(parse_constraints("bytes<=1000"), ACCURACY)
    assert Finding("broken", counts=(2, 3)) in findings(limited, searched({"tpe": (0.5, 0.6, 0.7)}))


def test_the_chosen_trial_has_its_score_beside_its_difference() -> None:
    measured = {"accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.85, "loss": 0.4, "samples": 400}
    measured |= {"delta": -0.02, "delta_low": -0.03, "delta_high": 0.01}
    test = PointRecord(2, {"stage": "test", "chosen": 1}, state="finished", result=measured)
    (found,) = findings(SOUGHT, searched({"tpe": (0.5, 0.9)}, test))
    score, delta = Bounded(0.8, 0.75, 0.85), Bounded(-0.02, -0.03, 0.01)
    assert found == Finding("tested", "tpe", value=score, beside=delta, counts=(1,))


def test_what_in_the_space_changed_nothing() -> None:
    run = searched({"tpe": (0.5, 0.9)}, not_skipped=["a.query"])
    run = replace(run, notes={**run.notes, "dimensions": {"idle": ["use_cache"]}})
    assert unused(run, ACCURACY) == [Finding("idle", "use_cache"), Finding("unapplied", "a.query", counts=(2,))]


def test_the_chosen_mix() -> None:
    told = {"sqnr_db": 20.0, "bits": 5.5, "zeros": 0.0, "saturated": 0.0, "mix": "2 fixed(4)", "formats": {}}
    run = searched({"tpe": (0.9,)}, layers=[], **told)
    assert found_in_mix(SOUGHT, run) == [
        Finding("mix", at="2 fixed(4)", value=5.5, counts=(1000, int(BASELINE["bytes"])))
    ]
    assert found_in_mix(SOUGHT, replace(run, notes={}))[0].counts == (1000,)


TESTED = Finding("tested", "tpe", value=Bounded(0.8, 0.75, 0.85), beside=Bounded(-0.02, -0.03, 0.01), counts=(1,))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (sentence(Finding("lead", names=("a", "b", "c"), value=0.9, counts=(4,)), ACCURACY), "with a; b and c at 90.0"),
        (sentence(Finding("behind", names=("a",), value=0.6), ACCURACY), "The lowest is 60.0"),
        (sentence(Finding("behind", names=("a",), value=20.0), PERPLEXITY), "The highest is 20.000 by a."),
        (sentence(Finding("close", value=0.04, samples=400), ACCURACY), "are 4.00 points at n=400"),
        (sentence(Finding("broken", counts=(2, 3)), ACCURACY), "2 of 3 finished trials break a constraint"),
        (sentence(TESTED, ACCURACY), "tpe, trial 1. On the test set, looked at once, it reaches 80.0"),
        (search_sentence(Finding("idle", "use_cache")), "use_cache changes nothing"),
        (search_sentence(Finding("unapplied", "a.query", counts=(2,))), "a.query could not be left out in 2 trials"),
        (mix_sentence(Finding("mix", at="2 fp32", value=32.0, counts=(1000, 2000))), "written (the starting model: 2"),
        (mix_sentence(Finding("mix", at="2 fp32", value=32.0, counts=(1000,))), "1.00 kB as written: 2 fp32."),
    ],
)
def test_findings_in_words(said: str, words: str) -> None:
    assert words in said
