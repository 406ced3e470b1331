"""Quantisation-aware training of a sweep's points at once beside one after the other: `python -m benchmarks.variants`.

Both take turns in one process, with the same model, texts, steps and formats; the ratio of medians is the finding.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from benchmarks.throughput import sample, show
from engine.compress import LayerFormats, quantize_model
from engine.models.classifier import load_classifier
from engine.models.tokens import load_tokens
from engine.training.objective import Classes
from engine.training.train import TrainSettings, train
from engine.training.variants import Variants


def main() -> None:
    options = parse()
    classifier = load_classifier(options.model, progress=show)
    classifier.model.to(options.device)
    tokens = load_tokens(options.data, classifier.tokenizer, options.max_length, 0, progress=show).train
    texts = sample(tokens, options.steps * options.batch_size).to(options.device)
    calibration = next(iter(texts.batches(options.batch_size)))
    settings = TrainSettings(steps=options.steps, batch_size=options.batch_size)

    def quantized() -> list[nn.Module]:
        formats = [options.format.replace("{}", str(number)) for number in range(3, 3 + options.points)]
        every = [LayerFormats(weight=one, activation=one, bias=one, include=("Linear",)) for one in formats]
        return [quantize_model(classifier.model, one, [calibration]) for one in every]

    def trained(model: nn.Module) -> None:
        train(model, texts, Classes(), settings, device=options.device)

    def alone(models: Sequence[nn.Module]) -> None:
        for model in models:
            trained(model)

    ways = {"one by one": alone, "at once": lambda models: trained(Variants(models))}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, way in ways.items():
            times[name].append(seconds(way, quantized(), options.device))
    print(f"{options.model}, {options.device}, {torch.get_num_threads()} threads: {options.format}, ", end="")
    print(f"{options.points} points, ", end="")
    print(f"{options.steps} steps of {options.batch_size} texts of {options.max_length} tokens at most")
    base = statistics.median(times["one by one"])
    for name, taken in times.items():
        print(f"{name:<12} {statistics.median(taken):8.2f} s  {base / statistics.median(taken):.2f}x")


def seconds(way: Callable[[Sequence[nn.Module]], None], models: Sequence[nn.Module], device: str) -> float:
    began = time.perf_counter()
    way(models)
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Points that train at once, beside one by one.")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--format", default="fixed({})", help="of weights and inputs; {} is 3 and up")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
