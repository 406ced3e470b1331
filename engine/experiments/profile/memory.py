"""Where a model's bytes are before and after packing: points, how one runs, and what a run says."""

from collections.abc import Sequence
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.profile.config import ProfileConfig, short
from engine.experiments.profile.text import Values, bars, by_point, named, share
from engine.figures.figure import Figure
from engine.figures.units import in_bytes
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

PACKED = "packed weights"
_NAMED = 3  # holdings that a sentence names
COLUMNS = (
    Column("point", "Point"),
    Column("layer", "Layer"),
    Column("kind", "Kind"),
    Column("held", "Held"),
    Column("float_bytes", "Before", "bytes"),
    Column("bytes", "After", "bytes"),
    Column("saving", "Saved", "percent"),
    Column("of_all", "Of all", "percent"),
)


def points(config: ProfileConfig) -> Sequence[Params]:
    """Each subject with each group size."""
    return [
        {"what": f"{short(what)}, groups of {group}", "subject": what, "group": group}
        for what in config.subjects
        for group in config.groups
    ]


def check(config: ProfileConfig) -> None:
    """Raises InputError where a pattern fits no layer of the model."""
    from engine.models.layer_names import check_patterns

    if not config.blocks:
        check_patterns(config.model, (*config.layers, *config.skip))


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """Packs a copy and counts the bytes of both."""
    from cuda_kernels import account
    from engine.compress.packed import pack_model
    from engine.profiling.specimen import model_of

    params = point.params
    context.progress(point.index, 0, 2, "loading")
    model = model_of(params["subject"], config.hidden, lambda *step: context.progress(point.index, *step))
    context.progress(point.index, 1, 2, "packing")
    before, after = account(model), account(pack_model(model, params["group"], config.layers, config.skip))
    return {
        "against_bytes": before.bytes,
        "bytes": after.bytes,
        "saving": 1 - after.bytes / before.bytes,
        "ideal": after.ideal,
        "scratch": after.scratch_bytes,
        "holdings": [
            {
                "layer": held.name,
                "kind": held.kind,
                "packed": held.packed,
                "bytes": held.bytes,
                "float_bytes": held.float_bytes,
            }
            for held in after.holdings
        ],
    }


def parts(params: Params) -> tuple[str, ...]:
    """What tells a point from others."""
    return short(params["subject"]), f"groups of {params['group']}"


def _kinds(one: Values) -> dict[str, tuple[int, int]]:
    """Bytes before and after by kind of content, the largest first; packed weights apart from what stays."""
    sums: dict[str, tuple[int, int]] = {}
    for held in one["holdings"]:
        kind = PACKED if held["packed"] else held["kind"]
        before, after = sums.get(kind, (0, 0))
        sums[kind] = before + held["float_bytes"], after + held["bytes"]
    return dict(sorted(sums.items(), key=lambda item: -item[1][0]))


def figures(run: RunRecord) -> Sequence[Figure]:
    """Bytes by kind of content, before and after."""
    drawn = []
    for place, (name, _, one) in enumerate(named(run, parts)):
        kinds = _kinds(one)
        names = [*kinds, "scratch"]
        series: dict[str, list[float | None]] = {
            "float32": [*(float(before) for before, _ in kinds.values()), None],
            "packed": [*(float(after) for _, after in kinds.values()), float(one["scratch"])],
        }
        drawn.append(
            bars(
                f"bytes{place or ''}",
                f"Where the memory goes: {name}",
                names,
                series,
                y_label="Bytes",
                y_unit="bytes",
                caption="Scratch is room for the largest packed weight, decoded, while a batch runs.",
            )
        )
    return drawn


def listings(run: RunRecord) -> Sequence[Listing]:
    """By kind, then layer by layer."""
    kinds: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    for name, _, one in named(run, parts):
        total = sum(held["float_bytes"] for held in one["holdings"])
        for kind, (before, after) in _kinds(one).items():
            kinds.append(_row(name, total, before, after, kind=kind))
        kinds.append({"point": name, "kind": "scratch", "bytes": one["scratch"]})
        for held in one["holdings"]:
            word = "packed" if held["packed"] else "as it was"
            sizes = held["float_bytes"], held["bytes"]
            layers.append(_row(name, total, *sizes, layer=held["layer"], kind=held["kind"], held=word))
    if not layers:
        return ()
    by_kind = tuple(column for column in COLUMNS if column.key not in ("layer", "held"))
    return [
        Listing("kinds", "Memory by kind", by_kind, tuple(kinds), "Of all: share of the model's bytes before."),
        Listing("holdings", "Memory layer by layer", COLUMNS, tuple(layers), "Before: the same in float32."),
    ]


def _row(name: str, total: int, before: int, after: int, **words: str) -> dict[str, Any]:
    saved = 1 - after / before if before else 0.0
    of_all = before / total if total else 0.0
    return {
        "point": name,
        **words,
        "float_bytes": before,
        "bytes": after,
        "saving": saved,
        "of_all": of_all,
    }


def findings(run: RunRecord) -> list[str]:
    """What packing saves, why it is less than the format promises, and what the scratch takes back."""
    return by_point(run, parts, _say)


def _say(params: Params, one: Values) -> list[str]:
    before, after = one["against_bytes"], one["bytes"]
    packed = [held for held in one["holdings"] if held["packed"]]
    whole = sum(held["float_bytes"] for held in packed)
    scales = sum(held["bytes"] - held["float_bytes"] // 4 for held in packed)
    left = [(kind, size) for kind, (size, _) in _kinds(one).items() if kind != PACKED]
    sentences = [
        f"the model takes {in_bytes(after)} in place of {in_bytes(before)}: {share(one['saving'])} less, where the "
        f"format saves {share(one['ideal'])} of what it packs.",
        f"{share(whole / before)} of the bytes are packed, and {share(whole / before)} of {share(one['ideal'])} is "
        f"{share(one['saving'])}.",
    ]
    if left:
        named = ", ".join(f"{kind} {in_bytes(size)} ({share(size / before)})" for kind, size in left[:_NAMED])
        sentences.append(f"what stays as it was: {named}{', and less' if len(left) > _NAMED else ''}.")
    return [
        *sentences,
        f"{in_bytes(scales)} are scales, a byte for {params['group']} numbers; without them 75.0 % of what is packed "
        "would be saved.",
        f"while a batch of several rows runs, the largest packed weight is decoded into {in_bytes(one['scratch'])} of "
        f"scratch: counting it, {share(1 - (after + one['scratch']) / before)} are saved. A single row needs none.",
    ]
