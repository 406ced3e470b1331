"""Figures and tables about captured graphs: of a run, from its artifacts, and of graphs at hand. No torch."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.experiments.api import Column, Listing
from engine.experiments.graph.measures import GraphParams, GraphPoint, GraphResult, Passed
from engine.experiments.recorded import typed_points
from engine.figures.figure import Figure, Series
from engine.graph.analyses import ANALYSES, Analysis
from engine.graph.diff import Diff, compare
from engine.graph.draw import write
from engine.graph.record import Graph, from_dict
from engine.runtime.records import RunRecord
from engine.tasks.metric import ACCURACY

BARS = 10  # operators in the figure
CAPTURED, AFTER = "graph.json", "after.json"
DIFFERENCE = (
    Column("between", "Between"),
    Column("module", "Module"),
    Column("change", "Change"),
    Column("operator", "Operator"),
    Column("left", "Left"),
    Column("right", "Right"),
    Column("what", "What"),
)


@dataclass(frozen=True, slots=True)
class Captured:
    """A finished point: its graph as captured and, where passes were applied, as they left it."""

    index: int
    graph: Graph
    after: Graph | None


def captures(run: RunRecord, points: Sequence[GraphPoint]) -> list[Captured]:
    """The graphs of a run's finished points; a point whose artifacts are gone is left out."""
    found = []
    for point in points:
        if point.result is None or point.result.graph is None:
            continue
        with suppress(OSError, KeyError, ValueError, TypeError):
            after = _read(run.path / point.result.after) if point.result.after else None
            found.append(Captured(point.index, _read(run.path / point.result.graph), after))
    return found


def _read(path: Path) -> Graph:
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(32)
def _parsed(path: Path, changed: int) -> Graph:
    return from_dict(json.loads(path.read_text(encoding="utf-8")))


def listings(run: RunRecord, points: Sequence[GraphPoint]) -> list[Listing]:
    """What differs, the passes, then every analysis that has something to show."""
    found = captures(run, points)
    tables = []
    rows = [row for diff in differences(found) for row in difference_rows(diff)]
    if rows:
        caption = "Nodes that are in one graph alone, or that take or give something else."
        tables.append(Listing("diff", "What differs", DIFFERENCE, tuple(rows), caption))
    passed = tuple(
        {"inputs": point.params.inputs, **one.to_record()}
        for point in points
        if point.result
        for one in point.result.passes
    )
    if passed:
        columns = (GraphParams.columns()["inputs"], *Passed.columns().values())
        tables.append(Listing("passes", "Passes", columns, passed, "Largest difference on random inputs, eval mode."))
    graphs = [one.graph for one in found]
    return tables + [listing for one in ANALYSES.values() if (listing := analysis_listing(one, graphs)) is not None]


def analysis_listing(analysis: Analysis, graphs: Sequence[Graph]) -> Listing | None:
    """An analysis as a table; graphs for which it says the same as for one before are left out."""
    said: list[tuple[Graph, list[dict[str, Any]]]] = []
    for graph in graphs:
        rows = analysis.rows(graph)
        if rows and all(rows != other for _, other in said):
            said.append((graph, rows))
    if not said:
        return None
    columns = tuple(Column(key, label, unit) for key, label, unit in analysis.columns)
    if len(said) > 1:
        columns = (Column("capture", "Capture"), *columns)
    titles = {graph.title for graph, _ in said}
    together = tuple(
        {"capture": graph.heading if len(titles) > 1 else ",".join(graph.inputs), **row}
        for graph, rows in said
        for row in rows
    )
    return Listing(analysis.key, analysis.title, columns, together, analysis.caption)


def difference_rows(diff: Diff) -> list[Mapping[str, Any]]:
    """The rows of a diff, each with what it lies between."""
    between = _between(diff.left, diff.right)
    return [{"between": between, **row} for row in diff.rows()]


def _between(left: Graph, right: Graph) -> str:
    """What tells two graphs apart, as short as it can be said: `without labels`, `remove_dropout`, `eval`."""
    if left.title != right.title:
        return f"{left.title} → {right.title}"
    said = [f"without {name}" for name in left.inputs if name not in right.inputs]
    said += [f"with {name}" for name in right.inputs if name not in left.inputs]
    changes = ((left.mode, right.mode), (left.attention, right.attention))
    said += [after for before, after in changes if before != after]
    said += [name for name in right.passes if name not in left.passes]
    return ", ".join(said) or f"{left.heading} → {right.heading}"


def figures(run: RunRecord, points: Sequence[GraphPoint]) -> list[Figure]:
    """How often the most frequent operators occur, a bar for each capture."""
    graphs = [one.graph for one in captures(run, points) if one.graph.operators]
    counts = [{row["operator"]: row["count"] for row in ANALYSES["operators"].rows(graph)} for graph in graphs]
    names = sorted(
        {name for each in counts for name in each}, key=lambda name: -max(one.get(name, 0) for one in counts)
    )
    shown = tuple(names[:BARS])
    if not shown:
        return []
    places = tuple(float(place) for place in range(len(shown)))
    series = tuple(
        Series(_between(graphs[0], graph) if slot else graph.heading, places, _bars(each, shown), kind="bar", slot=slot)
        for slot, (graph, each) in enumerate(zip(graphs, counts, strict=True))
    )
    title = f"The {len(shown)} most frequent operators"
    return [Figure("operators", title, "operator", "count", series, categories=shown)]


def _bars(counts: Mapping[str, int], names: Sequence[str]) -> tuple[float, ...]:
    return tuple(float(counts.get(name, 0)) for name in names)


def differences(found: Sequence[Captured]) -> list[Diff]:
    """Neighbouring captures, then before and after the passes of the first."""
    graphs = [one.graph for one in found if not one.graph.problem]
    pairs = list(pairwise(graphs))
    pairs += [(one.graph, one.after) for one in found[:1] if one.after is not None]
    return [compare(left, right) for left, right in pairs]


def export_graph(
    run: RunRecord, path: Path, *, point: int | None = None, module: str = "", after: bool = False
) -> None:
    """Writes the graph of a point (the first finished one where not told), whole or below a module.

    Raises:
        InputError: a run of something else, no such point or module, or a file that cannot be written.
    """
    points = typed_points(run.points if run.experiment == "graph" else (), GraphParams, GraphResult, ACCURACY)
    found = [one for one in captures(run, points) if point is None or one.index == point]
    if not found:
        which = "no point" if point is None else f"no finished point {point}"
        raise InputError(f"{run.id} has {which} with a graph; labtui run graph makes one.")
    if after and found[0].after is None:
        raise InputError(f"no passes were applied in point {found[0].index} of {run.id}; leave --after out.")
    write(found[0].after if after and found[0].after else found[0].graph, path, module)
