"""How long a capture takes, and the cursor in a large graph: `python -m benchmarks.graph`.

Captures are of BERT models in folders that hold a config alone, in a process of their own each: the first export of a
process, as a command meets it, then one in a process that has exported before, as the app's warm worker has. The
cursor is driven through the real page on a graph of at least 5,000 nodes, all of them unfolded. Beside the time on the
clock stands that of the processor, which is what a machine without other work would show.
"""

import asyncio
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from transformers import BertConfig

from engine.graph.record import Graph

SIZES = {
    "BERT-tiny": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512},
    "BERT-base": {},
    "24 layers": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
NODES = 5000
KEYS = 200
Times = tuple[float, float]
"""Seconds on the clock and of the processor."""


@dataclass(frozen=True)
class Captured:
    """The first export of a process, those after it, and what they gave."""

    first: Times
    again: list[Times]
    graph: Graph


def main() -> None:
    for name, sizes in SIZES.items():
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as folder:
            BertConfig(**sizes, architectures=["BertForSequenceClassification"]).save_pretrained(folder)
            found = captured(folder, repeats=3 if name == "BERT-tiny" else 1)
        best = min(found.again, key=lambda times: times[1])
        print(f"capture of {name} ({len(found.graph.nodes)} nodes): first {shown(found.first)}, again {shown(best)}")
    print(f"cursor, {NODES:,} nodes or more, all unfolded: " + asyncio.run(cursor(enlarged(found.graph))))


def shown(times: Times) -> str:
    """Clock and processor."""
    return f"{times[0]:.2f} s (processor {times[1]:.2f} s)"


def captured(folder: str, repeats: int) -> Captured:
    """Captures of the model whose config lies in `folder`, by a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_captured, folder, repeats).result()


def _captured(folder: str, repeats: int) -> Captured:
    from engine.graph.capture import capture
    from engine.graph.subjects import subject

    def once() -> tuple[Times, Graph]:
        began = time.perf_counter(), time.process_time()
        graph = capture(subject(folder), ("input_ids", "attention_mask", "labels")).graph
        return (time.perf_counter() - began[0], time.process_time() - began[1]), graph

    first, graph = once()
    return Captured(first, [once()[0] for _ in range(repeats)], graph)


def enlarged(graph: Graph) -> Graph:
    """The same graph side by side with itself until it has enough nodes; each copy below a module of its own."""
    copies = -(-NODES // len(graph.nodes))
    nodes, modules = [], {"": graph.model}
    for number in range(copies):
        place = f"copy{number}"

        def named(name: str, place: str = place) -> str:
            return f"{name}_{place}"

        modules |= {f"{place}.{path}".removesuffix("."): kind for path, kind in graph.modules.items()}
        nodes += [
            replace(
                node,
                name=named(node.name),
                module=f"{place}.{node.module}".removesuffix("."),
                inputs=tuple(map(named, node.inputs)),
                users=tuple(map(named, node.users)),
            )
            for node in graph.nodes
        ]
    return replace(graph, nodes=tuple(nodes), modules=modules)


async def cursor(graph: Graph) -> str:
    """The cursor of the tree, and for a ratio that of Home's table of 40 runs."""
    from tests.tui.driving import until
    from tests.tui.pages import Scripted, app_with
    from tests.tui.recorded import run_record

    answer = {"program": 1, "graph": graph.as_dict()}
    worker = Scripted(graph_capture=answer, graph_weigh=answer)
    runs = [run_record(f"q-{number:04d}") for number in range(40)]
    async with app_with(*runs, size=(140, 40), worker=worker) as (app, pilot):
        home = await timed(pilot, ("j", "j", "j", "k"), KEYS // 4)
        await app.switch_mode("graph")
        page: Any = app.screen
        await pilot.press("ctrl+r")
        await until(pilot, lambda: page.steps and not page.asking.doing)
        began = time.perf_counter()
        await pilot.press("+")
        await pilot.pause()
        unfolded = time.perf_counter() - began
        moves = await timed(pilot, ("j", "j", "j", "k"), KEYS)
        pages = await timed(pilot, ("ctrl+d",), KEYS // 4)
        lines = len(page.outline.rows)
    tree = f"{told(moves)}; a page on {told(pages)}; {lines:,} lines, unfolded in {unfolded:.2f} s"
    return f"{tree}; Home's table {told(home)}"


async def timed(pilot: Any, keys: tuple[str, ...], count: int) -> list[tuple[float, float]]:
    """Milliseconds on the clock and of the processor from a key to the painted screen."""
    taken = []
    for number in range(count):
        before = time.perf_counter(), time.process_time()
        await pilot.press(keys[number % len(keys)])
        await pilot.pause()
        taken.append((1000 * (time.perf_counter() - before[0]), 1000 * (time.process_time() - before[1])))
    return taken


def told(taken: list[tuple[float, float]]) -> str:
    """Median and 95th percentile, clock and processor."""
    clock, processor = ([times[place] for times in taken] for place in (0, 1))
    middle = f"median {statistics.median(clock):.1f} ms (processor {statistics.median(processor):.1f})"
    return f"{middle}, p95 {p95(clock):.1f} ms (processor {p95(processor):.1f})"


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
