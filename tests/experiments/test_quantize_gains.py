"""What methods and preparations gain: heat maps and sentences, from records alone."""

from dataclasses import replace
from typing import Any

import torch

from engine.experiments import results
from engine.experiments.shared.pairing import kept
from engine.runtime.records import PointRecord, RunRecord
from tests.tui.recorded import result_of, run_record

METHODS = ("nearest", "gptq")
PREPARE = ("none", "awq")
FORMATS = ("int(3)", "mxfp4")


def outcomes(right: int) -> dict[str, Any]:
    """Of 100 samples the first so many are told right."""
    told = kept(torch.arange(100) < right)
    assert told is not None
    return {"outcomes": told.to_record()}


def sweep(right: dict[tuple[str, str, str], int], paired: bool = True) -> RunRecord:
    """How many samples of 100 are told right, by method, preparation and format."""
    run = run_record("q-0001", config={"methods": METHODS, "prepare": PREPARE})
    points = []
    for (method, prepare, spec), one in right.items():
        value = one / 100
        told = {"accuracy": value, "accuracy_low": value - 0.01, "accuracy_high": value + 0.01, "bits": 4.0}
        told |= {"delta": value - 0.9, "delta_low": value - 0.91, "delta_high": value - 0.89, "samples": 100}
        told |= {"bytes": 1010 if prepare == "awq" else 1000} | (outcomes(one) if paired else {})
        params = {"mode": "ptq", "format": spec, "method": method, "prepare": prepare}
        points.append(PointRecord(len(points), params, state="finished", result=result_of(4, "ptq") | told))
    return replace(run, points=tuple(points))


RIGHT = {
    ("nearest", "none", "int(3)"): 60,
    ("nearest", "none", "mxfp4"): 80,
    ("nearest", "awq", "int(3)"): 75,
    ("nearest", "awq", "mxfp4"): 81,
    ("gptq", "none", "int(3)"): 40,
    ("gptq", "awq", "mxfp4"): 85,
}


def test_a_heat_map_of_scores_and_one_of_differences() -> None:
    figures = {figure.key: figure for figure in results.figures(sweep(RIGHT))}
    grid, gain = figures["grid"], figures["gain"]
    assert grid.categories == gain.categories == FORMATS
    assert {row.name: (row.x, row.y) for row in grid.rows} == {
        "PTQ": ((0.0, 1.0), (0.6, 0.8)),
        "PTQ awq": ((0.0, 1.0), (0.75, 0.81)),
        "PTQ gptq": ((0.0,), (0.4,)),
        "PTQ gptq awq": ((1.0,), (0.85,)),
    }
    assert [row.name for row in gain.rows] == ["PTQ awq", "PTQ gptq", "PTQ gptq awq"]
    (awq, *_) = gain.rows
    assert awq.y == (0.15, 0.01)
    assert awq.y_low is not None
    assert awq.y_low[0] > 0.05
    assert gain.signed


def test_gains_are_paired_and_name_their_bytes() -> None:
    sentences = results.findings(sweep(RIGHT))
    assert "PTQ awq against PTQ: better at 1, worse at 0 of 2 formats." in sentences
    (gained,) = [
        sentence for sentence in sentences if sentence.startswith("PTQ awq at int(3) against PTQ: +15.00 points, 95 % ")
    ]
    assert gained.endswith("n = 100, +1.0 % bytes.")
    (lost,) = [
        sentence for sentence in sentences if sentence.startswith("PTQ gptq at int(3) against PTQ: -20.00 points")
    ]
    assert lost.endswith("n = 100, same bytes.")
    assert not any(sentence.startswith("PTQ awq at mxfp4 against") for sentence in sentences)


def test_without_outcomes_only_what_lies_beyond_both_intervals_counts() -> None:
    sentences = results.findings(sweep(RIGHT, paired=False))
    assert any(
        one.startswith("PTQ awq at int(3) against PTQ: 15.00 points better, beyond both intervals") for one in sentences
    )
    assert any(one.startswith("PTQ gptq at int(3) against PTQ: 20.00 points worse") for one in sentences)
    assert not any("PTQ awq at mxfp4 against" in one for one in sentences)


def test_a_point_that_was_given_up_is_compared_on_no_other_samples() -> None:
    """It has no cell among the differences; beside the score of all its own interval decides."""
    run = sweep(RIGHT)
    ended = {**(run.points[0].result or {}), "given_up": 10, "given_up_of": 100, "samples": 10}
    del ended["outcomes"]
    run = replace(run, points=(replace(run.points[0], result=ended), *run.points[1:]))
    gain = next(figure for figure in results.figures(run) if figure.key == "gain")
    assert {row.name: (row.x, row.y) for row in gain.rows} == {
        "PTQ awq": ((1.0,), (0.01,)),
        "PTQ gptq": ((), ()),
        "PTQ gptq awq": ((1.0,), (0.05,)),
    }
    assert gain.rows[0].y_low is not None
    assert any("PTQ awq at int(3) against PTQ: 15.00 points better" in one for one in results.findings(run))


def test_a_sweep_of_formats_alone_has_no_heat_map() -> None:
    assert not {"grid", "gain"} & {figure.key for figure in results.figures(run_record("q-0001"))}
