"""What a sensitivity run says: figures, tables and sentences from its records alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Column, Listing
from engine.experiments.sensitivity.measures import SensitivityParams, SensitivityResult
from engine.experiments.shared.measured import LayerNoise
from engine.figures.figure import Figure, Series
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from engine.compress import LayerReport

NOTE = "layers"
NOISE = ("sqnr_weight_db", "sqnr_input_db", "zeros", "saturated")
"""What the note holds of each point, in this order; a row is None where the format leaves the layer as it is."""

SECOND_ORDER = "second_order"
"""The key of tr((W−Q)·H·(W−Q)ᵀ), in rows and as the note's list of it for each point."""

COLLAPSED_ZEROS, COLLAPSED_DB = 0.9, 3.0
"""A layer has collapsed where so many of its weights are zero, or where noise is half as strong as the weights."""


Row = Mapping[str, Any]


def noise_of(layers: "Sequence[LayerReport]") -> LayerNoise | None:
    """What a point records of the layers that it rounds: of several their median SQNR, and means over all weights."""
    if not layers:
        return None
    if len(layers) == 1:
        return LayerNoise.from_record(layers[0].as_dict())
    from engine.compress import summarize

    found = summarize(layers)
    inputs = [layer.sqnr_input_db for layer in layers if layer.sqnr_input_db is not None]
    return LayerNoise(
        spec=layers[0].spec if len({layer.spec for layer in layers}) == 1 else "",
        bits=found["bits"],
        sqnr_weight_db=found["sqnr_db"],
        sqnr_input_db=median(inputs) if inputs else None,
        zeros=found["zeros"] or 0.0,
        saturated=found["saturated"] or 0.0,
        elements=sum(layer.elements for layer in layers),
    )


def noise(layers: "Sequence[LayerReport]") -> list[Any] | None:
    """The same as the note holds it; None where the format leaves them as they are."""
    found = noise_of(layers)
    return [getattr(found, key) for key in NOISE] if found else None


def rows(run: RunRecord) -> list[Row]:
    """A row for each point, in their order: `number` and `layer`, `format`, and what is known by now."""
    layers = layers_of(run)
    note = run.notes.get(NOTE) or {}
    noise, scores = note.get("rows") or (), note.get(SECOND_ORDER) or ()
    told: list[Row] = []
    for point in run.points:
        row: dict[str, Any] = {"number": layers.index(point.params["layer"]) + 1, "state": point.state}
        if point.index < len(noise) and noise[point.index] is not None:
            row |= dict(zip(NOISE, noise[point.index], strict=False))
        if point.index < len(scores) and scores[point.index] is not None:
            row[SECOND_ORDER] = scores[point.index]
        told.append({**row, **(point.result or {}), **point.params})
    return told


def layers_of(run: RunRecord) -> list[str]:
    """The layers that are tried, in order."""
    return list(dict.fromkeys(point.params["layer"] for point in run.points))


def collapsed(row: Row) -> bool:
    """Whether the weights say already that nothing is left."""
    sqnr = row.get("sqnr_weight_db")
    return row.get("zeros", 0.0) >= COLLAPSED_ZEROS or (sqnr is not None and sqnr < COLLAPSED_DB)


def delta_of(row: Row) -> Bounded:
    """The difference from the baseline of a row that has been measured."""
    return Bounded(row["delta"], row["delta_low"], row["delta_high"])


def figures(run: RunRecord, metric: Metric) -> list[Figure]:
    """Loss along the layers, SQNR along the layers, and the loss against what is known before; those that exist."""
    table = rows(run)
    drawn = [_damage(run, table, metric), _noise(run, table), *_against(table, metric)]
    return [figure for figure in drawn if figure.series]


def by_format(table: Sequence[Row], *keys: str) -> dict[str, list[Row]]:
    """Rows by format where these values are known and finite; formats keep their place."""
    groups: dict[str, list[Row]] = {row["format"]: [] for row in table}
    for row in table:
        if all(isinstance(row.get(key), int | float) and math.isfinite(row[key]) for key in keys):
            groups[row["format"]].append(row)
    return groups


def each_of(run: RunRecord) -> str:
    """What a point rounds: a layer or a block."""
    return str(run.config.get("each", "layer"))


def _range(run: RunRecord) -> tuple[float, float] | None:
    count = len(layers_of(run))
    return (1.0, float(count)) if count > 1 else None


def _damage(run: RunRecord, table: Sequence[Row], metric: Metric) -> Figure:
    series = [
        Series(
            name,
            tuple(float(row["number"]) for row in members),
            tuple(row["delta"] for row in members),
            tuple(row["delta_low"] for row in members),
            tuple(row["delta_high"] for row in members),
            slot=slot,
        )
        for slot, (name, members) in enumerate(by_format(table, "delta").items())
        if members
    ]
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
    return Figure(
        key="noise",
        title="Signal-to-noise ratio of each layer's weights",
        x_label=each_of(run).title(),
        y_label="SQNR of the weights (dB)",
        series=tuple(
            Series(
                name,
                tuple(float(row["number"]) for row in members),
                tuple(row["sqnr_weight_db"] for row in members),
                slot=slot,
            )
            for slot, (name, members) in enumerate(by_format(table, "sqnr_weight_db").items())
            if members
        ),
        x_range=_range(run),
        caption=f"Known before any score is measured. Below {COLLAPSED_DB:g} dB little of a weight is left.",
    )


def _against(table: Sequence[Row], metric: Metric) -> list[Figure]:
    """What layers lose against the noise in their weights, and against what that does to their outputs."""

    def series(key: str) -> tuple[Series, ...]:
        return tuple(
            Series(
                name,
                tuple(row[key] for row in members),
                tuple(row["delta"] for row in members),
                tuple(row["delta_low"] for row in members),
                tuple(row["delta_high"] for row in members),
                "scatter",
                slot,
            )
            for slot, (name, members) in enumerate(by_format(table, "delta", key).items())
            if members
        )

    noise = Figure(
        key="against",
        title=f"{metric.title} against noise in the weights",
        x_label="SQNR of the weights (dB)",
        y_label=f"{metric.title} against the baseline",
        series=series("sqnr_weight_db"),
        y_unit=metric.unit,
        caption="One mark a layer. Layers at one SQNR do not lose the same: this is what the points measure.",
    )
    outputs = replace(
        noise,
        key="second_order",
        title=f"{metric.title} against the second-order score",
        x_label="tr((W−Q)H(W−Q)ᵀ)",
        x_scale="log",
        series=series(SECOND_ORDER),
        caption="One mark a layer. The score is twice the mean squared change of the layer's outputs.",
    )
    return [noise, outputs]


def listings(run: RunRecord, metric: Metric) -> list[Listing]:
    """The layers by damage, and by noise: the second is there before any score is measured."""
    table = rows(run)
    measured = sorted((row for row in table if "delta" in row), key=lambda row: -metric.lost(delta_of(row)).value)
    noisy = sorted(
        (row for row in table if row.get("sqnr_weight_db") is not None), key=lambda row: row["sqnr_weight_db"]
    )
    each = each_of(run)
    asked, found = SensitivityParams.columns(metric), SensitivityResult.columns(metric)
    place = (Column("number", "#", "number"), replace(asked["layer"], label=each.title()), asked["format"])
    damage, noise = found["delta"], tuple(found[key] for key in NOISE)
    costly = sorted((row for row in table if SECOND_ORDER in row), key=lambda row: -row[SECOND_ORDER])
    score = found[SECOND_ORDER]
    told = [
        Listing(
            "damage",
            f"{each.title()}s by damage",
            (*place, damage, *noise, score),
            tuple(measured),
            f"Each {each} quantised alone, the worst first.",
        ),
        Listing(
            "noise", f"{each.title()}s by noise", (*place, *noise, score), tuple(noisy), "The noisiest weights first."
        ),
        Listing(
            SECOND_ORDER,
            f"{each.title()}s by second-order score",
            (*place, score, *noise),
            tuple(costly),
            "tr((W−Q)H(W−Q)ᵀ) on the calibration samples, no score measured; the largest first.",
        ),
    ]
    return [listing for listing in told if listing.rows]
