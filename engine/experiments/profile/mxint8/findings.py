"""What the bench of the MXINT8 kernels finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.profile.mxint8.measures import COPY, OURS, MXInt8Result
from engine.experiments.profile.mxint8.report import Done
from engine.experiments.shared.finding import Finding


def findings(done: Sequence[Done]) -> list[Finding]:
    """How near to the copy ours is, how far ahead of the others, what could not be measured."""
    return [finding for one in done for finding in _of(one.of, one.result)]


def _of(name: str, one: MXInt8Result) -> Iterator[Finding]:
    """`decoded`: our time, beside the copy's, with the rate in GB/s and the share of the copy's.

    `compared`: our time, beside another kernel's. `note`: what a kernel says.
    """
    ours, copy = one.kernel(OURS), one.kernel(COPY)
    if ours and copy and ours.time:
        values = (ours.rate or 0.0, ours.share or 0.0)
        yield Finding("decoded", name, against=COPY, value=ours.time, beside=copy.time, values=values)
        for other, time in one.others:
            yield Finding("compared", name, against=other.name, value=ours.time, beside=time)
    for kernel in one.kernels:
        if kernel.note:
            yield Finding("note", name, kernel.name, names=(kernel.note,))
