"""How one point of `deploy` is computed."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from cuda_kernels.timing import take_turns
from engine.experiments.profile.deploy.measures import FIRST, MACHINE, DeployParams, DeployResult
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.measured import Tested
from engine.experiments.shared.scored import tested_of
from engine.experiments.shared.workbench import Report, Workbench
from engine.exports.plain import plain_model
from engine.profiling.energy import counter
from engine.profiling.engines import ENGINES, Eager
from engine.profiling.machine import machine, operations, share_of_linear
from engine.profiling.specimen import specimen, synchronize
from engine.runtime.context import Context
from engine.tasks.metric import Bounded
from engine.training.peak_memory import peak_memory

if TYPE_CHECKING:
    from engine.profiling.engines import Built

T = TypeVar("T")


def measure(
    data: TaskConfig, point: int, params: DeployParams, context: Context, *, repeats: int, score: bool
) -> DeployResult:
    """Builds the engine, times it beside eager torch, and scores it where that is asked for."""
    device = context.device

    def report(done: float, total: float, text: str) -> None:
        context.progress(point, done, total, text)

    report(0, 5, "loading")
    bench = Workbench(data, context, report)
    subject = replace(bench.subject, model=plain_model(bench.subject.model, lambda _: None))
    one = specimen(
        params.subject,
        subject.model,
        dtype=torch.float32,
        device=device,
        batch=params.batch,
        sequence=params.sequence,
        seed=data.seed,
    )
    inputs = dict(one.inputs)
    one.checked()
    with TemporaryDirectory(dir=context.directory) as scratch, torch.inference_mode():
        eager = Eager().build(subject, inputs, Path(scratch))
        context.once(MACHINE, lambda: asdict(machine(device)))
        report(1, 5, f"building {params.engine}")
        built, building = timed(lambda: ENGINES[params.engine]().build(subject, inputs, Path(scratch)), device)
        report(2, 5, "first call")
        result, first_call = timed(lambda: built.program(inputs), device)
        report(3, 5, "timing")
        calls = {FIRST: lambda: eager.program(inputs), "engine": lambda: built.program(inputs)}
        took = take_turns(device, calls, repeats)
        synchronize(device)
        expected = eager.program(inputs)
        with counter(device) as counting:
            joules = counting.of_call(calls["engine"], device)
        own, first = took["engine"], took[FIRST]
        found = DeployResult(
            tokens=one.tokens,
            load=building,
            first_call=first_call,
            time=Bounded(own.median, own.low, own.high),
            against=Bounded(first.median, first.low, first.high),
            speedup=first.median / own.median,
            disturbed=first.disturbed or own.disturbed,
            samples_per_second=params.batch / own.median,
            bytes=built.bytes,
            float_bytes=eager.bytes,
            difference=float((result.cpu() - expected.cpu()).abs().max()),
            operations=operations(eager.program, inputs),
            linear=share_of_linear(subject.model, eager.program, inputs, device),
            peak_memory=peak_memory(device),
            energy=None if joules is None else joules / params.batch,
            energy_why=counting.why,
        )
    return replace(found, tested=_score(bench, built, report), task=data.task) if score else found


def timed(call: Callable[[], T], device: str) -> tuple[T, float]:
    """What a call gives, and the seconds until the device is done."""
    began = time.perf_counter()
    result = call()
    synchronize(device)
    return result, time.perf_counter() - began


def _score(bench: Workbench, built: "Built", report: Report) -> Tested:
    """The engine's score on test data, and its difference from the model's own on the same samples."""
    scored = bench.score(_module(built), bench.splits.test, lambda done, total, _: report(done, total, "scoring"))
    return replace(tested_of(scored), delta=bench.difference(scored.outcomes))


def _module(built: "Built") -> nn.Module:
    """An engine's program as a module, so that it is evaluated as every model is."""

    class Program(nn.Module):
        def forward(self, **inputs: Tensor) -> Tensor:
            return built.program(inputs)

    return Program()
