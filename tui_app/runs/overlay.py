"""Curves of several runs in one figure: each run keeps its hue and glyph for as long as it is marked.

Imports pydantic with the experiments: for threads, after first paint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.experiments import results
from engine.figures.figure import Figure
from engine.runtime.records import RunRecord


def overlaid(records: Sequence[RunRecord], marks: Mapping[str, int]) -> tuple[list[Figure], dict[str, int]]:
    """The runs' figures laid over each other, and each run's first slot in the palette.

    A marked run gets as many slots as the run with the most curves in the first figure needs, beginning at its mark's
    number times that, so that marking another run changes nothing for those before. Experiments that cannot be loaded
    give no figure.
    """
    try:
        figures = results.compared(records)
        curves = [_curves(record) for record in records]
    except Exception:  # whatever an experiment of another version makes of these runs
        return [], {}
    if not figures or (len(records) == 1 and records[0].id not in marks):
        return figures, {}
    each = max(1, *(counts.get(figures[0].key, 1) for counts in curves))
    slots = {record.id: marks.get(record.id, place) * each for place, record in enumerate(records)}
    coloured = []
    for figure in figures:
        order = [
            slots[record.id] + n
            for record, counts in zip(records, curves, strict=True)
            for n in range(counts.get(figure.key, 0))
        ]
        fresh = iter(order)
        series = tuple(replace(one, slot=next(fresh, one.slot)) if one.slot >= 0 else one for one in figure.series)
        coloured.append(replace(figure, series=series))
    return coloured, slots


def _curves(record: RunRecord) -> dict[str, int]:
    return {figure.key: sum(one.slot >= 0 for one in figure.series) for figure in results.figures(record)}
