"""What a sensitivity run says: figures and tables from its records alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.experiments.api import Column, Listing
from engine.experiments.sensitivity.table import COLLAPSED_DB, NOISE, SECOND_ORDER, Row, by_format, layers_of, rows
from engine.figures.figure import Figure, Kind, Series
from engine.runtime.records import RunRecord
from engine.tasks.metric import Metric


def figures(run: RunRecord, metric: Metric) -> list[Figure]:
    """Loss along the layers, SQNR along the layers, and the loss against what is known before; those that exist."""
    table = rows(run, metric)
    drawn = [_damage(run, table, metric), _noise(run, table), *_against(table, metric)]
    return [figure for figure in drawn if figure.series]


def each_of(run: RunRecord) -> str:
    """What a point rounds: a layer or a block."""
    return str(run.config.get("each", "layer"))


def _range(run: RunRecord) -> tuple[float, float] | None:
    count = len(layers_of(run))
    return (1.0, float(count)) if count > 1 else None


def _lost(row: Row) -> float | None:
    return None if row.delta is None else row.delta.value


def _signal(row: Row) -> float | None:
    return row.sqnr_weight_db


def _cost(row: Row) -> float | None:
    return row.second_order


def _number(row: Row) -> float:
    return float(row.number)


def _losses(table: Sequence[Row], x: Callable[[Row], float | None], kind: Kind = "line") -> list[Series]:
    """What rows lose, with intervals, a series for each format."""
    drawn = []
    for slot, (name, members) in enumerate(by_format(table, x, _lost).items()):
        if there := [(place, *row.delta) for row in members if row.delta and (place := x(row)) is not None]:
            places, y, low, high = zip(*there, strict=True)
            drawn.append(Series(name, places, y, low, high, kind, slot))
    return drawn


def _damage(run: RunRecord, table: Sequence[Row], metric: Metric) -> Figure:
    series = _losses(table, _number)
    if series and (ends := _range(run)):
        series.append(Series("baseline", ends, (0.0, 0.0), kind="level", slot=-1))
    return Figure(
        key="damage",
        title=f"Test {metric.name} when one {each_of(run)} alone is quantised",
        x_label=each_of(run).title(),
        y_label=f"{metric.title} against the baseline",
        series=tuple(series),
        y_unit=metric.unit,
        x_range=_range(run),
        caption=f"Paired with the baseline on the same {metric.samples}; intervals are 95 %. The table has their "
        "names.",
    )


def _noise(run: RunRecord, table: Sequence[Row]) -> Figure:
    series = []
    for slot, (name, members) in enumerate(by_format(table, _signal).items()):
        if there := [(_number(row), row.sqnr_weight_db) for row in members if row.sqnr_weight_db is not None]:
            places, ratios = zip(*there, strict=True)
            series.append(Series(name, places, ratios, slot=slot))
    return Figure(
        key="noise",
        title="Signal-to-noise ratio of each layer's weights",
        x_label=each_of(run).title(),
        y_label="SQNR of the weights (dB)",
        series=tuple(series),
        x_range=_range(run),
        caption=f"Known before any score is measured. Below {COLLAPSED_DB:g} dB little of a weight is left.",
    )


def _against(table: Sequence[Row], metric: Metric) -> list[Figure]:
    """What layers lose against the noise in their weights, and against what that does to their outputs."""
    noise = Figure(
        key="against",
        title=f"{metric.title} against noise in the weights",
        x_label="SQNR of the weights (dB)",
        y_label=f"{metric.title} against the baseline",
        series=tuple(_losses(table, _signal, "scatter")),
        y_unit=metric.unit,
        caption="One mark a layer. Layers at one SQNR do not lose the same: this is what the points measure.",
    )
    outputs = replace(
        noise,
        key="second_order",
        title=f"{metric.title} against the second-order score",
        x_label="tr((W−Q)H(W−Q)ᵀ)",
        x_scale="log",
        series=tuple(_losses(table, _cost, "scatter")),
        caption="One mark a layer. The score is twice the mean squared change of the layer's outputs.",
    )
    return [noise, outputs]


def listings(run: RunRecord, metric: Metric) -> list[Listing]:
    """The layers by damage, and by noise: the second is there before any score is measured."""
    table, each, known = rows(run, metric), each_of(run), Row.columns(metric)
    damaged = sorted(((-metric.lost(row.delta).value, row) for row in table if row.delta), key=_first)
    noisy = sorted(((row.sqnr_weight_db, row) for row in table if row.sqnr_weight_db is not None), key=_first)
    costly = sorted(((-row.second_order, row) for row in table if row.second_order is not None), key=_first)
    place = (known["number"], replace(known["layer"], label=each.title()), known["format"])
    noise, score = tuple(known[key] for key in NOISE), known[SECOND_ORDER]

    def listing(
        key: str, by: str, columns: tuple[Column, ...], ordered: Sequence[tuple[float, Row]], caption: str
    ) -> Listing:
        records = tuple(row.to_record(metric) for _, row in ordered)
        return Listing(key, f"{each.title()}s by {by}", (*place, *columns), records, caption)

    told = [
        listing(
            "damage",
            "damage",
            (known["delta"], *noise, score),
            damaged,
            f"Each {each} quantised alone, the worst first.",
        ),
        listing("noise", "noise", (*noise, score), noisy, "The noisiest weights first."),
        listing(
            SECOND_ORDER,
            "second-order score",
            (score, *noise),
            costly,
            "tr((W−Q)H(W−Q)ᵀ) on the calibration samples, no score measured; the largest first.",
        ),
    ]
    return [one for one in told if one.rows]


def _first(one: tuple[float, Row]) -> float:
    return one[0]
