"""A model on the engines that are installed: points, how one runs, and why one is not faster."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Column, Listing
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.text import Values, apart, bars, by_point, finished, named, share, times
from engine.experiments.shared.choosing import front_of
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.workbench import Workbench, tested_of
from engine.figures.figure import Figure, Series
from engine.figures.units import in_bytes, in_seconds
from engine.runtime import devices
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord
from engine.tasks.kinds import metric_of, task_of
from engine.tasks.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.profiling.engines import Built

MACHINE = "machine"
"""The run's note of what the machine reaches."""
FIRST = "eager"
IDLE = 4.0
"""A call that takes so many times what its reading and its arithmetic should is held up by something else."""


def points(config: ProfileConfig) -> Sequence[Params]:
    """Each engine at each batch size and length; without engines named, those that are installed."""
    from engine.profiling.engines import usable

    chosen = config.engines or usable(_device(config))
    return [
        {"what": name, "engine": name, "subject": config.model, "batch": batch, "sequence": length}
        for length in config.sequences or (None,)
        for batch in config.batch_sizes
        for name in chosen
    ]


def check(config: ProfileConfig) -> None:
    """Raises InputError where an engine is missing or the data do not fit the model."""
    from engine.experiments.profile.compile import check as check_compiler
    from engine.profiling.engines import ENGINES

    for name in config.engines:
        ENGINES[name].check(_device(config))
    if "compiled" in config.engines or not config.engines:
        check_compiler(config)
    if config.data:
        _scored(config, 1, None).check_sources()


def _device(config: ProfileConfig) -> str:
    return "cpu" if devices.CPU in devices.resolve(config.device) else "cuda"


def _scored(config: ProfileConfig, batch: int, sequence: int | None) -> TaskConfig:
    """Model and data as an experiment on scores takes them."""
    task = task_of(config.model)
    lengths = {} if sequence is None else {"window": sequence} if task == "causal-lm" else {"max_length": sequence}
    return TaskConfig(
        model=config.model,
        data=config.data or "builtin",
        task=task,
        seed=config.seed,
        device=config.device,
        batch_size=batch,
        eval_samples=config.eval_samples,
        **lengths,
    )


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """Builds the engine, times it beside eager torch, and scores it where there are data."""
    import torch

    from cuda_kernels.timing import take_turns
    from engine.exports.plain import plain_model
    from engine.profiling.energy import counter
    from engine.profiling.engines import ENGINES, Eager
    from engine.profiling.machine import machine, operations, share_of_linear
    from engine.profiling.specimen import specimen, synchronize
    from engine.training.peak_memory import peak_memory

    params, device = point.params, context.device

    def report(done: float, total: float, text: str) -> None:
        context.progress(point.index, done, total, text)

    report(0, 5, "loading")
    bench = Workbench(_scored(config, params["batch"], params["sequence"]), context, report)
    subject = replace(bench.subject, model=plain_model(bench.subject.model, lambda _: None))
    one = specimen(
        params["subject"],
        subject.model,
        dtype=torch.float32,
        device=device,
        batch=params["batch"],
        sequence=params["sequence"],
        seed=config.seed,
    )
    inputs = dict(one.inputs)
    one.checked()
    with TemporaryDirectory(dir=context.directory) as scratch, torch.inference_mode():
        eager = Eager().build(subject, inputs, Path(scratch))
        context.once(MACHINE, lambda: asdict(machine(device)))
        report(1, 5, f"building {params['engine']}")
        built, building = timed(lambda: ENGINES[params["engine"]]().build(subject, inputs, Path(scratch)), device)
        report(2, 5, "first call")
        result, first_call = timed(lambda: built.program(inputs), device)
        report(3, 5, "timing")
        calls = {FIRST: lambda: eager.program(inputs), "engine": lambda: built.program(inputs)}
        took = take_turns(device, calls, config.repeats)
        synchronize(device)
        expected = eager.program(inputs)
        with counter(device) as counting:
            joules = counting.of_call(calls["engine"], device)
        found = {
            "tokens": one.tokens,
            "load": building,
            "first_call": first_call,
            "time": took["engine"].median,
            "time_low": took["engine"].low,
            "time_high": took["engine"].high,
            "against": took[FIRST].median,
            "against_low": took[FIRST].low,
            "against_high": took[FIRST].high,
            "speedup": took[FIRST].median / took["engine"].median,
            "disturbed": took[FIRST].disturbed or took["engine"].disturbed,
            "samples_per_second": params["batch"] / took["engine"].median,
            "bytes": built.bytes,
            "float_bytes": eager.bytes,
            "difference": float((result.cpu() - expected.cpu()).abs().max()),
            "operations": operations(eager.program, inputs),
            "linear": share_of_linear(subject.model, eager.program, inputs, device),
            "peak_memory": peak_memory(device),
            "energy": None if joules is None else joules / params["batch"],
            "energy_why": counting.why,
        }
    return found | (_score(bench, built, report) if config.data else {})


def timed(call: Any, device: str) -> tuple[Any, float]:
    """What a call gives, and the seconds until the device is done."""
    import time

    from engine.profiling.specimen import synchronize

    began = time.perf_counter()
    result = call()
    synchronize(device)
    return result, time.perf_counter() - began


def _score(bench: Workbench, built: "Built", report: Any) -> dict[str, Any]:
    """The engine's score on test data, and its difference from the model's own on the same samples."""
    scored = bench.score(_module(built), bench.splits.test, lambda done, total, _: report(done, total, "scoring"))
    tested = replace(tested_of(scored), delta=bench.difference(scored.outcomes))
    return {**tested.to_record(bench.metric), "task": bench.config.task}


def _module(built: "Built") -> "nn.Module":
    """An engine's program as a module, so that it is evaluated as every model is."""
    from torch import nn

    class Program(nn.Module):
        def forward(self, **inputs: "Tensor") -> "Tensor":
            return built.program(inputs)

    return Program()


def parts(params: Params) -> tuple[str, ...]:
    """What tells a point from others."""
    length = "" if params["sequence"] is None else f"{params['sequence']:,} tokens"
    return params["what"], f"batch {params['batch']}", length


def figures(run: RunRecord) -> Sequence[Figure]:
    """The score against the latency, then the time of a call on each engine."""
    done = named(run, parts)
    if not done:
        return ()
    caption = "Medians after warm-up, each in turns with eager torch; the whiskers are quartiles."
    names = [name for name, _, _ in done]
    heights = [(one["time"], one["time_low"], one["time_high"]) for _, _, one in done]
    drawn = [
        bars("calls", "A call on each engine", names, {"call": heights}, y_label="Time of a call", caption=caption)
    ]
    scored = [(params, one) for _, params, one in done if "task" in one]
    return [_against_latency(scored, metric_of(scored[0][1])), *drawn] if scored else drawn


def _against_latency(scored: Sequence[tuple[Params, Values]], metric: Metric) -> Figure:
    value, low, high = metric.bounded()
    engines = list(dict.fromkeys(params["engine"] for params, _ in scored))
    series = []
    for slot, engine in enumerate(engines):
        mine = [(params, one) for params, one in scored if params["engine"] == engine]
        x = tuple(one["time"] / params["batch"] for params, one in mine)
        y, below, above = (tuple(one[key] for _, one in mine) for key in (value, low, high))
        series.append(Series(engine, x, y, below, above, "scatter", slot))
    front = front_of(((x, y) for one in series for x, y in zip(one.x, one.y, strict=True)), metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    return Figure(
        key="deploy",
        title=f"Test {metric.name} against latency",
        x_label="Time a sample",
        y_label=f"Test {metric.name}",
        series=tuple(series),
        x_unit="seconds",
        y_unit=metric.unit,
        x_scale="log",
        caption=f"One mark for each batch and length. A point {'below' if metric.better == 'higher' else 'above'} and "
        "right of the front is beaten.",
    )


def listings(run: RunRecord) -> Sequence[Listing]:
    """Every number of every engine."""
    done = named(run, parts)
    if not done:
        return ()
    metric = metric_of(next((one for _, _, one in done if "task" in one), {}))
    counted = any(one.get("energy") is not None for _, _, one in done)
    columns = (
        Column("name", "Point"),
        Column("load", "Build", "seconds"),
        Column("first_call", "First call", "seconds"),
        Column("time", "Call", "seconds"),
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        Column("samples_per_second", "Samples/s", "number"),
        Column("speedup", "Speedup", "number"),
        *([Column("energy", "J/sample", "number")] if counted else ()),
        Column("bytes", "Loaded", "bytes"),
        Column("peak_memory", "Memory", "bytes"),
        Column("difference", "Max diff.", "number"),
        Column(metric.name, metric.title, metric.unit, *metric.bounded()[1:]),
        Column("delta", "Δ model", metric.unit, "delta_low", "delta_high", signed=True),
    )
    rows = tuple({**one, "name": name} for name, _, one in done)
    told = "Build: from the model in memory to a loaded engine. Memory: of the process, building included."
    if why := done[-1][2].get("energy_why"):
        told += f" Energy: {why}."
    return [Listing("engines", "Engines", columns, rows, told)]


def findings(run: RunRecord) -> list[str]:
    """How fast each engine is, and of each that is not faster why not."""
    machine = run.notes.get(MACHINE)
    if not machine:
        return []
    sentences = by_point(run, parts, lambda params, one: _say(params, one, machine))
    disturbed = sum(one["disturbed"] for _, one in finished(run))
    if disturbed:
        what = f"{disturbed:,} point{'s' * (disturbed > 1)}"
        sentences.append(f"Other processes took part in the times of {what}; run it again when it is quiet.")
    return sentences


def _say(params: Params, one: Values, machine: Values) -> list[str]:
    from engine.profiling.engines import ENGINES

    engine = ENGINES[params["engine"]]
    sentences = [_bound(one, machine)] if engine.name == FIRST else [_verdict(one)]
    if engine.name != FIRST and not (one["speedup"] > 1 and apart(one, one, "time", "against")):
        sentences += _reasons(engine.changes, engine.arithmetic, params, one, machine)
    return sentences


def _verdict(one: Values) -> str:
    loads, before = in_bytes(one["bytes"]), in_bytes(one["float_bytes"])
    smaller = "" if loads == before else f"; it loads {loads} in place of {before}"
    text = f"{times(one['speedup'])} as eager torch, {in_seconds(one['time'])} a call against "
    text += f"{in_seconds(one['against'])}{smaller}."
    if not apart(one, one, "time", "against"):
        text += " The quartiles overlap, so the difference is uncertain."
    return text


def _should(one: Values, machine: Values) -> tuple[float, float]:
    """Seconds that reading the weights once and the arithmetic take at the rates of this machine."""
    return one["float_bytes"] / machine["copy"], one["operations"] / machine["float32"]


def _bound(one: Values, machine: Values) -> str:
    reading, computing = _should(one, machine)
    told = (
        f"reading its {in_bytes(one['float_bytes'])} of weights takes {in_seconds(reading)} on this machine, its "
        f"{one['operations'] / 1e9:.3g} billion operations {in_seconds(computing)}, a call "
        f"{in_seconds(one['against'])}: "
    )
    if one["against"] > IDLE * max(reading, computing):
        return told + "most of it goes to small operators, launched one by one."
    bound = "memory" if reading > computing else "arithmetic"
    return told + f"it is bound by {bound}."


def _reasons(changes: str, arithmetic: str, params: Params, one: Values, machine: Values) -> list[str]:
    """Why an engine is not faster, as far as what was measured tells."""
    reading, computing = _should(one, machine)
    reasons = []
    if changes == "linear":
        best = 1 / max(1 - one["linear"], 1e-9)
        reasons.append(
            f"linear layers, all that it computes otherwise, take {share(one['linear'])} of the eager time: it can be "
            f"{best:.1f} times as fast at most."
        )
    if arithmetic == "decoded" and reading < computing:
        reasons.append(
            f"weights become floats in front of each product; that saves reading them, and at batch {params['batch']} "
            f"reading is {share(reading / (reading + computing))} of what has to be done."
        )
    if arithmetic == "int8" and not machine["integers"]:
        reasons.append("this processor has no products of 8-bit integers (VNNI, AMX): they are no faster than floats.")
    if arithmetic == "bfloat16" and (not machine["halves"] or machine["bfloat16"] <= machine["float32"]):
        rates = f"{machine['bfloat16'] / 1e9:.3g} against {machine['float32'] / 1e9:.3g} billion operations a second"
        reasons.append(f"bfloat16 products are no faster than float32 on this machine: {rates}.")
    if one["against"] > IDLE * max(reading, computing):
        reasons.append(
            "the batch is so small that the time goes to launching operators, not to what they compute: a larger batch "
            "or a compiled graph spreads it."
        )
    return reasons
