"""An exported model against the one that it was made of, on the same samples."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.exports.contract import Program
from engine.tasks.base import Report
from engine.training.forward import NotFiniteError, logits_of
from engine.training.objective import Objective, Score
from engine.training.samples import Samples


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores on the same samples. `equal` of all `predictions` (classes, or next tokens) are the same in both.

    `difference` is the largest of two logits for the same input.
    """

    here: Score
    there: Score
    equal: int
    predictions: int
    difference: float


def compare(
    model: Any, program: Program, samples: Samples, objective: Objective, batch_size: int, report: Report
) -> Comparison:
    """Runs both over every sample on the CPU.

    Raises:
        NotFiniteError: logits of one of them are NaN or infinite.
        ForwardError: the model's own code raised.
    """
    losses: list[float] = [0.0, 0.0]
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    order: list[Tensor] = []
    equal, predictions, largest = 0, 0, 0.0
    with torch.inference_mode():
        for batch in samples.batches(batch_size, within_cache=True):
            logits = logits_of(model, batch.inputs).float(), program(batch.inputs)
            for place, one in enumerate(logits):
                if not bool(torch.isfinite(one).all()):
                    raise NotFiniteError(f"the {('model', 'export')[place]}'s logits are not finite.")
                lost, outcomes = objective.judged(one, batch.labels)
                losses[place] += float(lost)
                found[place].append(outcomes)
            same = logits[0].argmax(-1) == logits[1].argmax(-1)
            equal, predictions = equal + int(same.sum()), predictions + same.numel()
            largest = max(largest, float((logits[0] - logits[1]).abs().max()))
            order.append(batch.indices)
            report(sum(map(len, order)), len(samples), "comparing")
    places = torch.cat(order).argsort()
    here, there = (
        objective.score(torch.cat(outcomes)[places], loss / len(samples))
        for outcomes, loss in zip(found, losses, strict=True)
    )
    return Comparison(here, there, equal, predictions, largest)
