"""What captures find, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.graph.measures import GraphPoint
from engine.experiments.graph.report import Captured, captures, differences
from engine.experiments.shared.finding import Finding
from engine.graph.analyses import dropped
from engine.graph.explain import explain
from engine.graph.reasons import Reason
from engine.runtime.records import RunRecord


def findings(run: RunRecord, points: Sequence[GraphPoint]) -> list[Finding | Reason]:
    """Problems and notes, dropout, passes, and why each capture differs from the one before."""
    found = captures(run, points)
    return [
        *(finding for one in found for finding in _said(one)),
        *(dropped(one.graph) for one in found[:1] if not one.graph.problem),
        *(finding for point in points for finding in _passes(point)),
        *(reason for diff in differences(found) for reason in explain(diff)),
    ]


def _said(one: Captured) -> Iterator[Finding]:
    """`problem`: why there is no graph; `note`: what the capture says of itself."""
    if one.graph.problem:
        yield Finding("problem", one.graph.heading, names=(one.graph.problem,))
    for note in one.graph.notes:
        yield Finding("note", one.graph.heading, names=(note,))


def _passes(point: GraphPoint) -> Iterator[Finding]:
    """`pass`: the largest difference after it, and what was found."""
    for one in point.result.passes if point.result else ():
        yield Finding("pass", point.params.inputs, one.name, value=one.difference, names=(one.found,))
