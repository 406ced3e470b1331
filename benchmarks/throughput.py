"""Evaluation and training throughput of our loops beside `transformers.Trainer`: same model, data, batch size, steps.

Contestants alternate in one process and each is given as the median of its repeats, so that what else the machine does
falls on all of them. Trainer runs once as it comes and once with its own batching by length.

    python -m benchmarks.throughput --model builtin --data builtin --samples 2000
"""

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import DataCollatorWithPadding, EvalPrediction, Trainer, TrainingArguments

from engine.models.classifier import Classifier, load_classifier
from engine.models.tokens import load_tokens
from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.tokens import Tokens
from engine.training.train import TrainSettings, has_bf16, train


class Rows(Dataset[dict[str, Any]]):
    """Tokens as Trainer wants them: one dictionary of lists per sample, made before the clock starts."""

    def __init__(self, tokens: Tokens):
        parts = zip(tokens.offsets.tolist(), tokens.offsets.tolist()[1:], tokens.labels.tolist(), strict=False)
        ids = tokens.ids.tolist()
        self.rows = [{"input_ids": ids[start:end], "labels": label} for start, end, label in parts]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def main() -> None:
    options = parse()
    classifier = load_classifier(options.model, progress=show)
    splits = load_tokens(options.data, classifier.tokenizer, options.max_length, 0, progress=show)
    test = sample(splits.test, options.samples)
    training = sample(splits.train, options.steps * options.batch_size)
    contest = Contest(classifier, options)
    print(f"{options.model} on {options.data}, {options.device}, {torch.get_num_threads()} threads, ", end="")
    print(f"batch size {options.batch_size}, tokens per text {float(test.lengths.float().mean()):.0f} on average")
    contest.report(
        f"evaluation, {len(test)} texts",
        len(test),
        {
            "Trainer": lambda: contest.their_evaluation(test, "random"),
            "Trainer, by length": lambda: contest.their_evaluation(test, "group_by_length"),
            "labtui": lambda: contest.our_evaluation(test),
        },
    )
    cases = {
        "Trainer": lambda: contest.their_training(training, "random"),
        "Trainer, by length": lambda: contest.their_training(training, "group_by_length"),
        "labtui": lambda: contest.our_training(training, bf16=False),
    }
    if has_bf16(torch.device(options.device)):
        cases["labtui, bf16"] = lambda: contest.our_training(training, bf16=True)
    contest.report(f"training, {options.steps} steps", options.steps * options.batch_size, cases)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Our loops beside transformers.Trainer.")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--samples", type=int, default=2000, help="test texts to evaluate")
    parser.add_argument("--steps", type=int, default=50, help="training steps")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def sample(tokens: Tokens, size: int) -> Tokens:
    return tokens.select(torch.randperm(len(tokens), generator=torch.Generator().manual_seed(0))[:size])


def show(done: float, total: float, text: str) -> None:
    print(f"\r{text} {done:.0f}/{total:.0f}\033[K", end="\n" if done == total else "", file=sys.stderr, flush=True)


class Contest:
    """What is common to all contestants. Each method prepares one and returns what is timed."""

    def __init__(self, classifier: Classifier, options: argparse.Namespace):
        self.classifier = classifier
        self.options = options

    def report(self, title: str, texts: int, cases: Mapping[str, Callable[[], Callable[[], object]]]) -> None:
        """Time all cases in turn, round after round, and print medians as ratios to Trainer's."""
        times: dict[str, list[float]] = {name: [] for name in cases}
        for round_ in range(self.options.repeats + 1):
            for name, prepare in cases.items():
                run = prepare()
                start = time.perf_counter()
                run()
                if round_ > 0:  # the first warms up
                    times[name].append(time.perf_counter() - start)
        base = statistics.median(times["Trainer"])
        print(f"\n{title}: median of {self.options.repeats}")
        for name, seconds in times.items():
            middle = statistics.median(seconds)
            print(f"  {name:<20}{texts / middle:>8.0f} texts/s {base / middle:>6.2f}x Trainer")

    def our_evaluation(self, tokens: Tokens) -> Callable[[], object]:
        """Our loop, float32."""
        model, size = self.classifier.model, self.options.batch_size
        return lambda: evaluate(model, tokens, Classes(), batch_size=size, device=self.options.device)

    def our_training(self, tokens: Tokens, *, bf16: bool) -> Callable[[], object]:
        """Our loop on a copy of the model."""
        model = copy.deepcopy(self.classifier.model)
        settings = TrainSettings(steps=self.options.steps, batch_size=self.options.batch_size, warmup=0.0, bf16=bf16)
        return lambda: train(model, tokens, Classes(), settings, device=self.options.device)

    def their_evaluation(self, tokens: Tokens, sampling: str) -> Callable[[], object]:
        """Trainer's `predict`."""
        trainer = self._trainer(self.classifier.model, tokens, sampling)
        return lambda: trainer.predict(trainer.eval_dataset)

    def their_training(self, tokens: Tokens, sampling: str) -> Callable[[], object]:
        """Trainer's `train` on a copy of the model."""
        trainer = self._trainer(copy.deepcopy(self.classifier.model), tokens, sampling)
        return lambda: trainer.train()

    def _trainer(self, model: Any, tokens: Tokens, sampling: str) -> Trainer:
        settings = TrainSettings()
        arguments = TrainingArguments(
            output_dir=tempfile.gettempdir(),
            per_device_eval_batch_size=self.options.batch_size,
            per_device_train_batch_size=self.options.batch_size,
            max_steps=self.options.steps,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            train_sampling_strategy=sampling,
            use_cpu=self.options.device == "cpu",
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        rows = Rows(tokens)
        return Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            eval_dataset=rows,
            data_collator=DataCollatorWithPadding(self.classifier.tokenizer),
            compute_metrics=accuracy,
        )


def accuracy(outcome: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((outcome.predictions.argmax(-1) == outcome.label_ids).mean())}


if __name__ == "__main__":
    main()
