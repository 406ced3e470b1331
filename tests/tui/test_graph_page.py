"""The Graph page: capture, walking, finding, transforms with undo, the erasure, differences, exports."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import InputError
from engine.graph import session
from engine.graph.capture import capture
from tests.graph.models import Undecided
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.graphs import captured, graph_page, press, shown
from tests.tui.pages import offered, said
from tui_app.screens.graph.choice import Choice
from tui_app.screens.graph.diff import GraphDiffScreen
from tui_app.screens.graph.erased import ErasedScreen
from tui_app.screens.graph.steps import Steps

SIZES = [(80, 24), (140, 40), (60, 24)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_as_it_looks(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with graph_page(monkeypatch, size=size) as (app, pilot, page):
        name = f"{size[0]}x{size[1]}"
        await captured(pilot, page)
        await press(pilot, page, "j", "j", "j", "j", "j", "j")
        check_snapshot(app, f"graph-{name}")


async def test_a_model_that_is_still_to_be_made_is_not_made_for_its_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        monkeypatch.setattr(session, "is_unmade", lambda source: source == "builtin")
        monkeypatch.setattr(session, "with_weights", lambda _: pytest.fail("it was made"))
        await press(pilot, page, "ctrl+r")
        await captured(pilot, page)
        assert "builtin is trained by its first run; until then its weights have no ranges." in screen_text(app)
        assert page.steps.now.graph.nodes


async def test_in_plain_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch, size=(80, 24), plain=True) as (app, pilot, page):
        await captured(pilot, page)
        for keys in ((), ("+", "G"), ("]",)):
            await press(pilot, page, *keys)
            assert [sign for sign in screen_text(app) if not sign.isascii()] == []


async def test_modules_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (_, pilot, page):
        await captured(pilot, page)
        first = shown(page)
        assert {"module ", "module bert", "module bert.encoder.layer.0"} <= set(first)
        await press(pilot, page, "+")
        nodes = {key for key in shown(page) if not key.startswith("module ")}
        assert nodes == set(page.steps.now.graph.by_name)
        await press(pilot, page, "-")
        assert page.outline.cursor == 0
        assert "module bert.encoder" not in shown(page)
        page.outline.go_to("classifier_weight")
        await press(pilot, page, "h")
        assert page.outline.key == "module classifier"
        await press(pilot, page, "h")
        assert "classifier_weight" not in shown(page)
        await press(pilot, page, "l", "j")
        assert page.outline.key == "classifier_weight"
        await press(pilot, page, "k", "enter")
        assert "classifier_weight" not in shown(page)


async def test_a_node_is_told_with_its_edges_and_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        page.outline.go_to("linear")
        await press(pilot, page)
        text = screen_text(app)
        for part in (
            "aten.linear.default",
            "layer.0.attention.self.query",
            "batch×sequence×32",
            "modeling_bert.py:",
        ):
            assert part in text
        assert [row.key for row in page.place.edges.rows] == [
            "<dropout",
            "<bert_encoder_layer_0_attention_self_query_weight",
            "<bert_encoder_layer_0_attention_self_query_bias",
            ">view",
        ]


async def test_edges_are_walked_and_b_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "-")
        page.outline.go_to("layer_norm")
        await press(pilot, page, "u")
        assert page.outline.key == "dropout"
        await press(pilot, page, "u")  # four users: one is picked
        await until(pilot, lambda: app.screen is not page)
        await press(pilot, page, "a", "d", "d", "enter")
        await until(pilot, lambda: app.screen is page)
        assert page.steps.now.graph.by_name[page.outline.key].operator == "add"
        await press(pilot, page, "b", "b")
        assert page.outline.key == "layer_norm"
        assert "graph.back" not in offered(page)  # this is where it began
        await press(pilot, page, "tab")
        page.place.edges.cursor = 3
        await press(pilot, page, "enter")
        assert page.outline.key == "dropout"
        assert page.focused is page.outline


async def test_nodes_are_found_folded_away_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "-", "/")
        await press(pilot, page, *"op:gelu", "enter")
        assert page.outline.key == "gelu"
        await press(pilot, page, "n")
        assert page.outline.key == "gelu_1"
        await press(pilot, page, "n")
        assert page.outline.key == "gelu"
        await press(pilot, page, "N")
        assert page.outline.key == "gelu_1"
        assert "op:gelu: 2 of 2" in screen_text(app)
        page.outline.find("nothing-like-it")
        await pilot.pause()
        assert "nothing here" in screen_text(app)


async def test_a_filter_leaves_modules_that_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        whole = shown(page)
        await press(pilot, page, "f")
        await press(pilot, page, *"op:dropout module:layer.1", "enter")
        assert [key for key in shown(page) if not key.startswith("module ")] == ["dropout_3", "dropout_4"]
        assert "op:dropout module:layer.1" in screen_text(app)
        page.walking.jump("linear")  # hidden by the filter: it gives way
        await pilot.pause()
        assert page.outline.key == "linear"
        assert not page.outline.needle
        page.outline.narrow("flops>1k")
        await pilot.pause()
        assert {page.steps.now.graph.by_name[key].operator for key in shown(page) if "module " not in key} == {
            "linear",
            "scaled_dot_product_attention",
        }
        await press(pilot, page, "escape")
        assert set(whole) <= set(shown(page))


async def test_the_histogram_filters_by_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "]")
        assert page.views.view == "operators"
        assert page.operators.histogram.rows[0].cells[:2] == ("linear", "14")
        await press(pilot, page, "enter")
        assert page.outline.needle == "op:linear"
        assert "op:linear" in screen_text(app)


async def test_analyses_are_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "]", "]")
        assert [listing.key for listing in page.showing.details.listings] == [
            "operators",
            "dropout",
            "layers",
            "activations",
            "ranges",
        ]
        assert "6 dropout modules in the graph" in screen_text(app)
        await press(pilot, page, "m")
        assert page.showing.details.listing.key == "dropout"


async def test_transforms_report_and_are_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        before = page.steps.now.graph
        await press(pilot, page, "p")
        await press(pilot, page, *"remove_dr", "enter")
        await until(pilot, lambda: len(page.steps) == 2)
        assert page.steps.now.graph.passes == ("remove_dropout",)
        assert "Its outputs" in screen_text(app)
        assert "remove_dropout" in screen_text(app)
        await press(pilot, page, "p")
        await press(pilot, page, *"quantize_linear(fixed(3))", "enter")
        await until(pilot, lambda: len(page.steps) == 3)
        assert "differ from the model's by" in screen_text(app)
        assert page.copies() == (
            "labtui run graph --set model=builtin --set inputs=input_ids,attention_mask,labels "
            "--set 'passes=remove_dropout,quantize_linear(fixed(3))'"
        )
        await press(pilot, page, "U", "U")
        assert page.steps.now.graph == before
        assert "graph.undo" not in offered(page)


async def test_a_transform_that_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "p")
        await press(pilot, page, *"remove_everything", "enter")
        await until(pilot, lambda: "there is no pass" in screen_text(app))
        assert len(page.steps) == 1


async def test_erasing_shows_the_error_marks_the_users_then_does_it_right(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "-")
        page.outline.go_to("dropout")
        await press(pilot, page, "x")
        await until(pilot, lambda: isinstance(app.screen, ErasedScreen))
        text = screen_text(app)
        assert "Tried to erase Node dropout but it still had 4 users in the graph" in text
        assert "dropout.replace_all_uses_with(layer_norm)" in text
        assert "dropout → linear" in text
        assert "layer_norm → linear" in text
        users = set(page.steps.now.erased)
        assert users == set(page.steps.now.graph.by_name["dropout"].users)
        assert users <= set(shown(page))
        await pilot.press("enter")
        await until(pilot, lambda: len(page.steps) == 2)
        assert "dropout" not in page.steps.now.graph.by_name
        assert page.outline.marked == users
        await press(pilot, page, "escape")
        assert not page.outline.marked
        await press(pilot, page, "U")
        assert "dropout" in page.steps.now.graph.by_name


async def test_an_erasure_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "x")
        assert "modules are not erased" in said(app)
        page.outline.go_to("linear_4")
        await press(pilot, page, "x")
        await until(pilot, lambda: isinstance(app.screen, ErasedScreen))
        assert "No input of linear_4 has its shape and type" in screen_text(app)
        await pilot.press("enter", "escape")
        await until(pilot, lambda: app.screen is page)
        assert len(page.steps) == 1


async def test_without_labels_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "d")
        await press(pilot, page, *"without labels", "enter")
        await until(pilot, lambda: isinstance(app.screen, GraphDiffScreen))
        await pilot.pause()
        text = screen_text(app)
        assert "Without labels there is no loss: cross_entropy_loss and the 2 reshapes before it" in text
        diff: Any = app.screen
        assert [listing.key for listing in diff.details.listings] == ["sides", "modules", "all"]
        check_snapshot(app, "graph-diff-140x40")
        exports = diff.exports()
        assert exports.table.headers[:3] == ("Left", "Change", "Right")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is page)


async def test_a_step_is_compared_with_an_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "p")
        await press(pilot, page, *"remove_dr", "enter")
        await until(pilot, lambda: len(page.steps) == 2)
        await press(pilot, page, "d", "enter")
        await until(pilot, lambda: isinstance(app.screen, GraphDiffScreen))
        assert "6 dropout are gone" in screen_text(app)


async def test_other_inputs_and_settings_capture_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        await press(pilot, page, "I")
        await press(pilot, page, *"input_ids", "down", "down", "down", "down", "enter")
        await until(pilot, lambda: page.steps.now.graph.inputs != ("input_ids", "attention_mask", "labels"))
        await until(pilot, lambda: not page.asking.doing)
        await press(pilot, page, "S")
        await press(pilot, page, *"sequence=32", "enter")
        await until(pilot, lambda: page.steps.now.graph.sizes["sequence"] == 32 and not page.asking.doing)
        await pilot.press("S")
        await press(pilot, page, *"sequence=many", "enter")
        await until(pilot, lambda: "no setting of a capture" in said(app))


async def test_what_cannot_be_exported_shows_its_modules_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Undecided()
    async with graph_page(monkeypatch, undecided=model) as (app, pilot, page):
        example = {"x": torch.zeros(3, 8)}
        monkeypatch.setattr(session, "capture_program", lambda subject, inputs, **_: capture(subject, examples=example))
        page.capturing.instead(Choice(model="undecided", inputs=("x",)))
        await captured(pilot, page)
        await until(pilot, lambda: page.steps.now.choice.model == "undecided" and not page.asking.doing)
        text = screen_text(app)
        assert "no graph" in text
        assert "layer" in text
        page.views.turn("analyses")
        await pilot.pause()
        assert "decides by the values of tensors" in screen_text(app)
        assert not {"graph.passes", "graph.compare", "graph.erase"} & offered(page)


async def test_a_worker_that_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        app.interactive.answers["graph_capture"] = InputError("no model here.")  # type: ignore[attr-defined]
        page.capturing.instead(Choice())
        await until(pilot, lambda: "no model here." in screen_text(app))


async def test_while_it_waits_it_says_so_and_walks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        await captured(pilot, page)
        gate = asyncio.Event()
        ask = app.interactive.ask

        async def slowly(what: str, **values: Any) -> Any:
            await gate.wait()
            return await ask(what, **values)

        monkeypatch.setattr(app.interactive, "ask", slowly)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "torch.export captures builtin" in screen_text(app))
        await pilot.press("j", "j")
        await pilot.pause()
        assert page.outline.cursor == 2
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Still at work" in said(app))
        gate.set()
        await until(pilot, lambda: not page.asking.doing and not any(w.group == "graph" for w in page.workers))


async def test_the_graph_and_a_module_are_exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with graph_page(monkeypatch) as (app, pilot, page):
        steps, page.steps = page.steps, Steps(lambda: None)
        page.action_app_export()
        await until(pilot, lambda: "nothing to export" in said(app))
        page.steps = steps
        await captured(pilot, page)
        page.outline.go_to("linear_12")
        for keys in (("e", "d"), ("e", "w", "m"), ("e", "j"), ("e", "c")):
            await pilot.press(*keys)
            await until(pilot, lambda: app.screen is page)
            await pilot.pause()
        folder = tmp_path / "exports"
        await until(pilot, lambda: len(list(folder.glob("graph-builtin*"))) == 4)
        assert (folder / "graph-builtin.dot").read_text(encoding="utf-8").startswith("digraph")
        assert (folder / "graph-builtin.md").read_text(encoding="utf-8").splitlines()[0].endswith(": bert.pooler.dense")
        assert len(json.loads((folder / "graph-builtin.json").read_text(encoding="utf-8"))["nodes"]) == len(
            page.steps.now.graph.nodes
        )
        assert (folder / "graph-builtin.csv").read_text(encoding="utf-8").startswith("name,operator,module")
        await pilot.press("e", "s")
        await until(pilot, lambda: "graphviz is not on this machine" in said(app))


async def test_a_runs_settings_are_captured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        app.open_experiment("graph", {"model": "builtin", "inputs": "input_ids; input_ids,labels", "mode": "eval"})
        await until(pilot, lambda: page.steps and page.steps.now.graph.mode == "eval" and not page.asking.doing)
        assert (page.steps.now.graph.inputs, page.steps.now.graph.mode) == (("input_ids",), "eval")


async def test_the_page_captures_by_itself_and_another_choice_takes_the_place_of_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with graph_page(monkeypatch) as (app, pilot, page):
        assert [what for what, _ in app.interactive.asked][:1] == ["graph_capture"]  # type: ignore[attr-defined]
        page.capturing.instead(Choice(mode="eval"))
        await captured(pilot, page)
        await until(pilot, lambda: page.steps.now.graph.mode == "eval" and not page.asking.doing)
        assert "Still at work" not in said(app)
