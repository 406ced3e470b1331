"""The formats of keys and values in a sweep: how they are written, put into a model, and counted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from engine.experiments.quantize.measures import NO_FORMAT, QuantizeParams, QuantizePoint
from engine.experiments.shared.charts import baseline_level, score_series
from engine.experiments.shared.settings import Words
from engine.figures.figure import Figure
from engine.formats.registry import is_open, parse_spec
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from torch import nn

    from engine.experiments.shared.workbench import Workbench

UNROUNDED = 16
"""Bits of a key's or value's element where it has no format: what models are served with."""
CacheAxis = Literal["token", "channel"]


def _read(words: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for word in words:
        spec = None if word == NO_FORMAT else parse_spec(word)
        if spec is not None and is_open(spec):
            raise ValueError(
                f"{spec} is fitted to data, and a cache meets each token as it comes: give int(8) or fixed(8,4)"
            )
        found.append(NO_FORMAT if spec is None else str(spec))
    return tuple(found)


CacheFormats = Annotated[Words, AfterValidator(_read)]


def put(model: "nn.Module", params: QuantizeParams, axis: CacheAxis) -> None:
    """Rounds the keys and values of a point's model."""
    from engine.compress.key_values import CacheFormat, quantize_cache

    if params.cache is not None:
        quantize_cache(model, CacheFormat(params.cache, axis))


def counted(bench: "Workbench", params: QuantizeParams, axis: CacheAxis, tokens: int) -> int | None:
    """Bytes of the cache of so many tokens; None where the run asks for none."""
    from engine.compress.key_values import CacheFormat, cache_shapes

    if params.kv is None:
        return None

    def seen() -> dict[str, Any]:
        first = bench.splits.test.select([0]).to(bench.context.device)
        (batch,) = first.batches(1)
        return {"shapes": cache_shapes(bench.subject.model, batch.inputs)}

    shapes = [(int(heads), int(features)) for heads, features in bench.context.once("cache", seen)["shapes"]]
    plain = sum(heads * features for heads, features in shapes) * tokens * UNROUNDED // 8
    return plain if params.cache is None else CacheFormat(params.cache, axis).bytes(shapes, tokens)


def figure(run: RunRecord, points: Sequence[QuantizePoint], metric: Metric) -> list[Figure]:
    """The score against the bytes of the cache, a curve for each format of the weights; none where none are counted."""
    curves: dict[str, list[tuple[float, Bounded]]] = {}
    contexts: list[int] = []
    for point in points:
        if point.result is not None and point.result.cache_bytes is not None:
            place = float(point.result.cache_bytes), point.result.measured.score
            curves.setdefault(f"{point.params.format} {point.params.mode.upper()}", []).append(place)
            contexts.append(point.result.cache_context or 0)
    series, sizes = [], []
    for slot, (name, places) in enumerate(curves.items()):
        ordered = sorted(places, key=lambda place: place[0])
        x = [size for size, _ in ordered]
        series.append(score_series(name, slot, [score for _, score in ordered], x))
        sizes += x
    if not series:
        return []
    return [
        Figure(
            key="cache",
            title=f"Test {metric.name} against the cache",
            x_label=f"Bytes of the cache of {contexts[0]:,} tokens",
            y_label=f"Test {metric.name}",
            series=(*series, *baseline_level(run, sizes, metric)),
            x_unit="bytes",
            y_unit=metric.unit,
            caption="Keys and values of one sequence; without a format they are counted with two bytes an element. "
            "Intervals are 95 %.",
        )
    ]
