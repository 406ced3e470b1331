"""Figures and tables of a model's memory, from the records alone."""

from collections.abc import Sequence
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.profile.charts import bars
from engine.experiments.profile.memory.measures import Holding, MemoryParams, MemoryResult
from engine.experiments.profile.study import Named
from engine.figures.figure import Figure

Done = Named[MemoryParams, MemoryResult]
SCRATCH = "scratch"


def figures(done: Sequence[Done]) -> Sequence[Figure]:
    """Bytes by kind of content, before and after."""
    return [_by_kind(place, one) for place, one in enumerate(done)]


def _by_kind(place: int, one: Done) -> Figure:
    kinds = one.result.kinds
    series: dict[str, list[float | None]] = {
        "float32": [*(float(before) for before, _ in kinds.values()), None],
        "packed": [*(float(after) for _, after in kinds.values()), float(one.result.scratch)],
    }
    return bars(
        f"bytes{place or ''}",
        f"Where the memory goes: {one.name}",
        [*kinds, SCRATCH],
        series,
        y_label="Bytes",
        y_unit="bytes",
        caption="Scratch is room for the largest packed weight, decoded, while a batch runs.",
    )


def listings(done: Sequence[Done]) -> Sequence[Listing]:
    """By kind, then layer by layer."""
    kinds: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    for one in done:
        total = sum(held.float_bytes for held in one.result.holdings)
        for kind, sizes in one.result.kinds.items():
            kinds.append({"point": one.name, "kind": kind, **_sizes(total, *sizes)})
        kinds.append({"point": one.name, "kind": SCRATCH, "bytes": one.result.scratch})
        for held in one.result.holdings:
            words = {"layer": held.layer, "kind": held.kind, "held": "packed" if held.packed else "as it was"}
            layers.append({"point": one.name, **words, **_sizes(total, held.float_bytes, held.bytes)})
    if not layers:
        return ()
    known, point, saving = Holding.columns(), Column("point", "Point"), MemoryResult.columns()["saving"]
    bytes_ = (known["float_bytes"], known["bytes"], saving, Column("of_all", "Of all", "percent"))
    by_layer = (point, known["layer"], known["kind"], Column("held", "Held"), *bytes_)
    by_kind = (point, known["kind"], *bytes_)
    return [
        Listing("kinds", "Memory by kind", by_kind, tuple(kinds), "Of all: share of the model's bytes before."),
        Listing("holdings", "Memory layer by layer", by_layer, tuple(layers), "Before: the same in float32."),
    ]


def _sizes(total: int, before: int, after: int) -> dict[str, Any]:
    return {
        "float_bytes": before,
        "bytes": after,
        "saving": 1 - after / before if before else 0.0,
        "of_all": before / total if total else 0.0,
    }
