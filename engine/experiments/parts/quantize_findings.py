"""What a quantisation sweep says in sentences, and its layers as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.base import Column, Listing
from engine.runtime.records import PointRecord, RunRecord

NOTHING_LEFT = 0.9  # share of zeros from which on a model has collapsed
NEEDED = {"accuracy", "accuracy_low", "accuracy_high", "delta", "delta_low", "delta_high", "samples", "bits", "zeros"}


def findings(run: RunRecord) -> list[str]:
    """For each mode where it holds the baseline and where it begins to lose; what training mends; what collapsed."""
    points = [point for point in run.finished if _result(point).keys() >= NEEDED]
    results = {(point.params["mode"], point.params["format"]): _result(point) for point in points}
    sentences: list[str] = []
    for mode in dict.fromkeys(point.params["mode"] for point in points):
        sentences += _holds(mode.upper(), [point for point in points if point.params["mode"] == mode])
    for (mode, spec), result in results.items():
        rounded = results.get(("ptq", spec))
        if mode == "qat" and rounded is not None and result["accuracy_low"] > rounded["accuracy_high"]:
            gain = 100 * (result["accuracy"] - rounded["accuracy"])
            sentences.append(f"Training mends {spec}: {gain:.2f} points more than PTQ.")
    for (mode, spec), result in results.items():
        if result["zeros"] >= NOTHING_LEFT and result["delta_high"] < 0:
            share = 100 * result["zeros"]
            sentences.append(f"{spec} {mode.upper()} has {share:.0f} % zeros among its weights: little is left of it.")
    return sentences


def _result(point: PointRecord) -> Mapping[str, Any]:
    assert point.result is not None
    return point.result


def _holds(mode: str, points: Sequence[PointRecord]) -> list[str]:
    """The fewest bits from which on nothing measurable is lost, and what the next fewer cost."""
    ordered = sorted(points, key=lambda point: _result(point)["bits"])
    lossy = [place for place, point in enumerate(ordered) if _result(point)["delta_high"] < 0]
    first = lossy[-1] + 1 if lossy else 0
    samples = f"{_result(ordered[0])['samples']:,} texts can show"
    sentences = []
    if first < len(ordered):
        held = ordered[first].params["format"]
        down = f" down to {held}" if len(ordered) - first > 1 else f" at {held}"
        sentences.append(f"{mode} loses nothing{down} that {samples}.")
    if lossy:
        point = ordered[lossy[-1]]
        low, middle, high = (100 * -_result(point)[key] for key in ("delta_high", "delta", "delta_low"))
        sentences.append(f"{mode} at {point.params['format']} loses {middle:.2f} points ({low:.2f} to {high:.2f}).")
    return sentences


def layers(run: RunRecord) -> list[Listing]:
    """Every layer of every finished point, the noisiest weights first."""
    rows = [
        {"mode": point.params["mode"], "layer": layer["name"], **layer}
        for point in run.finished
        for layer in _result(point).get("layers") or ()
    ]
    if not rows:
        return []
    columns = (
        Column("layer", "Layer"),
        Column("spec", "Format"),
        Column("mode", "Mode"),
        Column("sqnr_weight_db", "SQNR w", "db"),
        Column("sqnr_input_db", "SQNR x", "db"),
        Column("zeros", "Zeros", "percent"),
        Column("saturated", "Sat.", "percent"),
        Column("bits", "Bits", "number"),
    )
    noisy = sorted(rows, key=lambda row: (row["sqnr_weight_db"] is None, row["sqnr_weight_db"] or 0.0))
    caption = "Signal-to-noise ratio of weights and inputs in each format, the noisiest weights first."
    return [Listing("layers", "Layers by noise", columns, tuple(noisy), caption)]
