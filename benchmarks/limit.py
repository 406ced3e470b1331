"""The limit of a sweep: its forwards and steps alone, by hand, in float32, a process for each core with one thread.

No quantisers, no masks, no records, nothing loaded or tokenised while the clock runs. Prints seconds.

    python -m benchmarks.limit quantize --model builtin --data builtin
"""

import argparse
import copy
import os
import time
from multiprocessing import get_context
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.flows import BATCH, FLOWS, Work
from engine.models.classifier import load_classifier
from engine.models.labelled_sets import Draw, LabelledSets
from engine.models.tokens import load_tokens
from engine.training.samples import Batch
from engine.training.tokens import Tokens


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    classifier = load_classifier(options.model)
    half = options.samples // 2
    draw = Draw(max(work.steps for work in FLOWS[options.flow].work) * BATCH, half, half)
    splits = load_tokens(options.data, classifier.tokenizer, options.max_length, 0, draw=draw)
    jobs = sorted(FLOWS[options.flow].work, key=lambda work: (work.steps, work.passes), reverse=True)
    cores = len(os.sched_getaffinity(0))
    context: Any = get_context("fork")
    queue, gate = context.SimpleQueue(), context.Barrier(cores + 1)
    for job in [*jobs, *[None] * cores]:
        queue.put(job)
    workers = [context.Process(target=work_off, args=(queue, gate, classifier.model, splits)) for _ in range(cores)]
    for worker in workers:
        worker.start()
    gate.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    print(f"{time.perf_counter() - began:.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Forwards and steps of a sweep, by hand.")
    parser.add_argument("flow", choices=FLOWS)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--max-length", type=int, default=128)
    return parser.parse_args()


def work_off(queue: Any, gate: Any, model: nn.Module, splits: LabelledSets[Tokens]) -> None:
    """Takes jobs until there are none; waits first until all processes are there."""
    gate.wait()
    evaluated = [*splits.validation.batches(BATCH), *splits.test.batches(BATCH)]
    trained = list(splits.train.batches(BATCH, shuffle_seed=0))
    while (job := queue.get()) is not None:
        compute(job, copy.deepcopy(model), evaluated, trained)


def compute(job: Work, model: nn.Module, evaluated: list[Batch], trained: list[Batch]) -> None:
    """Steps of AdamW with clipped gradients, then forwards."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    model.train()
    for batch in trained[: job.steps]:
        functional.cross_entropy(model(**batch.inputs).logits, batch.labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.eval()
    with torch.inference_mode():
        for batch in evaluated * round(job.passes) if job.passes >= 1 else evaluated[: len(evaluated) // 2]:
            model(**batch.inputs).logits.argmax(-1)


if __name__ == "__main__":
    main()
