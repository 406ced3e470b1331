"""The table of formats, each with the bits and the range of an example."""

from dataclasses import dataclass

import torch

from engine.formats import parse
from engine.formats.base import Format
from engine.formats.registry import FAMILIES


@dataclass(frozen=True, slots=True)
class Entry:
    """One format. `bits` per element, `smallest` and `largest` magnitudes but zero are the example's.

    Both are None where values are scaled to the data, by tensor, row or block.
    """

    name: str
    signature: str
    summary: str
    example: str
    bits: float
    smallest: float | None
    largest: float | None


def catalogue() -> list[Entry]:
    """Every format that a spec string can name, in the order of their definitions."""
    entries = []
    for family in FAMILIES.values():
        example = parse(family.example)
        bits = example.bits_per_element
        entries.append(Entry(family.name, family.signature, family.summary, family.example, bits, *magnitudes(example)))
    return entries


def magnitudes(number_format: Format) -> tuple[float | None, float | None]:
    """The smallest and the largest magnitude but zero that the format has; None twice where data scales it.

    Found by asking it: a value that changes beside a larger one is scaled to data; else each power of two is rounded.
    """
    powers = torch.ldexp(torch.ones(277, 1), torch.arange(-149, 128).view(-1, 1))
    alone = number_format.quantize(powers).abs()
    accompanied = number_format.quantize(torch.cat([powers, powers[-1:].expand_as(powers)], dim=1)).abs()
    if number_format.open or not torch.equal(accompanied[:, :1], alone):
        return None, None
    largest = number_format.quantize(torch.full((1,), torch.finfo(torch.float32).max)).abs()
    return float(alone[alone > 0].min()), float(largest)
