"""The analyses: counts known by hand, ranges against the number formats."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.formats import parse
from engine.graph.analyses import ANALYSES, dropouts, dropped, integer_bits, operators, ranges, summary
from engine.graph.record import Graph
from engine.graph.tree import OWN, Branch, gather, grow
from engine.graph.words import sentence as said
from tests.graph.models import ALL, Perceptron, Undecided, bert, captured, program


def test_bert_tiny_has_six_dropout_modules_and_two_in_fused_attention() -> None:
    rows = dropouts(captured().graph)
    assert [row["module"] for row in rows if row["kind"] == "module"] == [
        "bert.embeddings.dropout",
        "bert.encoder.layer.0.attention.output.dropout",
        "bert.encoder.layer.0.output.dropout",
        "bert.encoder.layer.1.attention.output.dropout",
        "bert.encoder.layer.1.output.dropout",
        "dropout",
    ]
    assert [row["module"] for row in rows if row["kind"] == "attention"] == [
        "bert.encoder.layer.0.attention.self",
        "bert.encoder.layer.1.attention.self",
    ]
    assert [row["module"] for row in rows if row["kind"] == "never runs"] == [
        "bert.encoder.layer.0.attention.self.dropout",
        "bert.encoder.layer.1.attention.self.dropout",
    ]
    assert {row["p"] for row in rows if row["active"]} == {0.1}


def test_step_by_step_attention_drops_by_itself() -> None:
    kinds = [row["kind"] for row in dropouts(captured(attention="eager").graph)]
    assert (kinds.count("module"), kinds.count("function"), kinds.count("attention")) == (6, 2, 0)


def test_dropout_in_a_sentence() -> None:
    found = dropped(captured().graph)
    assert (found.modules, found.functions, found.attention, found.inactive, len(found.idle)) == (6, 0, 2, 0, 2)
    assert dropped(captured(mode="eval").graph).inactive == 6
    sentence = said(found)
    assert "has 6 dropout modules in the graph, 2 more inside fused attention" in sentence
    assert "2 dropout modules are never called: bert.encoder.layer.0.attention.self.dropout" in sentence
    assert said(dropped(captured(mode="eval").graph)).count("6 of them drop nothing") == 1


def test_the_histogram_counts_every_operator_once() -> None:
    graph = captured().graph
    rows = operators(graph)
    assert sum(row["count"] for row in rows) == len(graph.operators) == summary(graph)["operators"]
    assert {row["operator"]: row["count"] for row in rows}["linear"] == 14  # 6 in each layer, pooler, classifier
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_the_largest_layer_is_the_table_of_words() -> None:
    first, *_ = ANALYSES["layers"].rows(captured().graph)
    assert (first["module"], first["parameters"]) == ("bert.embeddings.word_embeddings", 100 * 32)


def test_the_largest_activation_lies_in_the_wide_layer() -> None:
    first, *_ = ANALYSES["activations"].rows(captured().graph)
    assert (first["shape"], first["output_bytes"]) == ("batch×sequence×64", 128 * 64 * 4)


def test_ranges_are_those_of_the_weights() -> None:
    weights = dict(bert().named_parameters())
    rows = ranges(captured().graph)
    assert {row["weight"] for row in rows} == set(weights)
    for row in rows:
        assert (row["low"], row["high"]) == (weights[row["weight"]].min().item(), weights[row["weight"]].max().item())


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=8), st.integers(0, 12))
def test_integer_bits_are_just_enough_for_fixed_point(values: list[float], fraction: int) -> None:
    """With that many nothing saturates for want of range; with one fewer, something does."""
    low, high = min(values), max(values)
    bits = integer_bits(low, high)
    if bits is None:
        assert low == high == 0
        return
    x = torch.tensor([low, high], dtype=torch.float64)
    assert -(2.0**bits) <= low
    assert high < 2.0**bits
    fewer = 2.0 ** (bits - 1)
    assert low < -fewer or high >= fewer
    if 2 <= 1 + bits + fraction <= 32:
        step = 2.0**-fraction
        inside = x.clamp(-(2.0**bits), 2.0**bits - step)
        assert not parse(f"fixed({1 + bits + fraction},{fraction})").saturated(inside.float()).any()


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(-1.0, 0.5, 0), (-1.0, 1.0, 1), (-0.1, 0.12, -3), (0.0, 0.0, None), (-2.0, 1.99, 1)]
)
def test_integer_bits_by_hand(low: float, high: float, bits: int | None) -> None:
    assert integer_bits(low, high) == bits


@pytest.mark.parametrize("key", ANALYSES)
def test_rows_have_what_the_columns_name(key: str) -> None:
    analysis = ANALYSES[key]
    for graph in (captured().graph, program(Perceptron()).graph, program(Undecided()).graph):
        for row in analysis.rows(graph):
            assert list(row) == [column for column, _, _ in analysis.columns]


def sums(branch: Branch) -> tuple[int, int, int]:
    return branch.totals.operators, branch.totals.parameters, branch.totals.flops


def test_the_tree_sums_up_what_lies_below() -> None:
    graph = captured().graph
    root = grow(graph)
    numbers = summary(graph)
    assert sums(root) == (numbers["operators"], numbers["parameters"], numbers["flops"])
    by_path = {branch.path: branch for branch in root.walk()}
    assert set(by_path) == set(graph.modules)
    layers = [by_path[f"bert.encoder.layer.{i}"] for i in range(2)]
    assert sums(layers[0]) == sums(layers[1])
    assert sums(by_path["bert.encoder"])[1] == 2 * sums(layers[0])[1]


def names(root: Branch) -> list[str]:
    return [entry.name for branch in root.walk() for entry in branch.entries if not isinstance(entry, Branch)]


def test_every_node_stands_in_the_tree_once_gathered_or_not() -> None:
    graph: Graph = captured().graph
    expected = sorted(node.name for node in graph.nodes)
    assert sorted(names(grow(graph))) == expected
    gathered = gather(grow(graph))
    assert sorted(names(gathered)) == expected
    assert any(branch.path == f"bert{OWN}" for branch in gathered.walk())
    assert sums(gathered) == sums(grow(graph))


def test_modules_stand_in_the_order_in_which_they_run() -> None:
    root = grow(captured().graph)
    (attention,) = (branch for branch in root.walk() if branch.path == "bert.encoder.layer.0.attention")
    assert [branch.name for branch in attention.branches] == ["self", "output"]
    (inner,) = (branch for branch in root.walk() if branch.path == "bert.encoder.layer.0.attention.self")
    assert [branch.name for branch in inner.branches] == ["query", "key", "value", "dropout"]  # the last never runs


def test_a_filtered_tree_has_only_the_modules_it_needs() -> None:
    root = grow(captured().graph, keep=lambda node: node.operator == "cross_entropy_loss")
    assert [branch.path for branch in root.walk()] == [""]
    assert len(ALL) == 3
    assert root.totals.operators == 1
