"""What naive against fused attention finds, as data; `words.py` puts it into sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence

from engine.experiments.profile.attention.measures import NAIVE
from engine.experiments.profile.attention.report import Done, by_setting
from engine.experiments.shared.finding import Finding


def findings(done: Sequence[Done]) -> list[Finding]:
    """Of each setting which way is the fastest; `note`: what a way says, at how many of all shapes."""
    found = [finding for name, members in by_setting(done).items() for finding in _of(name, members)]
    notes = Counter((way.name, way.note) for one in done for way in one.result.ways if way.note)
    return found + [
        Finding("note", way, against=note, counts=(count, len(done))) for (way, note), count in notes.items()
    ]


def _of(name: str, members: Sequence[Done]) -> Iterator[Finding]:
    """`fastest`: the best way's time at the longest length, beside the naive one's, and the bytes of both.

    `slower`: the lengths at which naive wins. `precision`: how far each way is from float64.
    """
    longest = members[-1].params.length
    last = members[-1].result
    naive, best = last.way(NAIVE), last.way(last.best)
    if naive and naive.time and best:
        counts = (longest, best.bytes or 0, naive.bytes or 0)
        yield Finding("fastest", name, best.name, NAIVE, best.time, beside=naive.time, counts=counts)
    slower = [
        one.params.length
        for one in members
        if one.result.against and one.result.time and one.result.against < one.result.time
    ]
    if slower:
        yield Finding("slower", name, counts=tuple(slower))
    errors = {way.name: way.difference for way in last.ways if way.difference is not None}
    if errors:
        yield Finding("precision", name, names=tuple(errors), values=tuple(errors.values()), counts=(longest,))
    yield from _growth(name, members)


def _growth(name: str, members: Sequence[Done]) -> Iterator[Finding]:
    """`growth`: how many times the time the longest length takes of the shortest, for the naive way and the best."""
    first, last = members[0], members[-1]
    ratios: dict[str, float] = {}
    for way in (NAIVE, last.result.best):
        before, after = first.result.way(way), last.result.way(way)
        if way and before and after and before.time and after.time:
            ratios[way] = after.time.value / before.time.value
    if len(members) > 1 and ratios:
        counts = (first.params.length, last.params.length)
        yield Finding("growth", name, names=tuple(ratios), values=tuple(ratios.values()), counts=counts)
