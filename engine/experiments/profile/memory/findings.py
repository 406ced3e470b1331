"""What packing a model finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.profile.memory.measures import PACKED, MemoryResult
from engine.experiments.profile.memory.report import Done
from engine.experiments.shared.finding import Finding

NAMED = 3
"""Holdings that a sentence names."""


def findings(done: Sequence[Done]) -> list[Finding]:
    """What packing saves, why it is less than the format promises, and what the scratch takes back."""
    return [finding for one in done for finding in _of(one.of, one.result, one.params.group)]


def _of(name: str, one: MemoryResult, group: int) -> Iterator[Finding]:
    """`saved`: the share, what the format saves of what it packs, and the bytes after and before.

    `packed`: the share of the bytes that is packed, and the other two shares. `left`: the largest kinds that stay, with
    their shares and bytes, and last how many more there are. `scales`: their bytes, and the numbers that share one.
    `scratch`: its bytes, and what is saved when it counts.
    """
    before, after = one.against_bytes, one.bytes
    packed = [held for held in one.holdings if held.packed]
    whole = sum(held.float_bytes for held in packed)
    yield Finding("saved", name, value=one.saving, values=(one.ideal,), counts=(after, before))
    yield Finding("packed", name, value=whole / before, values=(one.ideal, one.saving))
    left = {kind: size for kind, (size, _) in one.kinds.items() if kind != PACKED}
    if left:
        first = dict(list(left.items())[:NAMED])
        shares = tuple(size / before for size in first.values())
        counts = (*first.values(), len(left) - len(first))
        yield Finding("left", name, names=tuple(first), values=shares, counts=counts)
    yield Finding("scales", name, counts=(sum(held.bytes - held.float_bytes // 4 for held in packed), group))
    yield Finding("scratch", name, value=1 - (after + one.scratch) / before, counts=(one.scratch,))
