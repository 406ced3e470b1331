"""The usual way to do a sweep: a script around `transformers.Trainer`, with straightforward fake quantisers and masks.

One point after the other, all cores in each, in one process; only texts that are used are tokenised. Prints the test
accuracy of each point.

    python -m benchmarks.usual quantize --model builtin --data builtin
"""

import argparse
import copy
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune
from transformers import DataCollatorWithPadding, EvalPrediction, Trainer, TrainingArguments
from transformers.utils import logging

from benchmarks.flows import BATCH, FLOWS, SPARSITIES, STEPS, TRIALS, WIDTHS
from engine.models.classifier import load_classifier
from engine.models.texts import LabelledTexts, load_texts


class Rounded(torch.autograd.Function):
    """Fixed point of `width` bits, its fraction fitted to the largest value; gradients pass where nothing saturates."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, width: int) -> Tensor:
        """The rounded values."""
        whole = math.ceil(math.log2(float(x.detach().abs().max()) + 1e-12))
        scale, limit = 2.0 ** (width - 1 - whole), 2.0 ** (width - 1)
        scaled = x * scale
        ctx.save_for_backward((scaled >= -limit) & (scaled <= limit - 1))
        return scaled.round().clamp(-limit, limit - 1) / scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient, 0 where a value was cut."""
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None


class RoundedLinear(nn.Linear):
    """A linear layer that rounds its weight, its bias and its input each time."""

    width = 8

    def forward(self, x: Tensor) -> Tensor:
        """`[..., in]` to `[..., out]`."""
        parts = (Rounded.apply(part, self.width) for part in (x, self.weight, self.bias))
        return functional.linear(*parts)


def rounded(model: nn.Module, width: int, only: str | None = None) -> nn.Module:
    """A copy with rounded linear layers, or one of them."""
    model = copy.deepcopy(model)
    for name, layer in model.named_modules():
        if type(layer) is nn.Linear and only in (None, name):
            layer.__class__ = RoundedLinear
            layer.width = width
    return model


def pruned(model: nn.Module, share: float) -> nn.Module:
    """A copy whose linear layers have lost their smallest weights."""
    model = copy.deepcopy(model)
    for layer in model.modules():
        if type(layer) is nn.Linear:
            prune.l1_unstructured(layer, "weight", share)
    return model


class Script:
    """What a notebook sets up once: model, tokenised texts, and a Trainer for each point."""

    def __init__(self, options: argparse.Namespace):
        classifier = load_classifier(options.model)
        self.model, tokenizer = classifier.model, classifier.tokenizer
        texts, half = load_texts(options.data, 0), options.samples // 2

        def rows(part: LabelledTexts, count: int) -> list[dict[str, Any]]:
            chosen = part.pick(random.Random(0).sample(range(len(part)), min(count, len(part))))
            ids = tokenizer(chosen.texts, truncation=True, max_length=options.max_length)["input_ids"]
            return [{"input_ids": one, "labels": label} for one, label in zip(ids, chosen.labels, strict=True)]

        self.train, self.validation = rows(texts.train, STEPS * BATCH), rows(texts.validation, half)
        self.test, self.collate = rows(texts.test, half), DataCollatorWithPadding(tokenizer)

    def point(self, name: str, model: nn.Module, steps: int = 0, rate: float = 1e-4, tests: bool = True) -> float:
        """Trains, evaluates on validation and test, says what came out; the validation accuracy."""
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_eval_batch_size=BATCH,
                per_device_train_batch_size=BATCH,
                max_steps=steps or 1,
                learning_rate=rate,
                use_cpu=not torch.cuda.is_available(),
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
            )
            trainer = Trainer(
                model=model,
                args=arguments,
                train_dataset=self.train,
                data_collator=self.collate,
                compute_metrics=accuracy,
            )
            if steps:
                trainer.train()
            found = [trainer.evaluate(rows)["eval_accuracy"] for rows in (self.validation, self.test)[: 1 + tests]]
        print(f"{name}: {found[-1]:.4f}", flush=True)
        return float(found[0])


def quantize(script: Script) -> None:
    script.point("baseline", script.model)
    for width in WIDTHS:
        script.point(f"ptq {width}", rounded(script.model, width))
    for width in WIDTHS:
        script.point(f"qat {width}", rounded(script.model, width), STEPS)


def prune_(script: Script) -> None:
    script.point("baseline", script.model)
    for share in SPARSITIES:
        model = pruned(script.model, share)
        script.point(f"pruned {share}", model)
        script.point(f"tuned {share}", model, STEPS)


def search(script: Script) -> None:
    script.point("baseline", script.model)
    best: tuple[float, nn.Module] | None = None
    dice = random.Random(0)
    for trial in range(TRIALS):
        model, rate = copy.deepcopy(script.model), 10 ** dice.uniform(-5, -3)
        script.point(f"trained {trial}", model, STEPS, rate, tests=False)
        model = rounded(model, dice.choice(WIDTHS))
        found = script.point(f"trial {trial}", model, tests=False)
        best = max(best, (found, model), key=lambda one: one[0]) if best else (found, model)
    assert best
    script.point("chosen", best[1])


def sensitivity(script: Script) -> None:
    script.point("baseline", script.model)
    for name in layers(script.model):
        script.point(name, rounded(script.model, 4, only=name))


def layers(model: nn.Module) -> Iterator[str]:
    yield from (name for name, layer in model.named_modules() if type(layer) is nn.Linear)


def accuracy(outcome: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((outcome.predictions.argmax(-1) == outcome.label_ids).mean())}


WAYS: dict[str, Callable[[Script], None]] = {
    "quantize": quantize,
    "prune": prune_,
    "search": search,
    "sensitivity": sensitivity,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="A sweep by Trainer, one point after the other.")
    parser.add_argument("flow", choices=FLOWS)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--max-length", type=int, default=128)
    options = parser.parse_args()
    logging.set_verbosity_error()
    WAYS[options.flow](Script(options))


if __name__ == "__main__":
    main()
