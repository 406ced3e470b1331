"""Small parts of the pages: values as text, rows of points, sources at hand, presets, tails of logs, the run's line."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from engine.errors import InputError
from engine.experiments import registry, results
from engine.experiments.api import Column as Quantity
from engine.runtime.runs import read_run
from tests.tui.pages import live
from tests.tui.recorded import NOW, write_run
from tui_app import glyphs, presets
from tui_app.runs.summary import summarize
from tui_app.screens import source_options
from tui_app.screens.runline import run_line, running_point
from tui_app.screens.tail import Tail
from tui_app.widgets.points import state
from tui_app.widgets.settings import compared, in_order, written
from tui_app.widgets.units import interval, show, tick_labels
from tui_app.widgets.values import Entry, ValuesTable


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "percent", "–"),
        (0.86119, "percent", "86.12 %"),
        (17_548_776, "bytes", "17.5 MB"),
        (192.4, "seconds", "3m 12s"),
        (17.72, "db", "17.7 dB"),
        (0.33104, "number", "0.331"),
        (25_000, "number", "25,000"),
        (True, "text", "yes"),
        (math.nan, "percent", "NaN"),
        (math.inf, "db", "inf"),
        ("[red]a\x1b[31m\nb", "text", "[red]a b"),
    ],
)
def test_values_are_read_by_people(value: object, unit: str, text: str) -> None:
    assert show(value, unit) == text


def test_differences_carry_their_sign_and_intervals_their_half() -> None:
    assert show(-0.0071, "percent", bare=True, signed=True) == "-0.71"
    assert show(0.0071, "percent", signed=True) == "+0.71 points"
    assert interval(0.855, 0.865, "percent") == "±0.50"
    glyphs.use_plain(True)
    assert interval(0.855, 0.865, "percent") == "+-0.50"


@pytest.mark.parametrize(
    ("ticks", "unit", "labels"),
    [
        ((0.8, 0.85, 0.9), "percent", ["80%", "85%", "90%"]),
        ((0.8625, 0.865), "percent", ["86.25%", "86.50%"]),
        ((0, 2e6), "bytes", ["0", "2.00MB"]),
        ((1, 2.5), "number", ["1.0", "2.5"]),
        ((1e-6, 2e-6), "number", ["1e-06", "2e-06"]),
    ],
)
def test_tick_labels_are_as_short_as_they_can_be(ticks: tuple[float, ...], unit: str, labels: list[str]) -> None:
    assert tick_labels(ticks, unit) == labels


def test_a_points_state_is_glyph_and_words() -> None:
    running = live().points[11]
    assert str(state(running)) == "▸ 61% evaluating"
    failed = replace(running, state="failed", error={"type": "KeyError", "message": "'x'\n[b]"})
    assert str(state(failed)) == "✗ KeyError: 'x' [b]"
    again = replace(running, attempt=2, progress=None)
    assert str(state(again)) == "▸ running, attempt 2"


def test_the_runs_line_says_where_it_is_and_what_it_does() -> None:
    line = str(run_line(summarize(live()), live(), NOW, 140))
    assert " q-0007  bert-tiny imdb  ▸ running  11/16  ━━━━" in line
    assert line.endswith("─ 72%  cpu  evaluating 61% of qat fixed(5)")
    assert running_point(None) == ""


def test_the_line_of_a_run_on_a_cluster_names_nodes() -> None:
    run = replace(live(), devices=("ray",), points=tuple(replace(p, device="node-3 cpu") for p in live().points))
    line = str(run_line(summarize(run), run, NOW, 140))
    assert line.endswith("  ray: node-3 cpu  evaluating 61% of qat fixed(5) on node-3 cpu")


def test_settings_are_compared_as_text() -> None:
    differing, same = compared({"a": [1, 2], "b": 1e-4, "c": None, "d": ""}, {"a": (1, 2), "b": 0.001, "c": "x"})
    assert differing == [("b", "0.0001", "0.001"), ("c", "–", "x")]
    assert [key for key, _, _ in same] == ["a", "d"]
    assert written({"k": 1}) == "{'k': 1}"


def test_settings_are_listed_as_the_form_has_them() -> None:
    """Home began with seed, executor and address, and had no room for what the run was about."""
    config = {"seed": 0, "device": "auto", "widths": [4], "model": "builtin", "of_another_version": 1}
    ordered = in_order(config, registry.get("quantize"))
    assert list(ordered) == ["model", "widths", "seed", "device", "of_another_version"]
    assert in_order(config, None) == config


def test_sources_at_hand_come_likeliest_first(tmp_path: Path) -> None:
    around = tmp_path / "around"
    (around / "models" / "tiny").mkdir(parents=True)
    (around / "models" / "tiny" / "config.json").write_text("{}")
    (around / "data").mkdir()
    (around / "data" / "train.parquet").write_text("")
    (around / ".hidden").mkdir()
    path = write_run(name="mine", config={"model": "org/model", "data": "builtin"}, models=True)
    chosen = results.best(read_run(path))
    assert chosen is not None
    run = summarize(read_run(path))
    models = source_options.at_hand("model", [run, run], around)
    assert [option.value for option in models] == [
        "builtin",
        "builtin:lm",
        "builtin:vision",
        f"run:q-0001/{chosen.index}",
        "org/model",
        "models/tiny",
        source_options.KNOWN["model"].value,
    ]
    assert models[3].note == "best of quantize mine"
    data = [option.value for option in source_options.at_hand("data", [run], around)]
    assert data == ["builtin", "data", "stanfordnlp/imdb"]


def test_entries_of_what_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_text("")
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")

    def listed(kind: Literal["model", "data"], text: str) -> list[tuple[str, bool]]:
        return [
            (option.value.removeprefix(f"{tmp_path}/"), option.opens) for option in source_options.entries(kind, text)
        ]

    folders = [("model/", True), ("sub/", True)]
    assert listed("data", f"{tmp_path}/") == [("a.csv", False), *folders]
    assert listed("model", f"{tmp_path}/") == [("model", False), ("sub/", True)]  # no file is a model
    assert listed("model", f"{tmp_path}/su") == listed("model", f"{tmp_path}/")
    assert listed("model", f"{tmp_path}/.") == [(".git/", True), ("model", False), ("sub/", True)]
    assert listed("model", "/not/there/at all") == []
    assert listed("model", "x" * 5000 + "/") == []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert listed("model", "") == listed("model", "word") == [("model", False), ("sub/", True)]
    assert listed("model", "~/") == [("~/model", False), ("~/sub/", True)]


def test_what_a_typed_path_stands_for(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    option = source_options.Option
    assert source_options.typed("model", str(tmp_path)) == option(f"{tmp_path}/", "folder, enter opens it", opens=True)
    assert source_options.typed("model", f"{tmp_path}/model/") == option(f"{tmp_path}/model", "model")
    assert source_options.typed("data", f"{tmp_path}/model").opens
    for text in ("owner/name", "x" * 5000, "~nobody/x"):
        assert source_options.typed("model", text) == option(text, "as typed")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 41])
def test_a_preset_has_the_name_of_a_file(name: str) -> None:
    with pytest.raises(InputError, match="A preset's name"):
        presets.save("quantize", name, "")


def test_presets_are_listed_with_the_last_run_first() -> None:
    assert presets.names("quantize") == []
    for name in ("b 2", "last", "a"):
        presets.save("quantize", name, 'widths = "4"\n')
    assert presets.names("quantize") == ["last", "a", "b 2"]
    assert presets.load("quantize", "a") == {"widths": "4"}
    with pytest.raises(InputError):
        presets.load("quantize", "gone")


def test_a_tail_reads_whole_lines_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "p.log"
    monkeypatch.setattr("tui_app.screens.tail._log_path", lambda run, point, attempt: log if point == 0 else None)
    log.write_bytes(b"one\ntwo\nthr")
    tail = Tail()
    assert tail.read(tmp_path, 0, 1) == (True, ["one", "two"])
    assert tail.read(tmp_path, 0, 1) == (False, [])
    log.write_bytes(b"one\ntwo\nthree\r\n 10%\r 50%\r100%\nfo\xff\xfeur\n")
    assert tail.read(tmp_path, 0, 1) == (False, ["three", "100%", "fo\ufffd\ufffdur"])
    assert tail.read(tmp_path, 1, 1) == (True, [])
    log.write_bytes(b"x" * 300_000 + b"\nend\n")
    fresh, lines = tail.read(tmp_path, 0, 2)
    assert fresh
    assert lines[-1] == "end"
    assert len(lines[0]) < 200_000


def test_long_names_of_layers_keep_what_tells_them_apart() -> None:
    names = [f"model.text.encoder.layer.{i}.attention.output.dense" for i in range(12)]
    table = ValuesTable()
    entries = [Entry(name, {"layer": name}) for name in names]
    table.fill((Quantity("layer", "Layer"),), entries)
    texts = [str(row.cells[0]) for row in table.rows]
    assert texts == [f"L{i}.attn.out" for i in range(12)]
