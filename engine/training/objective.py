"""What a model is trained for and what it scores: classes told right, or the perplexity of next tokens."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.statistics import mean_difference, mean_interval, paired_difference, share_error, wilson

JUDGED_VALUES = 1 << 19
"""Logits that are judged at once where no gradients are asked for."""


@dataclass(frozen=True, slots=True)
class Score:
    """What was measured on `n` samples: `low` and `high` are the value's 95 % interval, `loss` the mean in nats.

    `error` is one standard error of what is compared when a point is chosen: of an accuracy the value itself, of a
    perplexity its logarithm. `outcomes` [n], in the order of the samples, are what two models are compared by.
    """

    value: float
    low: float
    high: float
    loss: float
    n: int
    error: float
    outcomes: Tensor


class Objective(Protocol):
    """How logits are judged against labels."""

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss that training brings down, `[1]`; `[variants]` for logits of variants, one dimension more."""

    def divergences(self, logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """The mean KL(teacher ‖ student) in nats of logits divided by a temperature, `[1]` or `[variants]`.

        `taught` are the teacher's logits: those of one model, for all variants the same.
        """

    def judged(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the samples' losses in nats, and the outcome of each, `[batch]`."""

    def score(self, outcomes: Tensor, loss: float) -> Score:
        """The score of these outcomes `[n]`, whose mean loss is `loss`."""

    def difference(self, outcomes: Tensor, before: Tensor, widened: float = 1.0) -> tuple[float, float, float]:
        """The score of the first minus that of the second on the same samples, with its 95 % interval.

        The interval is made `widened` times as wide, on the scale that it is worked out on.
        """


class Classes:
    """One class for each sample: cross-entropy, and accuracy with Wilson's interval. Outcomes are bool: told right."""

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Of logits `[batch, classes]` or `[variants, batch, classes]`."""
        if logits.ndim == 2:
            return functional.cross_entropy(logits, labels)[None]
        each = labels[:, None].expand(-1, len(logits))
        return functional.cross_entropy(logits.permute(1, 2, 0), each, reduction="none").mean(0)

    def divergences(self, logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """Of logits `[batch, classes]` or `[variants, batch, classes]`; the mean is over the batch."""
        return _divergence(logits, taught, temperature).mean(-1, keepdim=logits.ndim == 2)

    def judged(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Of logits `[batch, classes]`."""
        return functional.cross_entropy(logits, labels, reduction="sum"), logits.argmax(-1) == labels

    def score(self, outcomes: Tensor, loss: float) -> Score:
        """The share that was told right."""
        right, n = int(outcomes.sum()), outcomes.numel()
        low, high = wilson(right, n)
        share = right / n
        return Score(share, low, high, loss, n, share_error(share, n), outcomes.cpu())

    def difference(self, outcomes: Tensor, before: Tensor, widened: float = 1.0) -> tuple[float, float, float]:
        """In accuracy, from the samples on which the two disagree."""
        return paired_difference(outcomes, before, widened)


class NextTokens:
    """The next token at each place of a window: cross-entropy, and perplexity. Outcomes are a window's mean loss.

    The labels are the window's own tokens; the model's output at a place is judged by the token after it.
    """

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Of logits `[batch, tokens, vocabulary]` or `[variants, batch, tokens, vocabulary]`."""
        if logits.ndim == 3:
            return self._windows(logits, labels).mean()[None]
        return torch.stack([self._windows(one, labels).mean() for one in logits])

    def divergences(self, logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
        """Of logits `[batch, tokens, vocabulary]` or `[variants, ...]`; the mean is over the places that are judged."""
        each = logits[None] if logits.ndim == 3 else logits
        return torch.stack([_divergence(one[:, :-1], taught[:, :-1], temperature).mean() for one in each])

    def judged(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Of logits `[batch, tokens, vocabulary]`."""
        means = self._windows(logits, labels)
        return means.sum(), means

    def _windows(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of each window `[batch]`."""
        if torch.is_grad_enabled():
            judged = self._places(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
            return judged.view(len(labels), -1).mean(1)
        return torch.stack([self._window(*pair) for pair in zip(logits, labels, strict=True)])

    def _window(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of one window, some places at a time: cross-entropy makes more of as many values."""
        after, at_once = labels[1:], max(1, JUDGED_VALUES // logits.shape[-1])
        parts = [slice(start, start + at_once) for start in range(0, len(after), at_once)]
        return torch.cat([self._places(logits[:-1][part], after[part]) for part in parts]).mean()

    def _places(self, logits: Tensor, labels: Tensor) -> Tensor:
        # The vocabulary stays last: along another dimension its sums are rounded so that the fourth digit suffers.
        return functional.cross_entropy(logits, labels, reduction="none")

    def score(self, outcomes: Tensor, loss: float) -> Score:
        """Perplexity: exp of the mean of the windows' losses; its interval is that of the mean, turned through exp."""
        mean, low, high, error = mean_interval(outcomes)
        return Score(_exp(mean), _exp(low), _exp(high), mean, outcomes.numel(), error, outcomes.cpu())

    def difference(self, outcomes: Tensor, before: Tensor, widened: float = 1.0) -> tuple[float, float, float]:
        """In perplexity, from the windows' differences in loss."""
        base = _exp(float(before.double().mean()))
        mean, low, high = mean_difference(outcomes, before, widened)
        return base * (_exp(mean) - 1), base * (_exp(low) - 1), base * (_exp(high) - 1)


def _divergence(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of each place: the last dimension is that of the classes."""
    student, teacher = (functional.log_softmax(one / temperature, -1) for one in (logits, taught))
    return (teacher.exp() * (teacher - student)).sum(-1)


def _exp(value: float) -> float:
    """The exponential; infinite, and no error, where that is too large for a number."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
