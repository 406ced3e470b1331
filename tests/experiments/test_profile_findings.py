"""Sentences against numbers that were worked out by hand."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments import results
from engine.experiments.profile.compile import pays_after
from engine.experiments.profile.text import times
from tests.experiments.test_profile_run import record


def compiled(first: float, eager: float, fast: float, spread: float = 0.0, **more: Any) -> tuple[Any, Any]:
    params = {"what": "bert", "subject": "bert", "dtype": "float32", "batch": 16}
    result = {
        "start_up": 1.5,
        "first_call": first,
        "time": fast,
        "time_low": fast - spread,
        "time_high": fast + spread,
        "against": eager,
        "against_low": eager - spread,
        "against_high": eager + spread,
        "speedup": eager / fast,
        "pays_after": pays_after(first - fast, eager - fast),
        "difference": 0.0,
        "largest": 1.0,
        "graphs": 1,
        "breaks": [],
        "disturbed": False,
    }
    return params, result | more


def said(config: dict[str, Any], *points: tuple[Any, Any]) -> list[str]:
    return list(results.findings(record(Path("runs"), config, list(points))))


def test_compiling_pays_after_so_many_calls() -> None:
    """6.37 s at 0.7 ms a call are 9,100 calls."""
    assert said({}, compiled(6.3704, 0.0012, 0.0005)) == [
        "Compiling costs 6.4 s and saves 700 µs a call: it pays after 9,100 calls, which are then 2.4 times as fast.",
        "Before that the compiler took up to 1.5 s to start, once in each process.",
        "No graph breaks: each forward is one graph.",
    ]


def test_compiling_that_never_pays_says_so() -> None:
    assert said({}, compiled(5.0, 0.001, 0.002))[0] == (
        "Compiling costs 5.0 s and never pays: a compiled call takes 2 ms, an eager one 1 ms."
    )
    assert pays_after(5.0, 0.0) is None


def test_a_saving_inside_the_noise_says_so() -> None:
    assert said({}, compiled(5.0, 0.0012, 0.001, spread=0.0005))[0].endswith(
        "The quartiles overlap, so the saving is uncertain."
    )


def test_a_loss_inside_the_noise_says_so() -> None:
    assert said({}, compiled(5.0, 0.001, 0.0012, spread=0.0005))[0].endswith(
        "The quartiles overlap, so the loss is uncertain."
    )


def test_points_are_named_where_there_are_several() -> None:
    (params, result), other = compiled(5.0, 0.001, 0.002), compiled(5.0, 0.001, 0.002)
    first, *_ = said({}, ({**params, "batch": 1}, result), other)
    assert first.startswith("batch 1: compiling costs 5.0 s and never pays")


def test_disturbed_times_say_so() -> None:
    assert "Other processes took part in these times; run it again when it is quiet." in said(
        {}, compiled(5.0, 0.001, 0.002, disturbed=True)
    )


@given(st.floats(0, 1e4), st.floats(1e-6, 10))
def test_the_break_even_is_the_first_call_that_pays(cost: float, saved: float) -> None:
    calls = pays_after(cost, saved)
    assert calls is not None
    assert calls * saved >= cost * (1 - 1e-12)
    assert (calls - 1) * saved < cost or calls == 0


def way(name: str, time: float | None, memory: int | None = None, note: str = "") -> dict[str, Any]:
    difference = None if time is None else 1e-6
    return {
        "way": name,
        "time": time,
        "time_low": time,
        "time_high": time,
        "bytes": memory,
        "difference": difference,
        "note": note,
    }


def attended(length: int, naive: float | None, flash: float) -> tuple[Any, Any]:
    params = {"what": f"8×{length}×64 full", "length": length, "head_size": 64, "dtype": "float16", "mask": "full"}
    note = "" if naive else "out of memory"
    ways = [
        way("naive", naive, 4_000_000, note),
        way("flash", flash, 1_000_000),
        way("cudnn", None, note="no kernel for this shape and type here"),
    ]
    return params, {"ways": ways, "best": "flash", "time": flash, "against": naive}


def test_attention_says_how_much_faster_and_how_it_grows() -> None:
    found = said({"study": "attention"}, attended(128, 0.001, 0.0005), attended(512, 0.016, 0.004))
    head = "float16, heads of 64, full"
    assert found == [
        f"{head}: at 512 tokens flash takes 4 ms and naive 16 ms: 4.0 times as fast, with 1.00 MB at the peak against "
        "4.00 MB.",
        f"{head}: largest difference from float64 at 512 tokens: naive 1.0e-06, flash 1.0e-06.",
        f"{head}: 4 times the tokens take naive 16.0 times the time and flash 8.0 times the time (128 to 512 tokens).",
        "cudnn: no kernel for this shape and type here (at 2 of 2 shapes).",
    ]


def test_lengths_at_which_naive_wins_are_named() -> None:
    found = said({"study": "attention"}, attended(16, 0.0001, 0.0002), attended(512, 0.016, 0.004))
    assert "float16, heads of 64, full: naive is the faster way at 16 tokens." in found


def test_attention_without_a_naive_time_still_speaks() -> None:
    found = said({"study": "attention"}, attended(128, 0.001, 0.0005), attended(4096, None, 0.004))
    assert "naive: out of memory (at 1 of 2 shapes)." in found
    assert not any("at 4,096 tokens flash takes" in text for text in found)


def test_mxint8_says_its_share_of_the_copy() -> None:
    params = {"what": "4,096 in groups of 32", "elements": 4096, "group": 32, "dtype": "bfloat16"}
    rows = [
        {"kernel": name, "time": time, "time_low": time, "time_high": time, "rate": rate, "share": part, "note": note}
        for name, time, rate, part, note in (
            ("copy", 41.4e-6, 4300.0, 1.0, ""),
            ("labtui", 46e-6, 3870.0, 0.9, ""),
            ("torch eager", 460e-6, 387.0, 0.09, ""),
            ("Triton", 23e-6, 7740.0, 1.8, "disturbed by other processes"),
        )
    ]
    assert said({"study": "mxint8"}, (params, {"kernels": rows})) == [
        "Decoding takes 46 µs, 3870.0 GB/s, which is 90.0 % of what copying as many bytes reaches here.",
        "That is 10.0 times as fast as torch eager, 2.0 times as slow as Triton.",
        "Triton: disturbed by other processes.",
    ]


def test_mxint8_says_where_its_lead_is_inside_the_spread() -> None:
    params = {"what": "4,096 in groups of 32", "elements": 4096, "group": 32, "dtype": "bfloat16"}
    rows = [
        {"kernel": name, "time": time, "time_low": low, "time_high": high, "rate": 1.0, "share": 1.0, "note": ""}
        for name, time, low, high in (
            ("copy", 40e-6, 39e-6, 47e-6),
            ("labtui", 46e-6, 45e-6, 48e-6),
            ("torch eager", 47e-6, 46e-6, 50e-6),
        )
    ]
    assert said({"study": "mxint8"}, (params, {"kernels": rows})) == [
        "Decoding takes 46 µs, 1.0 GB/s, which is 100.0 % of what copying as many bytes reaches here (the quartiles "
        "overlap).",
        "That is as fast as torch eager (the quartiles overlap).",
    ]


def test_slower_is_told_as_slower() -> None:
    assert (times(2.0), times(0.5)) == ("2.0 times as fast", "2.0 times as slow")


@pytest.mark.parametrize("study", ["compile", "attention", "mxint8", "memory", "step"])
def test_a_run_without_a_finished_point_says_nothing(study: str) -> None:
    empty = record(Path("runs"), {"study": study}, [])
    assert not results.findings(empty)
    assert not results.figures(empty)
    assert not results.listings(empty)
