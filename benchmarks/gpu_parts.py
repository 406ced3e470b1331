"""What `benchmarks.gpu` measures, a function a part: it returns tables of plain values, or raises what went wrong.

On a CPU the same parts run at small sizes: so that the script is known to work before anyone has a card.
"""

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Row = Mapping[str, Any]
GROUPS = (8, 12, 16, 32, 64, 128, 512)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where, and on what model and data."""

    device: str
    model: str
    data: str

    @property
    def on_gpu(self) -> bool:
        """Whether sizes may be those of a large GPU."""
        return self.device != "cpu"


def machine(bench: Bench) -> list[Row]:
    """Card, driver and versions."""
    from importlib.metadata import version

    from engine.runtime.devices import available

    facts: dict[str, Any] = {"device": bench.device, "devices": ", ".join(one.name for one in available())}
    facts |= {name: version(name) for name in ("torch", "transformers", "numba")}
    facts |= {"cuda": torch.version.cuda, "cores": len(os.sched_getaffinity(0)), "threads": torch.get_num_threads()}
    if bench.on_gpu:
        card = torch.cuda.get_device_properties(0)
        facts |= {
            "card": card.name,
            "memory": f"{card.total_memory / 2**30:.0f} GiB",
            "sm": f"{card.major}.{card.minor}",
        }
        facts["driver"] = _driver()
    return [{"what": name, "value": value} for name, value in facts.items()]


def _driver() -> str:
    import pynvml

    pynvml.nvmlInit()
    try:
        return str(pynvml.nvmlSystemGetDriverVersion())
    finally:
        pynvml.nvmlShutdown()


def model(bench: Bench) -> list[Row]:
    """Loads model and data once: the built-in ones are made on a machine's first use, which no other part is to pay."""
    from engine.models.classifier import load_classifier
    from engine.models.labelled_sets import Draw
    from engine.models.tokens import load_tokens

    began = time.perf_counter()
    classifier = load_classifier(bench.model)
    load_tokens(bench.data, classifier.tokenizer, 128, 0, draw=Draw(1, 1, 1))
    parameters = sum(parameter.numel() for parameter in classifier.model.parameters())
    return [{"model": bench.model, "parameters": parameters, "seconds": time.perf_counter() - began}]


def every_code(bench: Bench) -> list[Row]:
    """All 65,536 pairs of mantissa and scale in each group and type, against float64."""
    from cuda_kernels import dequantize
    from tests.kernels.oracle import DTYPES, all_pairs, decoded, rounded, same

    rows = []
    for group in GROUPS:
        mantissa, scale = all_pairs(group)
        exact = decoded(mantissa, scale, group)
        row: dict[str, Any] = {"group": group}
        for dtype in DTYPES:
            found = dequantize(mantissa.to(bench.device), scale.to(bench.device), group, dtype)
            row[str(dtype).removeprefix("torch.")] = "exact" if same(found, rounded(exact, dtype)) else "WRONG"
        rows.append(row)
    if any("WRONG" in row.values() for row in rows):
        raise AssertionError(f"codes that are decoded wrong: {rows}")
    return rows


def decoding(bench: Bench) -> list[Row]:
    """MXINT8 to bfloat16 beside the copy of as many bytes and the alternatives, by size and group."""
    from cuda_kernels.bench import measure

    cases = [(1 << 18, 32)]  # on a CPU one: what is compared with is compiled anew for each
    if bench.on_gpu:
        cases = [(1 << power, 32) for power in (20, 23, 25, 27)] + [(1 << 27, group) for group in (8, 128, 512)]
    rows = []
    for elements, group in cases:
        for one in measure(bench.device, elements, group, repeats=20 if bench.on_gpu else 3):
            known = not one.note and math.isfinite(one.median)
            rows.append(
                {
                    "elements": elements,
                    "group": group,
                    "name": one.name,
                    "µs": one.median * 1e6 if known else None,
                    "GB/s": one.rate / 1e9 if known else None,
                    "of copy": one.share_of_copy if known else None,
                    "note": one.note,
                }
            )
    return rows


def linear(bench: Bench) -> list[Row]:
    """Packing, and one row through the packed layer beside the bfloat16 product."""
    from cuda_kernels import MXInt8Linear, quantize

    rows = []
    for size in (1024, 4096, 8192) if bench.on_gpu else (256,):
        plain = nn.Linear(size, size, bias=False, device=bench.device, dtype=torch.bfloat16)
        packed = MXInt8Linear.from_linear(plain)
        row = torch.randn(1, size, device=bench.device, dtype=torch.bfloat16)
        with torch.inference_mode():
            times = _times(
                bench,
                {
                    "pack": lambda plain=plain: quantize(plain.weight.detach()),
                    "bf16 mm": lambda plain=plain, row=row: functional.linear(row, plain.weight),
                    "packed": lambda packed=packed, row=row: packed(row),
                },
            )
        rows.append({"size": size, **_microseconds(times), "packed / bf16": times["packed"] / times["bf16 mm"]})
    return rows


def fake_quantisation(bench: Bench) -> list[Row]:
    """Rounding of a float32 tensor in each format beside a copy, forward, and forward with backward."""
    from engine.formats import parse
    from engine.formats.registry import FAMILIES

    shape = (8192, 4096) if bench.on_gpu else (256, 256)
    x = torch.randn(shape, device=bench.device) * 0.05
    leaf, gradient = x.clone().requires_grad_(), torch.randn_like(x)
    rows = []
    for spec in (kind.example for kind in FAMILIES.values() if kind.name != "fp32"):
        number_format = parse(spec).fit(x.cpu()) if parse(spec).open else parse(spec)

        def step(number_format: Any = number_format) -> None:
            leaf.grad = None
            number_format.fake_quantize(leaf).backward(gradient)

        times = _times(
            bench,
            {"copy": x.clone, "forward": lambda number_format=number_format: number_format.quantize(x), "both": step},
        )
        ratios = {name: times[name] / times["copy"] for name in ("forward", "both")}
        rows.append({"format": spec, "copy, µs": times["copy"] * 1e6, **ratios})
    return rows


def points_at_once(bench: Bench) -> list[Row]:
    """QAT of points that differ in their width, trained as one: points per second by how many."""
    from engine.compress import LayerFormats, quantize_model
    from engine.models.classifier import load_classifier
    from engine.models.labelled_sets import Draw
    from engine.models.tokens import load_tokens
    from engine.training.objective import Classes
    from engine.training.train import TrainSettings, train
    from engine.training.variants import Variants

    steps, size = (40, 32) if bench.on_gpu else (2, 8)
    classifier = load_classifier(bench.model)
    classifier.model.to(bench.device)
    draw = Draw(steps * size, 1, 1)
    tokens = load_tokens(bench.data, classifier.tokenizer, 128, 0, draw=draw).train.to(bench.device)
    calibration = [next(tokens.batches(size))]
    rows: list[Row] = []
    for count in (1, 2, 4, 8, 16, 32) if bench.on_gpu else (1, 2):
        formats = [f"fixed({2 + number % 15})" for number in range(count)]
        models = [
            quantize_model(classifier.model, LayerFormats(one, one, one, include=("Linear",)), calibration)
            for one in formats
        ]
        together = Variants(models) if count > 1 else models[0]
        settings = TrainSettings(steps=steps, batch_size=size)
        began = time.perf_counter()
        train(together, tokens, Classes(), settings, device=bench.device)
        _finish(bench)
        seconds = time.perf_counter() - began
        rows.append({"points": count, "seconds": seconds, "points per second": count / seconds})
    return rows


def real_run(bench: Bench) -> list[Row]:
    """A small sweep by driver, host and children on the device, killed with -9 on its way and resumed."""
    from engine.experiments.launch import configure, launch
    from engine.experiments.seating import point_memory
    from engine.runtime import control
    from engine.runtime.attempts import attempt_files, read_events
    from engine.runtime.lock import lock_held, read_info
    from engine.runtime.processes import Identity, kill_group
    from engine.runtime.runs import read_run

    settings = {
        "model": bench.model,
        "data": bench.data,
        "widths": "3,4,6,8",
        "modes": "ptq,qat",
        "qat_steps": 40 if bench.on_gpu else 4,
        "eval_samples": 500 if bench.on_gpu else 50,
        "max_length": 64,
        "batch_size": 16,
        "device": "cuda" if bench.on_gpu else "cpu",
    }
    experiment, config = configure("quantize", settings)
    patience = 45 if bench.on_gpu else 140
    path = launch(experiment, config, start=False)
    try:
        control.start(path)
        _wait_for(lambda: len(read_run(path).finished) >= 1, patience)
        info = read_info(path)
        for pid, start in ((info.pid, info.start), *info.hosts):
            kill_group(Identity(pid, start, info.boot))
        _wait_for(lambda: not lock_held(path), patience)
        left = 8 - len(read_run(path).finished)
        control.resume(path)
        _wait_for(lambda: not lock_held(path), patience)
        run, logs = read_run(path), [event for file in attempt_files(path) for event in read_events(file.path)[0]]
    finally:
        if lock_held(path):
            control.cancel(path)
        control.remove(path)
    ends = sorted(event.point for event in logs if event.kind == "finished" and event.point is not None)
    if run.state != "finished" or ends != list(range(8)):
        raise AssertionError(f"the run is {run.state}, and points ended as {ends}: {[one.error for one in run.points]}")
    took = max(point.result["peak_memory"] for point in run.points if point.result)
    facts = {
        "where": run.where,
        "points left when killed": left,
        "attempts": sum(point.attempt for point in run.points),
        "peak memory, MB": took / 1e6,
        "estimate, MB": point_memory(config) / 1e6,
        "seconds": (run.ended or 0) - (run.started or 0),
    }
    return [{"what": name, "value": value} for name, value in facts.items()]


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "machine": machine,
    "model": model,
    "codes": every_code,
    "decoding": decoding,
    "linear": linear,
    "formats": fake_quantisation,
    "points": points_at_once,
    "run": real_run,
}


def _wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing for {seconds:.0f} s")
        time.sleep(0.02)


def _times(bench: Bench, calls: Mapping[str, Callable[[], object]], repeats: int = 15) -> dict[str, float]:
    """Median seconds of each, in turns, after two that are not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 2):
        for name, seconds in _timed(bench, calls):
            if turn >= 2:
                taken[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _timed(bench: Bench, calls: Mapping[str, Callable[[], object]]) -> Iterator[tuple[str, float]]:
    for name, call in calls.items():
        _finish(bench)
        began = time.perf_counter()
        call()
        _finish(bench)
        yield name, time.perf_counter() - began


def _finish(bench: Bench) -> None:
    if bench.on_gpu:
        torch.cuda.synchronize()


def _microseconds(times: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}, µs": seconds * 1e6 for name, seconds in times.items()}
