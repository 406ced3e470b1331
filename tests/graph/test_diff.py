"""What differs between captures, and the sentences that say why."""

import pytest

from engine.graph.analyses import summary
from engine.graph.diff import compare
from engine.graph.explain import Sources, explain
from engine.graph.transforms import apply
from tests.graph.models import ALL, ALONE, MASKED, captured


def graph(*arguments: object, **more: object):  # type: ignore[no-untyped-def]
    return captured(*arguments, **more).graph  # type: ignore[arg-type]


def test_a_graph_is_the_same_as_itself() -> None:
    diff = compare(graph(), graph())
    assert {pair.change for pair in diff.pairs} == {"same"}
    assert explain(diff) == [f"Both graphs are the same: {len(graph().nodes)} nodes."]
    assert diff.rows() == diff.by_module() == []


@pytest.mark.parametrize(("left", "right"), [(ALL, MASKED), (MASKED, ALONE), (ALONE, ALL)])
def test_every_node_of_both_is_in_one_pair(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    diff = compare(graph(left), graph(right))
    assert sorted(pair.left.name for pair in diff.pairs if pair.left) == sorted(graph(left).by_name)
    assert sorted(pair.right.name for pair in diff.pairs if pair.right) == sorted(graph(right).by_name)


def test_a_diff_backwards_says_the_opposite() -> None:
    there, back = compare(graph(ALL), graph(ALONE)), compare(graph(ALONE), graph(ALL))
    assert [pair.left for pair in there.of("removed")] == [pair.right for pair in back.of("added")]
    assert not list(there.of("added"))
    assert not list(back.of("removed"))


def test_without_labels_the_loss_and_its_two_reshapes_are_gone() -> None:
    diff = compare(graph(ALL), graph(MASKED))
    assert [pair.left.operator for pair in diff.of("removed") if pair.left] == [
        "input",
        "view",
        "view",
        "cross_entropy_loss",
    ]
    assert not list(diff.of("added"))
    (sentence,) = (one for one in explain(diff) if "loss" in one)
    assert sentence == (
        "Without labels there is no loss: cross_entropy_loss and the 2 reshapes before it (view_6 of linear_13, "
        "view_7 of labels) are gone, and the model gives 1 output in place of 2."
    )


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_without_a_mask_it_is_built_inside_from_the_shape(attention: str) -> None:
    left, right = graph(MASKED, attention), graph(ALONE, attention)
    sentences = explain(compare(left, right))
    (built,) = (one for one in sentences if "built inside" in one)
    assert "made from attention_mask" in built
    assert "built inside the model from the shape of input_ids" in built
    assert ("for 2 scaled_dot_product_attention" in built) == (attention == "sdpa")
    assert "The sizes of the inputs are read off input_ids in place of attention_mask." in sentences


def test_what_a_mask_depends_on_is_told_by_value_and_by_size() -> None:
    for inputs, origin in ((MASKED, "made from attention_mask"), (ALONE, "from the shape of input_ids")):
        one = graph(inputs)
        (attention, *_) = (node for node in one.operators if node.operator == "scaled_dot_product_attention")
        assert origin in Sources(one).origin(attention.inputs[3])


def test_each_input_is_blamed_for_its_own_nodes() -> None:
    sentences = explain(compare(graph(ALL), graph(ALONE)))
    assert sum("there is no loss" in one for one in sentences) == 1
    assert sum(one.startswith("Without attention_mask") for one in sentences) == 1


def test_a_pass_is_explained_by_what_it_did() -> None:
    diff = compare(graph(), apply(captured(), "remove_dropout").graph)
    sentences = explain(diff)
    assert "6 dropout are gone; 8 nodes that used them now take what came before." in sentences
    assert any("In 2 scaled_dot_product_attention dropout_p 0.1 → 0.0" in one for one in sentences)
    linear = next(pair for pair in diff.of("changed") if pair.left and pair.left.operator == "linear")
    assert linear.changes == ("takes layer_norm in place of dropout",)


def test_a_deeper_model_has_what_the_other_lacks() -> None:
    deeper, usual = graph(ALONE, layers=3), graph(ALONE)
    sentences = explain(compare(usual, deeper))
    layer = summary(deeper)["parameters"] - summary(usual)["parameters"]
    assert f"Only {deeper.heading} has bert.encoder.layer.2, with {layer:,} parameters." in sentences


def test_modules_that_differ_are_counted() -> None:
    rows = {row["module"]: row for row in compare(graph(ALL), graph(MASKED)).by_module()}
    assert list(rows) == [""]
    assert (rows[""]["removed"], rows[""]["changed"], rows[""]["added"]) == (4, 1, 0)


def test_fused_and_stepwise_attention_differ_in_attention_alone() -> None:
    rows = compare(graph(), graph(attention="eager")).by_module()
    assert {row["module"] for row in rows} <= {"bert", *(f"bert.encoder.layer.{i}.attention.self" for i in range(2))}
