"""Accuracy and loss of a classifier on a split, in float32."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training.statistics import wilson
from engine.training.tokens import Tokens, batches

# Beyond this the activations of a layer leave the cache and large blocks are mapped anew for each: a third slower.
CPU_TOKENS = 8192
Progress = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured on `n` samples: `low` and `high` are the accuracy's 95 % interval, `loss` the mean in nats.

    `correct` is bool [n] in the order of the tokens, so that two models can be compared sample by sample.
    """

    accuracy: float
    low: float
    high: float
    loss: float
    n: int
    correct: Tensor


def evaluate(
    model: nn.Module,
    tokens: Tokens,
    *,
    batch_size: int,
    device: str | torch.device,
    pad_id: int,
    progress: Progress | None = None,
) -> Evaluation:
    """Run the model over every sequence once, in evaluation mode and without gradients; its mode is restored.

    Batches hold at most `batch_size` samples, on the CPU fewer where they are long. A sample's outcome does not depend
    on its batch beyond the rounding of float32 sums.
    """
    tokens = tokens.to(device)
    correct = torch.zeros(len(tokens), dtype=torch.bool, device=device)
    loss = torch.zeros((), dtype=torch.float64, device=device)
    max_tokens = CPU_TOKENS if torch.device(device).type == "cpu" else None
    was_training, done = model.training, 0
    model.to(device).eval()
    try:
        with torch.inference_mode():
            for batch in batches(tokens, batch_size, pad_id=pad_id, max_tokens=max_tokens):
                logits = model(**batch.inputs).logits.float()
                correct[batch.indices] = logits.argmax(-1) == batch.labels
                loss += functional.cross_entropy(logits, batch.labels, reduction="sum")
                done += len(batch.labels)
                if progress is not None:
                    progress(done, len(tokens), "evaluating")
    finally:
        model.train(was_training)
    right, n = int(correct.sum()), len(tokens)
    low, high = wilson(right, n)
    return Evaluation(right / n, low, high, float(loss) / n, n, correct.cpu())
