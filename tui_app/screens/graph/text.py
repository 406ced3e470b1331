"""What the Graph page says in words: its line, the facts of a node or module, an erasure, histogram rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.content import Content

from engine.figures.units import in_bytes, in_count
from engine.graph.analyses import operators
from engine.graph.record import Graph, Node
from engine.graph.tree import OWN, Branch, Totals
from tui_app import glyphs
from tui_app.text import clean, count
from tui_app.widgets.table import Column, Row
from tui_app.widgets.units import show

LABEL = 9
ENDS = ("module", "source")  # facts whose end tells more than their beginning
WIDE = 120  # columns from which the line tells everything
EDGES = (
    Column("way", "", 1),
    Column("name", "Inputs and users", 14, flex=True),
    Column("operator", "Operator", 10, rank=2),
    Column("shape", "Shape", 14, flex=True, rank=3),
)
HISTOGRAM = (
    Column("operator", "Operator", 12, flex=True),
    Column("count", "Count", 5, right=True),
    Column("bar", "", 10, rank=2),
    Column("flops", "FLOPs", 6, right=True, rank=1),
    Column("outputs", "Outputs", 8, right=True, rank=3),
)
INTO, OUT = "<", ">"  # how keys of the table of edges begin


def graph_line(graph: Graph, totals: Totals, width: int) -> Content:
    """The graph in a line: what was captured and what it amounts to."""
    sizes = glyphs.sign("times").join(str(size) for size in graph.sizes.values())
    parts = [
        f"{len(graph.nodes):,} nodes",
        f"{in_count(totals.parameters)} params",
        f"{in_count(totals.flops)} FLOPs",
    ]
    if width >= WIDE:
        parts[-1] += f" at {sizes}"
        parts += [f"weights {in_bytes(totals.weight_bytes)}", f"outputs {in_bytes(totals.output_bytes)}"]
    if graph.problem:
        parts = [f"{in_count(totals.parameters)} params", "no graph"]
    dot = f" {glyphs.sign('dot')} "
    head = clean(graph.heading)
    rest = dot.join(parts)
    return Content.assemble((glyphs.clip(head, max(20, width - len(rest) - 4)), "bold"), ("  " + rest, "$muted"))


def node_facts(node: Node, width: int) -> Content:
    """A node: what it is, what it gives, what it costs, where it comes from."""
    facts = {
        "node": node.name,
        "operator": node.target if node.kind == "operator" else node.kind,
        "module": node.module or "the model itself",
        "output": " ".join(filter(None, (node.shape_text.replace("×", glyphs.sign("times")), node.dtype))),
        "settings": ", ".join(f"{name}={value}" for name, value in node.settings),
        "params": f"{node.parameters:,}, {in_bytes(node.weight_bytes)}" if node.parameters else "",
        "range": f"{node.low:.4g} to {node.high:.4g}" if node.low is not None and node.high is not None else "",
        "FLOPs": f"{node.flops:,}" if node.flops else "",
        "bytes": in_bytes(node.output_bytes) if node.output_bytes else "",
        "source": node.source,
        "": node.code,
    }
    return _facts(facts, width)


def branch_facts(branch: Branch, graph: Graph, width: int) -> Content:
    """A module: its class and what lies below it."""
    totals = branch.totals
    below = [entry for entry in branch.entries if isinstance(entry, Branch)]
    share = totals.flops / all_flops if (all_flops := sum(node.flops for node in graph.nodes)) else 0.0
    facts = {
        "module": branch.path.removesuffix(OWN) or graph.title,
        "type": branch.kind,
        "holds": ", ".join(
            filter(None, (count(len(below), "module") if below else "", count(totals.operators, "operator")))
        ),
        "params": f"{totals.parameters:,}, {in_bytes(totals.weight_bytes)}",
        "FLOPs": f"{totals.flops:,} ({show(share, 'percent')})",
        "outputs": in_bytes(totals.output_bytes),
        "note": "never runs in this graph" if graph.operators and not totals.operators else "",
    }
    return _facts(facts, width)


def _facts(facts: Mapping[str, str], width: int) -> Content:
    lines = []
    for name, text in facts.items():
        if text:
            room = max(8, width - LABEL - 1)
            short = _end(clean(text), room) if name in ENDS else glyphs.clip(clean(text), room)
            lines.append(Content.assemble((f"{name:<{LABEL}}", "$muted"), short))
    return Content("\n").join(lines)


def _end(text: str, width: int) -> str:
    """The end of a text that is too long, where its beginning says less."""
    return text if len(text) <= width else glyphs.sign("ellipsis") + text[len(text) - width + 1 :]


def edge_rows(node: Node, graph: Graph) -> list[Row]:
    """A node's inputs, then its users."""
    ways = [(INTO, "into", name) for name in node.inputs] + [(OUT, "out-of", name) for name in node.users]
    return [_edge(way, sign, graph.by_name[name]) for way, sign, name in ways]


def _edge(way: str, sign: str, other: Node) -> Row:
    shape = Content.styled(other.shape_text.replace("×", glyphs.sign("times")), "$muted")
    return Row(way + other.name, (glyphs.sign(sign), other.name, Content.styled(other.operator, "$muted"), shape))


def histogram_rows(graph: Graph) -> Iterator[Row]:
    """The operators, the most frequent first, with a bar for the count."""
    rows = operators(graph)
    most = max((row["count"] for row in rows), default=1)
    for row in rows:
        bar, _ = glyphs.bar(row["count"] / most, 10)
        flops = in_count(row["flops"]) if row["flops"] else ""
        size = in_bytes(row["output_bytes"]) if row["output_bytes"] else ""
        yield Row(row["operator"], (row["operator"], str(row["count"]), Content.styled(bar, "$primary"), flops, size))


def erased_text(report: Mapping[str, Any], found: str) -> Content:
    """What torch.fx said, and the edges before and after it was done right."""
    arrow = glyphs.sign("out-of")

    def edges(pairs: Sequence[Sequence[str]]) -> str:
        return "\n".join(f"  {one} {arrow} {other}" for one, other in pairs) or "  none"

    node = report["node"]
    said = report["error"] or f"Nobody used {node}: torch.fx let it go."
    parts: list[Content | tuple[str, str]] = [
        (f"graph.erase_node({node})\n", "bold"),
        (f"{'RuntimeError: ' if report['error'] else ''}{clean(said)}\n\n", "$error" if report["error"] else ""),
    ]
    if report["problem"]:
        parts.append((clean(report["problem"]), "$warning"))
        return Content.assemble(*parts)
    if report["replacement"]:
        parts += [
            ("Its users must be given something else first:\n\n", ""),
            (f"{node}.replace_all_uses_with({report['replacement']})\ngraph.erase_node({node})\n\n", "bold"),
            ("edges before\n", "$muted"),
            (f"{edges(report['before'])}\n", ""),
            ("edges after\n", "$muted"),
            (f"{edges(report['after'])}\n\n", ""),
        ]
    parts.append((clean(found), "$success"))
    return Content.assemble(*parts)
