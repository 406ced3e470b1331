"""What can be read off a graph: functions from a graph to rows. A new one is a function and a line in ANALYSES."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.graph.reasons import Dropouts
from engine.graph.record import Graph, Node, lineage

Rows = list[dict[str, Any]]
Unit = Literal["text", "number", "percent", "bytes"]
ATTENTION = "scaled_dot_product_attention"
LARGEST = 20


def operators(graph: Graph) -> Rows:
    """How often each operator occurs and what it costs; the most frequent first."""
    groups: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.operators:
        groups[node.operator].append(node)
    total = sum(node.flops for node in graph.operators)
    rows = [
        {
            "operator": name,
            "count": len(nodes),
            "flops": (flops := sum(node.flops for node in nodes)),
            "share": flops / total if total else 0.0,
            "output_bytes": sum(node.output_bytes for node in nodes),
        }
        for name, nodes in groups.items()
    ]
    return sorted(rows, key=lambda row: (-len(groups[str(row["operator"])]), str(row["operator"])))


def modules(graph: Graph) -> Rows:
    """The modules that hold weights themselves, the largest first."""
    held: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        held[node.module].append(node)
    total = sum(node.parameters for node in graph.nodes)
    rows: Rows = [
        {
            "module": path,
            "type": graph.modules.get(path, ""),
            "parameters": (parameters := sum(node.parameters for node in nodes)),
            "share": parameters / total,
            "weight_bytes": sum(node.weight_bytes for node in nodes),
            "flops": sum(node.flops for node in nodes),
        }
        for path, nodes in held.items()
        if any(node.parameters for node in nodes)
    ]
    rows.sort(key=lambda row: row["parameters"], reverse=True)
    return rows[:LARGEST]


def activations(graph: Graph) -> Rows:
    """The largest outputs of operators; views of memory that is there already do not count."""
    largest = sorted((node for node in graph.operators if node.output_bytes), key=lambda node: -node.output_bytes)
    return [
        {
            "node": node.name,
            "operator": node.operator,
            "module": node.module,
            "shape": node.shape_text,
            "dtype": node.dtype,
            "output_bytes": node.output_bytes,
        }
        for node in largest[:LARGEST]
    ]


def dropouts(graph: Graph) -> Rows:
    """Every place where values are dropped, and every dropout module that never runs.

    `kind` is "module" for an nn.Dropout, "function" for one that a module calls itself, "attention" for the one inside
    fused attention, "never runs" for a module of which at most the probability is used.
    """
    rows = []
    for node in graph.operators:
        settings = dict(node.settings)
        if node.operator == "dropout":
            kind = "module" if graph.modules.get(node.module, "").startswith("Dropout") else "function"
            active = settings.get("train", "True") == "True"
            rows.append(_dropout(node.module, kind, float(settings.get("p", "nan")), active, node.name))
        elif node.operator == ATTENTION:
            p = float(settings.get("dropout_p", "0.0"))
            if p > 0:
                rows.append(_dropout(node.module, "attention", p, True, node.name))
    ran = {above for module in {node.module for node in graph.operators} for above in lineage(module)}
    for path, kind in graph.modules.items():
        if kind.startswith("Dropout") and path not in ran:
            rows.append(_dropout(path, "never runs", None, False, ""))
    return rows


def _dropout(module: str, kind: str, p: float | None, active: bool, node: str) -> dict[str, Any]:
    return {"kind": kind, "p": p, "module": module, "active": active, "node": node}


def ranges(graph: Graph) -> Rows:
    """The smallest and largest value of each weight and the integer bits that hold them; empty before they are read."""
    return [
        {
            "weight": node.name if not node.target else node.target,
            "integer_bits": integer_bits(node.low, node.high),
            "low": node.low,
            "high": node.high,
            "shape": node.shape_text,
        }
        for node in graph.nodes
        if node.low is not None and node.high is not None
    ]


def integer_bits(low: float, high: float) -> int | None:
    """The smallest i with −2^i ≤ low and high < 2^i: what two's complement needs beside the sign; None where all is 0.

    A negative i says that as many of the highest fraction bits are never used either.
    """
    needed = []
    if high > 0:
        needed.append(math.frexp(high)[1])
    if low < 0:
        mantissa, exponent = math.frexp(-low)
        needed.append(exponent - (mantissa == 0.5))  # −2^i itself can be written
    return max(needed, default=None)


def dropped(graph: Graph) -> Dropouts:
    """How often values are dropped and where, kept apart from what only looks like it."""
    rows = dropouts(graph)
    kinds = Counter(row["kind"] for row in rows)
    return Dropouts(
        graph.heading,
        kinds["module"],
        kinds["function"],
        kinds["attention"],
        sum(row["kind"] in ("module", "function") and not row["active"] for row in rows),
        tuple(row["module"] for row in rows if row["kind"] == "never runs"),
    )


def summary(graph: Graph) -> dict[str, Any]:
    """The graph in a line of numbers; `flops` and `output_bytes` hold for the graph's sizes."""
    dropped = dropouts(graph)

    def count(*kinds: str) -> int:
        return sum(row["kind"] in kinds for row in dropped)

    return {
        "nodes": len(graph.nodes),
        "operators": len(graph.operators),
        "modules": len(graph.modules),
        "parameters": sum(node.parameters for node in graph.nodes),
        "weight_bytes": sum(node.weight_bytes for node in graph.nodes),
        "output_bytes": sum(node.output_bytes for node in graph.nodes),
        "flops": sum(node.flops for node in graph.nodes),
        "attention_flops": sum(node.flops for node in graph.operators if node.operator == ATTENTION),
        "dropouts": count("module", "function"),
        "attention_dropouts": count("attention"),
    }


@dataclass(frozen=True, slots=True)
class Analysis:
    """A table about a graph. `columns` are (key, label, unit) and name what is in the rows, in order."""

    key: str
    title: str
    rows: Callable[[Graph], Rows]
    columns: Sequence[tuple[str, str, Unit]]
    caption: str = ""


ANALYSES: Mapping[str, Analysis] = {
    one.key: one
    for one in (
        Analysis(
            "operators",
            "Operators",
            operators,
            (
                ("operator", "Operator", "text"),
                ("count", "Count", "number"),
                ("flops", "FLOPs", "number"),
                ("share", "of FLOPs", "percent"),
                ("output_bytes", "Outputs", "bytes"),
            ),
            "A multiply-add is two FLOPs; products of matrices, convolutions and attention count, as in torch.",
        ),
        Analysis(
            "dropout",
            "Dropout",
            dropouts,
            (
                ("kind", "Kind", "text"),
                ("p", "p", "number"),
                ("module", "Module", "text"),
                ("active", "Active", "text"),
                ("node", "Node", "text"),
            ),
            "attention is the dropout inside fused attention; never runs is a module whose call is not in the graph.",
        ),
        Analysis(
            "layers",
            "Largest layers",
            modules,
            (
                ("module", "Layer", "text"),
                ("type", "Type", "text"),
                ("parameters", "Params", "number"),
                ("share", "of all", "percent"),
                ("weight_bytes", "Weights", "bytes"),
                ("flops", "FLOPs", "number"),
            ),
        ),
        Analysis(
            "activations",
            "Largest activations",
            activations,
            (
                ("node", "Node", "text"),
                ("operator", "Operator", "text"),
                ("module", "Module", "text"),
                ("shape", "Shape", "text"),
                ("dtype", "Type", "text"),
                ("output_bytes", "Size", "bytes"),
            ),
        ),
        Analysis(
            "ranges",
            "Weights' ranges",
            ranges,
            (
                ("weight", "Weight", "text"),
                ("integer_bits", "Int. bits", "number"),
                ("low", "Low", "number"),
                ("high", "High", "number"),
                ("shape", "Shape", "text"),
            ),
            "Integer bits of two's complement beside the sign; negative: the highest fraction bits are free too.",
        ),
    )
}
