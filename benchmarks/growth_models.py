"""What costs more as the model grows: `python -m benchmarks.growth_models`.

BERT text classifiers of 4, 23 and 109 million random parameters on the built-in reviews, all weights in fixed(8). The
first table is of a run of one PTQ point as a user meets it, in a fresh state folder: it reads 128 texts four times, the
baseline's, two calibrations and the point's own, and beside it stand these forwards by hand. The second is of its
steps and those of pruning, one after the other in this process: seconds, and milliseconds for a million parameters.
Forwards by hand and steps are on one thread and of the processor, all else is on the clock.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification
from transformers.utils import logging

from benchmarks.graph import SIZES, captured
from benchmarks.growth import first_paint, opened, show, state
from benchmarks.lab1 import LABTUI, timed
from engine.compress import LayerFormats, Pruning, layer_report, prune_model
from engine.compress.layers import release
from engine.compress.prune_units import find_blocks
from engine.experiments import launch
from engine.experiments.memory import point_memory
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.quantizing import quantized
from engine.experiments.shared.workbench import Workbench
from engine.experiments.taken import taken_by
from engine.formats.mix import parse_mix
from engine.models.builtin import data_folder
from engine.models.builtin.model import make_tokenizer
from engine.models.digests import digest_of
from engine.models.texts import load_texts
from engine.models.weights import weight_bytes
from engine.runtime.context import RecordingContext
from engine.runtime.references import MODEL
from engine.runtime.runs import list_runs, read_run
from engine.store import load, save

MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
MODELS = {"BERT-tiny": SIZES["BERT-tiny"], "MiniLM-L6": MINILM, "BERT-base": SIZES["BERT-base"]}
FORMAT, LAYERS = "fixed(8)", ("Linear", "Embedding")
TEXTS, READ = 128, 4
SETTINGS = {
    "data": "builtin",
    "formats": FORMAT,
    "modes": "ptq",
    "layers": ",".join(LAYERS),
    "eval_samples": TEXTS // 2,  # of validation, and of test
    "calibration_samples": TEXTS,
    "max_length": 64,
    "batch_size": 16,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time, memory and bytes against the size of the model.")
    parser.add_argument("--models", nargs="*", choices=MODELS, default=tuple(MODELS))
    logging.disable_progress_bar()
    names = parser.parse_args().models
    warm_up()
    runs, steps = [], []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as folder:
            millions = make(Path(folder), MODELS[name]) / 1e6
            model = {"model": f"{name}, {millions:.1f} M"}
            with state():
                taken = of_steps(folder)
            with state():
                runs.append(model | of_run(folder, READ * taken["by hand"]) | of_looks(folder))
            steps.append(model | {step: f"{each:.2f} s, {1000 * each / millions:.1f}" for step, each in taken.items()})
    table(runs)
    table(steps)


def warm_up() -> None:
    """What the first model of a process pays for all, compiled kernels for one, is left out."""
    with tempfile.TemporaryDirectory(prefix="labtui-bench-") as folder:
        make(Path(folder), MODELS["BERT-tiny"])
        with state():
            of_steps(folder)


def table(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows of the same columns, in Markdown."""
    print(f"| {' | '.join(rows[0])} |\n{'|---' * len(rows[0])}|")
    for row in rows:
        print(f"| {' | '.join(row.values())} |")
    print()


def make(folder: Path, sizes: Mapping[str, int]) -> int:
    """Saves a classifier of random weights with a tokenizer of the built-in reviews; returns its parameters."""
    torch.manual_seed(0)
    model = BertForSequenceClassification(BertConfig(**sizes))
    model.save_pretrained(folder)
    with state():
        make_tokenizer(load_texts("builtin", 0).train.texts).save_pretrained(folder)
    return int(model.num_parameters())


def of_run(folder: str, by_hand: float) -> dict[str, str]:
    """What a run of one point takes, beside its forwards `by_hand` (seconds)."""
    data_folder()  # not the model's to write
    experiment, config = launch.configure("quantize", {"model": folder, **SETTINGS})
    launch.check(experiment, config)  # imports what the next one needs
    began = time.perf_counter()
    launch.check(experiment, config)
    checked = time.perf_counter() - began
    planned, before = point_memory(config), weight_bytes(folder)
    words = [word for key, value in ({"model": folder} | SETTINGS).items() for word in ("--set", f"{key}={value}")]
    seconds = timed([str(LABTUI), "run", "quantize", *words])
    ended = time.time()
    run = read_run(list_runs()[0])
    (point,) = run.points
    assert point.started is not None
    assert point.seconds is not None
    assert point.result is not None
    assert planned is not None
    assert before is not None
    beside = sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file() and MODEL not in file.parts)
    return {
        "check": f"{1000 * checked:.0f} ms",
        "to the point": f"{point.started - ended + seconds:.1f} s",
        "point: clock, processor": f"{point.seconds:.1f} s, {taken_by(run)[0].cpu_seconds:.1f} s",
        "by hand": f"{by_hand:.1f} s",
        "memory, planned and taken": f"{planned / 1e6:.0f} MB, {point.result['peak_memory'] / 1e6:.0f} MB",
        "weights, before and after": f"{before / 1e6:.1f} MB, {point.result['bytes'] / 1e6:.1f} MB",
        "run beside": f"{beside / 1e3:.0f} kB",
    }


def of_looks(folder: str) -> dict[str, str]:
    """What somebody waits for who looks at the run and at the model, the latter in a process that looked before."""
    shown = show(list_runs()[0])
    app = opened()
    try:
        painted = first_paint(app)
    finally:
        app.close()
    ((clock, _),) = captured(folder, repeats=1).again
    return {"`show`": shown, "Home": f"{1000 * painted:.0f} ms", "graph": f"{clock:.1f} s"}


def of_steps(folder: str) -> dict[str, float]:
    """Seconds of the processor, on one thread: what a point does, a pass over its texts by hand, what pruning does."""
    torch.set_num_threads(1)
    taken: dict[str, float] = {}

    @contextmanager
    def timing(step: str) -> Iterator[None]:
        began = time.process_time()
        yield
        taken[step] = time.process_time() - began

    _, config = launch.configure("quantize", {"model": folder, **SETTINGS})
    assert isinstance(config, TaskConfig)
    spec = parse_mix(FORMAT)
    formats = LayerFormats(weight=spec, activation=spec, bias=spec, include=LAYERS)
    with tempfile.TemporaryDirectory(prefix="labtui-bench-") as directory:
        bench = Workbench(config, RecordingContext(Path(directory)), lambda *_: None)
        data_folder()
        with timing("load"):
            subject = bench.subject
        sets = bench.validation, bench.splits.test
        with timing("digest"):
            digest_of(Path(folder, "model.safetensors"))
        with timing("calibrate, fit"):
            model = quantized(bench, formats, shared=True)
        with timing("layer report"):
            layer_report(model)
        with timing("evaluate"):
            bench.measure(model, bench.report)
        with timing("by hand"), torch.inference_mode():
            for batch in (batch for samples in sets for batch in samples.batches(config.batch_size, within_cache=True)):
                subject.model(**batch.inputs).logits.argmax(-1)
        release(model)
        saved = Path(directory, "saved")
        with timing("save"):
            save(replace(subject, model=model), saved)
        with timing("load it"):
            load(saved)
        with timing("prune"):
            prune_model(subject.model, Pruning())
        with timing("find units"):
            find_blocks(subject.model)
    return taken


if __name__ == "__main__":
    main()
