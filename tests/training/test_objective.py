"""Objectives beside float64 computed one sample at a time."""

import math

import pytest
import torch
from scipy.stats import t
from torch.nn import functional

from engine.training.objective import Classes, NextTokens
from engine.training.windows import Windows


def test_a_window_is_judged_by_the_token_after_each_place() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 7, 50_000), torch.randint(50_000, (3, 7))
    total, means = NextTokens().judged(logits, labels)
    for row in range(3):
        alone = [-functional.log_softmax(logits[row, place].double(), 0)[labels[row, place + 1]] for place in range(6)]
        assert float(means[row]) == pytest.approx(float(sum(alone)) / 6, rel=1e-6)
    assert float(total) == pytest.approx(float(means.sum()))
    assert NextTokens().losses(logits, labels).tolist() == pytest.approx([float(means.mean())])


def test_variants_have_a_loss_each() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 5, 11), torch.randint(11, (3, 5))
    each = [float(NextTokens().losses(one, labels)) for one in logits]
    assert NextTokens().losses(logits, labels).tolist() == pytest.approx(each)


def test_a_perplexity_has_students_interval_of_the_mean_loss() -> None:
    losses = torch.tensor([3.0, 3.2, 2.9, 3.4], dtype=torch.float64)
    score = NextTokens().score(losses, 3.125)
    error = float(losses.std()) / 2
    half = float(t.ppf(0.975, 3)) * error
    assert score.value == pytest.approx(math.exp(3.125))
    assert (score.low, score.high) == pytest.approx((math.exp(3.125 - half), math.exp(3.125 + half)))
    assert (score.n, score.error) == (4, pytest.approx(error))


def test_one_window_has_no_bounds_and_a_loss_too_large_no_number() -> None:
    score = NextTokens().score(torch.tensor([2.0]), 2.0)
    assert (score.low, score.high, score.error) == (0.0, math.inf, math.inf)
    assert NextTokens().score(torch.tensor([800.0, 900.0]), 850.0).value == math.inf


def test_a_difference_is_paired_by_window() -> None:
    """Windows differ far more among each other than the two models do on any."""
    before = torch.tensor([2.0, 4.0, 3.0, 5.0])
    after = before + torch.tensor([0.010, 0.012, 0.011, 0.009])
    delta, low, high = NextTokens().difference(after, before)
    base = math.exp(3.5)
    assert delta == pytest.approx(base * math.expm1(0.0105), rel=1e-4)
    assert 0 < low < delta < high
    assert high - low < 0.2


def test_classes_have_the_binomial_error() -> None:
    score = Classes().score(torch.tensor([True, True, True, False]), 0.4)
    assert (score.value, score.error) == (0.75, pytest.approx(math.sqrt(0.75 * 0.25 / 4)))


def test_windows_come_once_and_a_seed_gives_one_order() -> None:
    windows = Windows(torch.arange(60, dtype=torch.int32).view(10, 6))
    plain = [batch.inputs["input_ids"] for batch in windows.batches(4)]
    assert torch.equal(torch.cat(plain), windows.ids.long())
    one, again, other = ([b.indices.tolist() for b in windows.batches(4, shuffle_seed=seed)] for seed in (1, 1, 2))
    assert one == again != other
    assert sorted(index for part in one for index in part) == list(range(10))


def test_a_batch_falls_into_parts_that_make_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.windows.TRAINED_TOKENS", 12)
    windows = Windows(torch.arange(60, dtype=torch.int32).view(10, 6))
    (batch,) = windows.batches(10)
    parts = list(batch.parts(windows.at_once))
    assert [len(part.labels) for part in parts] == [2] * 5
    assert torch.equal(torch.cat([part.inputs["input_ids"] for part in parts]), batch.inputs["input_ids"])


@pytest.mark.parametrize("values", [1, 30, 1 << 22])
def test_windows_are_judged_alike_in_parts_and_whole(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(3, 9, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(10, (3, 9), generator=torch.Generator().manual_seed(1))
    whole = torch.stack(
        [torch.nn.functional.cross_entropy(one[:-1], own[1:]) for one, own in zip(logits, labels, strict=True)]
    )
    monkeypatch.setattr("engine.training.objective.JUDGED_VALUES", values)
    with torch.no_grad():
        total, parts = NextTokens().judged(logits, labels)
    assert parts == pytest.approx(whole)
    assert float(total) == pytest.approx(float(whole.sum()))
