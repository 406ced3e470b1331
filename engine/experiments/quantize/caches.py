"""The formats of keys and values in a sweep: how they are written, put into a model, and counted."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from engine.experiments.shared.charts import baseline_level, score_series
from engine.experiments.shared.settings import Words
from engine.figures.figure import Figure
from engine.formats.registry import is_open, parse_spec
from engine.runtime.records import Params, RunRecord
from engine.tasks.metric import Metric

if TYPE_CHECKING:
    from torch import nn

    from engine.experiments.shared.workbench import Workbench

NONE = "none"
PARAM = "kv"
UNROUNDED = 16
"""Bits of a key's or value's element where it has no format: what models are served with."""
CacheAxis = Literal["token", "channel"]


def _read(words: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for word in words:
        spec = None if word == NONE else parse_spec(word)
        if spec is not None and is_open(spec):
            raise ValueError(
                f"{spec} is fitted to data, and a cache meets each token as it comes: give int(8) or fixed(8,4)"
            )
        found.append(NONE if spec is None else str(spec))
    return tuple(found)


CacheFormats = Annotated[Words, AfterValidator(_read)]


def named(params: Params) -> str:
    """` kv int(4)` of a point whose cache has a format, to follow the rest of its name."""
    found = params.get(PARAM, NONE)
    return "" if found == NONE else f" kv {found}"


def put(model: "nn.Module", params: Params, axis: CacheAxis) -> None:
    """Rounds the keys and values of a point's model."""
    from engine.compress.key_values import CacheFormat, quantize_cache

    if params.get(PARAM, NONE) != NONE:
        quantize_cache(model, CacheFormat(params[PARAM], axis))


def counted(bench: "Workbench", params: Params, axis: CacheAxis, tokens: int) -> dict[str, Any]:
    """Bytes of the cache of so many tokens; nothing where the run asks for none."""
    from engine.compress.key_values import CacheFormat, cache_shapes

    if PARAM not in params:
        return {}

    def seen() -> dict[str, Any]:
        first = bench.splits.test.select([0]).to(bench.context.device)
        (batch,) = first.batches(1)
        return {"shapes": cache_shapes(bench.subject.model, batch.inputs)}

    shapes = [(int(heads), int(features)) for heads, features in bench.context.once("cache", seen)["shapes"]]
    plain = sum(heads * features for heads, features in shapes) * tokens * UNROUNDED // 8
    spec = params[PARAM]
    return {
        "cache_bytes": plain if spec == NONE else CacheFormat(spec, axis).bytes(shapes, tokens),
        "cache_context": tokens,
    }


def figure(run: RunRecord, metric: Metric) -> list[Figure]:
    """The score against the bytes of the cache, a curve for each format of the weights; none where none are counted."""
    curves: dict[str, list[Any]] = {}
    for point in run.finished:
        if "cache_bytes" in (point.result or {}):
            curves.setdefault(f"{point.params['format']} {point.params['mode'].upper()}", []).append(point)
    series, sizes = [], []
    for slot, (name, points) in enumerate(curves.items()):
        ordered = sorted(points, key=lambda point: point.result["cache_bytes"])
        x = [float(point.result["cache_bytes"]) for point in ordered]
        series.append(score_series(name, slot, ordered, x, metric))
        sizes += x
    if not series:
        return []
    context = (run.finished[0].result or {})["cache_context"]
    return [
        Figure(
            key="cache",
            title=f"Test {metric.name} against the cache",
            x_label=f"Bytes of the cache of {context:,} tokens",
            y_label=f"Test {metric.name}",
            series=(*series, *baseline_level(run, sizes, metric)),
            x_unit="bytes",
            y_unit=metric.unit,
            caption="Keys and values of one sequence; without a format they are counted with two bytes an element. "
            "Intervals are 95 %.",
        )
    ]
