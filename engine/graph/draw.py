"""A graph, whole or below one module, as DOT, SVG, PNG, Markdown and JSON. SVG and PNG need graphviz's `dot`."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from engine.errors import InputError
from engine.figures import escape
from engine.figures.files import to_json, whole, write_text
from engine.figures.table import Table
from engine.figures.units import in_bytes
from engine.graph.analyses import ANALYSES, summary
from engine.graph.record import Graph, Node
from engine.graph.tree import Branch, grow
from engine.text import clean

ENDINGS = (".dot", ".svg", ".png", ".md", ".json")
DRAWN = frozenset({"input", "operator", "output"})
SECONDS = 120
NO_GRAPHVIZ = (
    "graphviz is not on this machine (there is no program dot): write a .dot, .md or .json file, or install graphviz."
)


def check_path(path: Path) -> None:
    """Raises InputError where a graph cannot be written to a file of this name."""
    if path.suffix not in ENDINGS:
        raise InputError(f"{path} does not say what to write: a graph's file ends in {', '.join(ENDINGS)}.")
    if path.suffix in (".svg", ".png") and shutil.which("dot") is None:
        raise InputError(NO_GRAPHVIZ)


def write(graph: Graph, path: Path, module: str = "") -> None:
    """Writes a graph, or the part below a module, as what the path's ending says.

    Raises:
        InputError: an unknown ending, no such module, no graphviz, or a place that cannot be written.
    """
    check_path(path)
    if module not in graph.modules:
        raise InputError(
            f"{graph.title} has no module {module}; modules are {', '.join(list(graph.modules)[1:4])} and so on."
        )
    if path.suffix in (".svg", ".png"):
        with whole(path) as partial:
            _draw(dot(graph, module), path.suffix[1:], partial)
    else:
        writers: Mapping[str, Callable[[Graph, str], str]] = {".dot": dot, ".md": markdown, ".json": document}
        write_text(path, writers[path.suffix](graph, module))


def _draw(text: str, kind: str, path: Path) -> None:
    try:
        done = subprocess.run(
            ["dot", f"-T{kind}", "-o", str(path)], input=text, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"graphviz took more than {SECONDS} s; draw one module of the graph instead.") from None
    if done.returncode:
        raise InputError(
            f"graphviz could not draw this: {(done.stderr.strip().splitlines() or ['no reason given'])[0]}."
        )


def dot(graph: Graph, module: str = "") -> str:
    """Modules as nested boxes, what computes as nodes; weights are left out. What lies outside a module is dashed."""
    inside = {node.name: node for node in graph.inside(module) if node.kind in DRAWN}
    root = _branch(grow(graph, keep=lambda node: node.name in inside or not graph.operators), module)
    lines = ["digraph model {", '  node [shape=box, fontname="monospace", fontsize=10];', *_cluster(root, 1)]
    outside: dict[str, Node] = {}
    edges = []
    for node in inside.values():
        for other, edge in _edges(node):
            if other in inside and edge[1] != node.name:
                continue  # its other end says the same
            neighbour = graph.by_name[other]
            if neighbour.kind in DRAWN:
                edges.append(edge)
                if other not in inside:
                    outside[other] = neighbour
    lines += [f"  {_quoted(node.name)} [label={_label(node)}, style=dashed];" for node in outside.values()]
    lines += [f"  {_quoted(one)} -> {_quoted(other)};" for one, other in dict.fromkeys(edges)]
    return "\n".join((*lines, "}")) + "\n"


def _edges(node: Node) -> Iterator[tuple[str, tuple[str, str]]]:
    for one in node.inputs:
        yield one, (one, node.name)
    for user in node.users:
        yield user, (node.name, user)


def _cluster(branch: Branch, depth: int) -> Iterator[str]:
    pad = "  " * depth
    totals = branch.totals
    name = f"{branch.path or branch.kind} {branch.kind if branch.path else ''}".strip()
    yield f"{pad}subgraph {_quoted('cluster ' + branch.path)} {{"
    yield f"{pad}  label={_quoted(f'{name}, {totals.parameters:,} parameters' if totals.parameters else name)};"
    for entry in branch.entries:
        if isinstance(entry, Branch):
            yield from _cluster(entry, depth + 1)
        elif entry.kind in DRAWN:
            yield f"{pad}  {_quoted(entry.name)} [label={_label(entry)}];"
        elif not any(True for _ in branch.branches):  # a model without a graph: its layers stand for themselves
            yield f"{pad}  {_quoted(branch.path)} [label={_quoted(branch.kind)}];"
            break
    yield f"{pad}}}"


def _label(node: Node) -> str:
    return _quoted("\n".join(filter(None, (node.operator if node.kind == "operator" else node.name, node.shape_text))))


def _quoted(text: str) -> str:
    escaped = clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _branch(root: Branch, path: str) -> Branch:
    return next((branch for branch in root.walk() if branch.path == path), root)


def markdown(graph: Graph, module: str = "") -> str:
    """The numbers, the tree of modules and, for a whole graph, the analyses."""
    root = _branch(grow(graph), module)
    sizes = ", ".join(f"{name} {size}" for name, size in graph.sizes.items())
    parts = [f"# {escape.markdown(graph.heading + (': ' + module if module else ''))}\n"]
    parts += [f"{escape.markdown(sentence)}\n" for sentence in (graph.problem, *graph.notes) if sentence]
    parts.append(f"{escape.markdown(graph.model)}, captured in {graph.mode} mode. FLOPs and bytes for {sizes}.\n")
    rows = [
        (
            "· " * _depth(branch, root) + (branch.name or graph.model),
            branch.kind,
            branch.totals.operators,
            f"{branch.totals.parameters:,}",
            f"{branch.totals.flops:,}",
            in_bytes(branch.totals.weight_bytes),
            in_bytes(branch.totals.output_bytes),
        )
        for branch in root.walk()
    ]
    parts.append(
        Table(("module", "type", "operators", "parameters", "FLOPs", "weights", "outputs"), tuple(rows)).markdown()
    )
    if not module:
        parts += [text for one in ANALYSES.values() if (text := _section(one.title, one.rows(graph), one.columns))]
    return "\n".join(parts)


def _section(title: str, rows: Iterable[Mapping[str, object]], columns: Iterable[tuple[str, str, str]]) -> str:
    keys = [(key, label) for key, label, _ in columns]
    table = Table(tuple(label for _, label in keys), tuple(tuple(row[key] for key, _ in keys) for row in rows))
    return f"## {title}\n\n{table.markdown()}" if table.rows else ""


def _depth(branch: Branch, root: Branch) -> int:
    depth = 0
    while branch is not root and branch.parent is not None:
        branch, depth = branch.parent, depth + 1
    return depth


def document(graph: Graph, module: str = "") -> str:
    """Strict JSON: the description as `Graph.as_dict` gives it, its nodes those of the module, and the summary."""
    plain = graph.as_dict()
    names = {node.name for node in graph.inside(module)}
    nodes = [node for node in plain["nodes"] if node["name"] in names]
    return to_json({**plain, "module": module, "nodes": nodes, "summary": summary(graph)}) + "\n"
