"""What a sensitivity run finds, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.sensitivity.ranking import rank_correlation
from engine.experiments.sensitivity.table import Row, by_format
from engine.experiments.shared.finding import Finding
from engine.formats.mix import REST, write_mix
from engine.tasks.metric import Bounded, Metric

Lost = tuple[Row, Bounded]
"""A row with its difference from the baseline."""
NAMED = 3
"""Layers that are named one by one."""
RANKED = 4
"""Layers that an order can be spoken of."""


def findings(table: Sequence[Row], metric: Metric) -> list[Finding]:
    """Collapse that the weights show already, then for each format what its worst layers lose, orders, and mixes."""
    groups = by_format(table)
    hurt = {name: _hurt(members, metric) for name, members in groups.items()}
    found: list[Finding] = []
    for name, members in groups.items():
        found += _destroyed(name, members)
    for name, members in groups.items():
        found += _losses(name, members, hurt[name])
    for name, members in groups.items():
        found += _ranked(name, members, metric)
    for name, members in groups.items():
        found += _mix(name, members, hurt[name])
    return found


def _hurt(members: Sequence[Row], metric: Metric) -> list[Lost]:
    """The layers with a significant loss, the worst first."""
    measured = sorted(_measured(members), key=lambda one: -metric.lost(one[1]).value)
    return [one for one in measured if metric.lost(one[1]).low > 0]


def _measured(members: Sequence[Row]) -> list[Lost]:
    return [(row, row.delta) for row in members if row.delta is not None]


def _destroyed(name: str, members: Sequence[Row]) -> Iterator[Finding]:
    """`destroyed`: the worst layer by its weights, its share of zeros and, where known, its SQNR; how many more."""
    lost = [row for row in members if row.collapsed]
    if lost:
        worst = max(lost, key=lambda row: (row.zeros or 0.0, -(row.sqnr_weight_db or 0.0)))
        values = (worst.zeros or 0.0, *([] if worst.sqnr_weight_db is None else [worst.sqnr_weight_db]))
        yield Finding("destroyed", worst.layer, name, values=values, counts=(len(lost) - 1,))


def _losses(name: str, members: Sequence[Row], hurt: Sequence[Lost]) -> Iterator[Finding]:
    """`lost`: each of the worst layers; `more`: how many are not named; `unhurt`: how many lose nothing, of all."""
    for row, delta in hurt[:NAMED]:
        yield Finding("lost", row.layer, name, value=delta, samples=row.samples)
    if len(hurt) > NAMED:
        yield Finding("more", at=name, counts=(len(hurt) - NAMED,))
    measured = _measured(members)
    if len(hurt) < len(measured):
        counts = (len(measured) - len(hurt), len(measured))
        yield Finding("unhurt", at=name, samples=measured[0][0].samples, counts=counts)


def _ranked(name: str, members: Sequence[Row], metric: Metric) -> Iterator[Finding]:
    """`ranked`: of a format that is measured whole, how far the layers' order was known before (Spearman's ρ).

    By the second-order score, and by the SQNR of their weights; so many layers.
    """
    scored = [
        (row.second_order, -row.sqnr_weight_db, metric.lost(delta).value)
        for row, delta in _measured(members)
        if row.second_order is not None and row.sqnr_weight_db is not None
    ]
    if len(scored) < RANKED or len(_measured(members)) < len(members):
        return
    outputs, noise, lost = zip(*scored, strict=True)
    by_outputs, by_noise = rank_correlation(outputs, lost), rank_correlation(noise, lost)
    if by_outputs is not None and by_noise is not None:
        yield Finding("ranked", at=name, values=(by_outputs, by_noise), counts=(len(scored),))


def _mix(name: str, members: Sequence[Row], hurt: Sequence[Lost]) -> Iterator[Finding]:
    """`mix`: of a format that hurts a few of the layers, all measured, the mix that spares them."""
    if 0 < len(hurt) <= max(NAMED, len(members) // 4) and len(_measured(members)) == len(members):
        yield Finding("mix", at=write_mix({**{row.layer: "fp32" for row, _ in hurt}, REST: name}))
