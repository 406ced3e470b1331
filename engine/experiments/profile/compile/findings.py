"""What compiled against eager finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.profile.bodies import BodyParams
from engine.experiments.profile.compile.measures import CompileResult
from engine.experiments.profile.study import Named
from engine.experiments.shared.finding import Finding

SEEN = 1e-3
"""Of the largest output: a larger difference is worth a word."""


def findings(done: Sequence[Named[BodyParams, CompileResult]]) -> list[Finding]:
    """Of each point whether it pays; `start_up`: the longest; `whole`: that no forward breaks."""
    found = [finding for one in done for finding in _of(one.of, one.result)]
    if done:
        found.append(Finding("start_up", value=max(one.result.start_up for one in done)))
    if done and not any(one.result.breaks for one in done):
        found.append(Finding("whole"))
    return found


def _of(name: str, one: CompileResult) -> Iterator[Finding]:
    """`pays`: a compiled call, beside an eager one, what compiling costs and the calls after which that has paid.

    `loses`: the same where it never pays. `breaks`: why it falls into so many graphs. `differs`: by how much outputs do
    at most, and the largest. `disturbed`.
    """
    if one.pays_after is None:
        yield Finding("loses", name, value=one.time, beside=one.against, values=(one.cost,))
    else:
        counts = (one.pays_after,)
        yield Finding("pays", name, value=one.time, beside=one.against, values=(one.cost,), counts=counts)
    if one.breaks:
        yield Finding("breaks", name, names=one.breaks, counts=(one.graphs,))
    if one.largest and one.difference > SEEN * one.largest:
        yield Finding("differs", name, value=one.difference, values=(one.largest,))
    if one.disturbed:
        yield Finding("disturbed", name)
