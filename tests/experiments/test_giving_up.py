"""A point is given up where a loss beyond the bound is certain, and only there; nothing of it counts as of more."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import InputError
from engine.experiments import registry, results
from engine.experiments.launch import configure, launch
from engine.experiments.quantize.words import sentence
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.giving_up import findings, looks, measure_until
from engine.experiments.shared.scored import TEST, VALIDATION, Scores
from engine.runtime.records import PointRecord
from engine.tasks.metric import ACCURACY, PERPLEXITY, Metric
from engine.training.objective import Classes, NextTokens, Objective, Score
from tests.faults.helpers import wait_until_idle
from tests.tui.recorded import run_record

TOTAL = 2000
CLASSES = Classes()
SEEDS = range(40)


@dataclass
class Places:
    """Samples that are their own places in a set."""

    places: Tensor

    def __len__(self) -> int:
        return len(self.places)

    def select(self, indices: Sequence[int] | Tensor) -> "Places":
        return Places(self.places[torch.as_tensor(indices)])


@dataclass
class Bench:
    """A workbench whose models are what each sample comes to; the number of samples that were evaluated is counted."""

    before: Tensor
    outcomes: Tensor
    seed: int = 0
    objective: Objective = CLASSES
    metric: Metric = ACCURACY
    validated: int | None = TOTAL
    evaluated: int = 0

    def __post_init__(self) -> None:
        validation = None if self.validated is None else Places(torch.arange(self.validated))
        self.splits = SimpleNamespace(validation=validation, test=Places(torch.arange(len(self.before))))
        self.task, self.config = SimpleNamespace(objective=self.objective), SimpleNamespace(seed=self.seed)

    def baseline(self) -> tuple[None, dict[str, Tensor]]:
        return None, {TEST: self.before, VALIDATION: self.before[: self.validated]}

    def report(self, done: float, total: float, text: str) -> None:
        assert done <= total

    def score(self, model: Any, samples: Places, report: Callable[[float, float, str], None]) -> Score:
        self.evaluated += len(samples)
        report(len(samples), len(samples), "")
        found = self.outcomes[samples.places]
        return self.objective.score(found, float(found.double().mean()))

    def until(self, bound: float) -> Scores:
        return measure_until(self, None, self.report, bound)  # type: ignore[arg-type]


def right(count: int, total: int = TOTAL) -> Tensor:
    """All told right but the first so many: as of a set that is sorted by label."""
    return torch.arange(total) >= count


ALL = right(0)


@pytest.mark.parametrize(
    ("total", "expected"),
    [(2000, [125, 250, 500, 1000]), (200, [50, 100]), (127, [63]), (64, [32]), (63, []), (1, [])],
)
def test_where_a_point_is_looked_at(total: int, expected: list[int]) -> None:
    assert looks(total) == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("outcomes", [right(1000), ~right(1000)])
def test_half_of_sorted_labels_wrong_is_seen_at_the_first_look(outcomes: Tensor, seed: int) -> None:
    """In the order of the file one of the two would lose everything, the other nothing."""
    bench = Bench(ALL, outcomes, seed)
    scores = bench.until(0.1)
    assert scores.given_up is not None
    assert (scores.given_up.n, scores.given_up.of) == (125, TOTAL)
    assert scores.validation is not None
    assert scores.validation.n == scores.test.n == 125
    assert scores.validation.value == pytest.approx(0.5, abs=0.2)
    assert bench.evaluated == 250
    assert torch.equal(scores.test.outcomes, outcomes[scores.given_up.tested])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lost", [0, 125, 190, 200])
def test_a_point_that_loses_no_more_than_the_bound_is_evaluated_to_the_end(lost: int, seed: int) -> None:
    """Where 125 of 2,000 are wrong and come first, the first look in their order would see nothing else."""
    bench = Bench(ALL, right(lost), seed)
    scores = bench.until(0.1)
    assert scores.given_up is None
    assert bench.evaluated == 2 * TOTAL
    assert scores.validation is not None
    assert torch.equal(scores.validation.outcomes, right(lost)), "in the order of the set"
    assert torch.equal(scores.test.outcomes, right(lost))
    assert scores.validation.value == 1 - lost / TOTAL
    assert scores.validation.loss == pytest.approx(1 - lost / TOTAL)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_that_shows_late_takes_more_samples(seed: int) -> None:
    """16 % lost, and 10 allowed: 3.9 standard errors of √(0.16·0.84/n) are 6 points from n = 570 on."""
    scores = Bench(ALL, right(320), seed).until(0.1)
    assert scores.given_up is None or scores.given_up.n in (250, 500, 1000)


def test_what_is_right_the_other_way_round_is_no_loss() -> None:
    assert Bench(right(1000), ALL).until(0.1).given_up is None


def test_the_test_set_decides_where_nothing_is_validated() -> None:
    bench = Bench(ALL, right(1000), validated=None)
    scores = bench.until(0.1)
    assert scores.validation is None
    assert scores.given_up is not None
    assert (scores.given_up.n, scores.given_up.of, bench.evaluated) == (125, TOTAL, 125)
    assert torch.equal(scores.test.outcomes, right(1000)[scores.given_up.tested])
    bench = Bench(ALL, ALL, validated=None)
    assert bench.until(0.1).given_up is None
    assert bench.evaluated == TOTAL


def test_a_smaller_test_set_is_evaluated_whole() -> None:
    bench = Bench(ALL, right(1000))
    bench.splits.test = Places(torch.arange(50))
    scores = bench.until(0.1)
    assert scores.given_up is not None
    assert (scores.given_up.n, scores.test.n) == (125, 50)
    assert scores.given_up.tested.tolist() == list(range(50))


def windows(mean: float, spread: float, count: int = 512) -> Tensor:
    """Losses of windows, in nats."""
    return mean + spread * torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    ("more", "bound", "given_up"),
    [
        (0.3, 5.0, True),  # e³ · (e^0.3 − 1) = 7.03 of perplexity
        (0.3, 8.0, False),
        (-0.3, 1.0, False),  # better
        (1000.0, 1e9, True),  # beyond what a float holds
    ],
)
def test_of_perplexities_more_is_a_loss(more: float, bound: float, given_up: bool) -> None:
    before = windows(3.0, 0.2)
    after = before + more + 0.01 * windows(0.0, 1.0).flip(0)
    scores = Bench(before, after, objective=NextTokens(), metric=PERPLEXITY, validated=512).until(bound)
    assert (scores.given_up is not None) == given_up
    assert scores.test.n == (32 if given_up else 512)


def test_a_wide_interval_of_a_perplexity_is_widened_where_it_is_even() -> None:
    """Losses 8 ± 2.9 nats higher, at 99.99 %: e^5.1 times the perplexity at least, though the mean's is e^8 times."""
    before = windows(3.0, 0.2)
    after = before + 8 + 4 * windows(0.0, 1.0).flip(0)
    scores = Bench(before, after, objective=NextTokens(), metric=PERPLEXITY, validated=512).until(100.0)
    assert scores.given_up is not None
    assert scores.given_up.n == 32


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "give_up must be more than 0"),
        (10, "a loss of accuracy is a share below 1, 0.1 for 10 points; 10 is not"),
        ("inf", "give_up must be finite"),
        ("some", "give_up must be a number"),
    ],
)
def test_what_cannot_be_a_bound_is_refused(value: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        configure("quantize", {"give_up": value})


def test_a_bound_of_perplexity_may_be_any() -> None:
    _, config = configure("prune", {"task": "causal-lm", "give_up": 10})
    assert config.model_dump()["give_up"] == 10


def test_only_sweeps_of_formats_and_sparsities_take_it() -> None:
    takes = {name for name in registry.NAMES if "give_up" in registry.get(name).Config.settings()}
    assert takes == {"quantize", "prune"}


# What becomes of such points


def given_up(point: PointRecord, n: int = 125) -> PointRecord:
    told = {"given_up": n, "given_up_of": 2500, "samples": n, "validation_samples": n}
    return replace(point, result={**(point.result or {}), **told})


def test_none_is_chosen_and_no_model_of_one_is_kept(tmp_path: Path) -> None:
    run = replace(run_record("q-0001", widths=(4, 6, 8)), path=tmp_path)
    best = results.best(run)
    assert best is not None
    points = tuple(given_up(point) if point.index == best.index else point for point in run.points)
    ended = replace(run, points=points)
    for point in ended.points:
        (tmp_path / "artifacts" / "points" / str(point.index)).mkdir(parents=True)
    other = results.best(ended)
    assert other is not None
    assert other.index != best.index
    experiment, config = results.opened(ended)
    experiment.tidy(config, ended)
    kept = {int(folder.name) for folder in (tmp_path / "artifacts" / "points").iterdir()}
    assert other.index in kept
    assert best.index not in kept
    assert results.best(replace(run, points=tuple(map(given_up, run.points)))) is None


def test_they_are_counted_in_a_sentence() -> None:
    run = run_record("q-0001", widths=(2, 4, 8))
    points = (given_up(run.points[0]), given_up(run.points[1], 500), run.points[2])
    said = results.findings(replace(run, points=points))
    assert said == ["2 of 3 points were given up, after 125 to 500 of 2,500 texts."]
    assert list(findings([])) == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 3, 125, 125, 2000), "1 of 3 points was given up, after 125 of 2,000 windows."),
        ((1, 1, 32, 32, 64), "1 point was given up, after 32 of 64 windows."),
    ],
)
def test_the_sentence(counts: tuple[int, ...], words: str) -> None:
    assert sentence(Finding("given_up", counts=counts), PERPLEXITY) == words


@pytest.mark.slow
def test_a_sweep_with_and_without(builtin: Path) -> None:
    """fixed(2,0) leaves nothing of the built-in model; what is evaluated to the end is as without the bound."""

    def ended(**more: Any) -> Any:
        wanted = {"formats": "fixed(2,0),fixed(8)", "methods": "nearest", "prepare": "none,hadamard", "max_length": 32}
        run = wait_until_idle(launch(*configure("quantize", {**wanted, "eval_samples": 600, **more})))
        assert run.state == "finished", run.points
        return run

    whole, run = ended(), ended(give_up=0.1)
    chosen = results.best(run)
    assert chosen is not None
    assert chosen == results.best(whole)
    for point, other in zip(run.points, whole.points, strict=True):
        one, full = dict(point.result or {}), dict(other.result or {})
        assert "given_up" not in full
        if "fixed(2" not in point.params["format"]:
            for key in (
                "accuracy",
                "accuracy_low",
                "delta",
                "delta_high",
                "samples",
                "validation_accuracy",
                "outcomes",
            ):
                assert one[key] == full[key]
            assert math.isclose(one["loss"], full["loss"], rel_tol=1e-5)
            assert "given_up" not in one
            continue
        n = one["given_up"]
        assert n in looks(one["given_up_of"])
        assert one["given_up_of"] == full["validation_samples"]
        assert one["validation_samples"] == one["samples"] == n
        assert one["accuracy_high"] - one["accuracy_low"] > full["accuracy_high"] - full["accuracy_low"]
        assert round(one["accuracy"] * n, 6) == round(one["accuracy"] * n)
        assert one["delta_high"] < -0.1
        assert "outcomes" not in one
        assert "outcomes" in full
        assert not (run.path / one["model"]).exists()
    assert "2 of 4 points were given up" in " ".join(results.findings(run))


@pytest.mark.slow
def test_a_pruned_model_is_given_up_after_its_fine_tuning_alone(builtin: Path) -> None:
    """What a model loses before it is fine-tuned says nothing of the point: it is measured in full."""
    wanted = {"methods": "random", "sparsities": "0.97", "finetune_steps": 1, "max_length": 32, "eval_samples": 600}
    run = wait_until_idle(launch(*configure("prune", wanted | {"give_up": 0.1})))
    result = run.points[0].result or {}
    assert result["given_up"] == result["samples"]
    assert result["pruned_samples"] > result["samples"]
    assert not any(key.startswith("pruned_given_up") for key in result)
    assert results.best(run) is None
