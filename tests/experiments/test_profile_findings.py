"""Findings against numbers that were worked out by hand, and their sentences."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments import results
from engine.experiments.profile.compile.run import pays_after
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.run import STUDIES
from engine.experiments.profile.words import times
from engine.experiments.shared.finding import Finding
from engine.tasks.metric import Bounded
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


def found(study: str, *points: tuple[Any, Any]) -> list[Finding]:
    config, run = ProfileConfig.recorded({"study": study}), record(Path("runs"), {"study": study}, list(points))
    return list(STUDIES[study].found(STUDIES[study].read(config, run), run))


def same(time: float, spread: float = 0.0) -> Bounded:
    return Bounded(time, time - spread, time + spread)


WHOLE = [Finding("start_up", value=1.5), Finding("whole")]


def test_compiling_pays_after_so_many_calls() -> None:
    """6.37 s at 0.7 ms a call are 9,100 calls."""
    (pays, *rest) = found("compile", compiled(6.3704, 0.0012, 0.0005))
    assert pays == Finding("pays", value=same(0.0005), beside=same(0.0012), values=(6.3704 - 0.0005,), counts=(9100,))
    assert rest == WHOLE
    assert list(results.findings(record(Path("runs"), {}, [compiled(6.3704, 0.0012, 0.0005)]))) == [
        "Compiling costs 6.4 s and saves 700 µs a call: it pays after 9,100 calls, which are then 2.4 times as fast.",
        "Before that the compiler took up to 1.5 s to start, once in each process.",
        "No graph breaks: each forward is one graph.",
    ]


def test_compiling_that_never_pays_loses() -> None:
    (loses, *_) = found("compile", compiled(5.0, 0.001, 0.002))
    assert loses == Finding("loses", value=same(0.002), beside=same(0.001), values=(4.998,))
    assert pays_after(5.0, 0.0) is None


def test_points_are_named_where_there_are_several() -> None:
    (params, result), other = compiled(5.0, 0.001, 0.002), compiled(5.0, 0.001, 0.002)
    points = [({**params, "batch": 1}, result), other]
    assert [one.of for one in found("compile", *points)] == ["batch 1", "batch 16", "", ""]
    first, *_ = results.findings(record(Path("runs"), {}, points))
    assert first.startswith("batch 1: compiling costs 5.0 s and never pays")


def test_breaks_differences_and_disturbed_times_are_found() -> None:
    odd = {"breaks": ["a branch"], "graphs": 2, "difference": 0.5, "largest": 2.0, "disturbed": True}
    assert found("compile", compiled(5.0, 0.001, 0.002, **odd))[1:] == [
        Finding("breaks", names=("a branch",), counts=(2,)),
        Finding("differs", value=0.5, values=(2.0,)),
        Finding("disturbed"),
        WHOLE[0],
    ]


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


SETTING = "float16, heads of 64, full"


def test_attention_finds_how_much_faster_and_how_it_grows() -> None:
    assert found("attention", attended(128, 0.001, 0.0005), attended(512, 0.016, 0.004)) == [
        Finding(
            "fastest",
            SETTING,
            "flash",
            "naive",
            same(0.004),
            beside=same(0.016),
            counts=(512, 1_000_000, 4_000_000),
        ),
        Finding("precision", SETTING, names=("naive", "flash"), values=(1e-6, 1e-6), counts=(512,)),
        Finding("growth", SETTING, names=("naive", "flash"), values=(16.0, 8.0), counts=(128, 512)),
        Finding("note", "cudnn", against="no kernel for this shape and type here", counts=(2, 2)),
    ]


def test_lengths_at_which_naive_wins_are_found() -> None:
    told = found("attention", attended(16, 0.0001, 0.0002), attended(512, 0.016, 0.004))
    assert Finding("slower", SETTING, counts=(16,)) in told


def test_attention_without_a_naive_time_still_speaks() -> None:
    told = found("attention", attended(128, 0.001, 0.0005), attended(4096, None, 0.004))
    assert Finding("note", "naive", against="out of memory", counts=(1, 2)) in told
    assert "fastest" not in {one.kind for one in told}


def kernels(*rows: tuple[str, float, float, str]) -> tuple[Any, Any]:
    """Kernels with their times, halves of their spread, and notes."""
    params = {"what": "4,096 in groups of 32", "elements": 4096, "group": 32, "dtype": "bfloat16"}
    told = [
        {
            "kernel": name,
            "time": time,
            "time_low": time - spread,
            "time_high": time + spread,
            "rate": 387.0,
            "share": 0.9,
            "note": note,
        }
        for name, time, spread, note in rows
    ]
    lost = {"kernel": "torch.compile", "time": None, "time_low": None, "time_high": None, "rate": None, "share": None}
    return params, {"kernels": [*told, {**lost, "note": "no compiler"}]}


def test_mxint8_is_laid_beside_the_copy_and_the_others() -> None:
    point = kernels(("copy", 41e-6, 0, ""), ("labtui", 46e-6, 0, ""), ("Triton", 23e-6, 0, "disturbed"))
    assert found("mxint8", point) == [
        Finding("decoded", against="copy", value=same(46e-6), beside=same(41e-6), values=(387.0, 0.9)),
        Finding("compared", against="Triton", value=same(46e-6), beside=same(23e-6)),
        Finding("note", at="Triton", names=("disturbed",)),
        Finding("note", at="torch.compile", names=("no compiler",)),
    ]


A, B, WIDE = Bounded(0.001, 0.001, 0.001), Bounded(0.002, 0.002, 0.002), Bounded(0.0012, 0.0009, 0.003)


@pytest.mark.parametrize(
    ("study", "finding", "words"),
    [
        ("compile", Finding("pays", value=A, beside=WIDE, values=(5.0,), counts=(9,)), "so the saving is uncertain."),
        ("compile", Finding("loses", value=B, beside=WIDE, values=(5.0,)), "so the loss is uncertain."),
        (
            "compile",
            Finding("loses", value=B, beside=A, values=(5.0,)),
            "a compiled call takes 2 ms, an eager one 1 ms.",
        ),
        ("compile", Finding("breaks", names=("a", "b"), counts=(3,)), "falls into 3 graphs, because of: a; b."),
        ("compile", Finding("disturbed"), "run it again when it is quiet."),
        ("attention", Finding("slower", counts=(16, 1024)), "naive is the faster way at 16, 1,024 tokens."),
        (
            "attention",
            Finding("precision", names=("naive",), values=(1e-6,), counts=(512,)),
            "512 tokens: naive 1.0e-06.",
        ),
        (
            "attention",
            Finding("fastest", "", "flash", "naive", A, beside=B, counts=(512, 10**6, 4 * 10**6)),
            "flash takes 1 ms and naive 2 ms: 2.0 times as fast, with 1.00 MB at the peak against 4.00 MB.",
        ),
        (
            "attention",
            Finding("growth", names=("naive", "flash"), values=(16.0, 8.0), counts=(128, 512)),
            "4 times the tokens take naive 16.0 times the time and flash 8.0 times the time (128 to 512 tokens).",
        ),
        ("attention", Finding("note", against="out of memory", counts=(1, 2)), "out of memory (at 1 of 2 shapes)."),
        ("mxint8", Finding("compared", against="Triton", value=B, beside=A), "that is 2.0 times as slow as Triton."),
        (
            "mxint8",
            Finding("decoded", value=A, beside=WIDE, values=(3870.0, 0.9)),
            "1 ms, 3870.0 GB/s, which is 90.0 % of what copying as many bytes reaches here (the quartiles overlap).",
        ),
        ("memory", Finding("packed", value=0.5, values=(0.742, 0.371)), "50.0 % of 74.2 % is 37.1 %."),
        (
            "memory",
            Finding("left", names=("bias",), values=(0.1,), counts=(640, 0)),
            "stays as it was: bias 640 B (10.0 %).",
        ),
        (
            "step",
            Finding("operators", value=0.5, names=("mm",), values=(0.5,), counts=(1, 9)),
            "goes to 1 of 9: mm 50.0 %.",
        ),
    ],
)
def test_findings_in_words(study: str, finding: Finding, words: str) -> None:
    assert STUDIES[study].sentence(finding).endswith(words)


@pytest.mark.parametrize("study", STUDIES)
def test_a_kind_that_a_study_does_not_find_has_no_words(study: str) -> None:
    with pytest.raises(ValueError, match="finds no 'lost'"):
        STUDIES[study].sentence(Finding("lost"))


def test_slower_is_told_as_slower() -> None:
    assert (times(2.0), times(0.5)) == ("2.0 times as fast", "2.0 times as slow")


@pytest.mark.parametrize("study", STUDIES)
def test_a_run_without_a_finished_point_says_nothing(study: str) -> None:
    empty = record(Path("runs"), {"study": study}, [])
    assert not results.findings(empty)
    assert not results.figures(empty)
    assert not results.listings(empty)
