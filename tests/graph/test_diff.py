"""What differs between captures, the reasons why, and these in words."""

import pytest

from engine.graph.analyses import summary
from engine.graph.diff import compare
from engine.graph.explain import Sources, explain
from engine.graph.reasons import (
    Added,
    Alone,
    InPlace,
    NoLoss,
    NotNeeded,
    Origin,
    OtherMode,
    Reason,
    Removed,
    Same,
    Setting,
    SizesFrom,
    Totals,
)
from engine.graph.transforms import apply
from engine.graph.words import sentence
from tests.graph.models import ALL, ALONE, MASKED, captured


def graph(*arguments: object, **more: object):  # type: ignore[no-untyped-def]
    return captured(*arguments, **more).graph  # type: ignore[arg-type]


def test_a_graph_is_the_same_as_itself() -> None:
    diff = compare(graph(), graph())
    assert {pair.change for pair in diff.pairs} == {"same"}
    assert explain(diff) == [Same(len(graph().nodes))]
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
    (reason,) = (one for one in explain(diff) if isinstance(one, NoLoss))
    reshapes = (("view_6", "linear_13"), ("view_7", "labels"))
    assert reason == NoLoss("labels", "cross_entropy_loss", reshapes, outputs_before=2, outputs=1)
    assert sentence(reason) == (
        "Without labels there is no loss: cross_entropy_loss and the 2 reshapes before it (view_6 of linear_13, "
        "view_7 of labels) are gone, and the model gives 1 output in place of 2."
    )


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_without_a_mask_it_is_built_inside_from_the_shape(attention: str) -> None:
    left, right = graph(MASKED, attention), graph(ALONE, attention)
    reasons = explain(compare(left, right))
    (built,) = (one for one in reasons if isinstance(one, InPlace) and one.origin.shapes)
    assert (built.input, built.origin) == ("attention_mask", Origin(shapes=("input_ids",)))
    assert built.reaches == ((("scaled_dot_product_attention", 2),) if attention == "sdpa" else ())
    assert SizesFrom("attention_mask", ("input_ids",)) in reasons
    assert "built inside the model from the shape of input_ids" in sentence(built)


def test_what_a_mask_depends_on_is_told_by_value_and_by_size() -> None:
    for inputs, origin in ((MASKED, ("attention_mask",)), (ALONE, ())):
        one = graph(inputs)
        (attention, *_) = (node for node in one.operators if node.operator == "scaled_dot_product_attention")
        assert Sources(one).origin(attention.inputs[3]).values == origin


def test_each_input_is_blamed_for_its_own_nodes() -> None:
    reasons = explain(compare(graph(ALL), graph(ALONE)))
    assert [one.input for one in reasons if isinstance(one, NoLoss)] == ["labels"]
    assert [one.input for one in reasons if isinstance(one, NotNeeded)] == ["attention_mask"]


def test_a_pass_is_explained_by_what_it_did() -> None:
    diff = compare(graph(), apply(captured(), "remove_dropout").graph)
    reasons = explain(diff)
    assert Removed((("dropout", 6),), moved=8) in reasons
    (setting,) = (one for one in reasons if isinstance(one, Setting) and one.operator.startswith("scaled"))
    assert (setting.change, len(setting.nodes)) == ("dropout_p 0.1 → 0.0", 2)
    linear = next(pair for pair in diff.of("changed") if pair.left and pair.left.operator == "linear")
    assert linear.changes == ("takes layer_norm in place of dropout",)


def test_a_deeper_model_has_what_the_other_lacks() -> None:
    deeper, usual = graph(ALONE, layers=3), graph(ALONE)
    layer = summary(deeper)["parameters"] - summary(usual)["parameters"]
    assert Alone(deeper.heading, ("bert.encoder.layer.2",), layer) in explain(compare(usual, deeper))


def test_modules_that_differ_are_counted() -> None:
    rows = {row["module"]: row for row in compare(graph(ALL), graph(MASKED)).by_module()}
    assert list(rows) == [""]
    assert (rows[""]["removed"], rows[""]["changed"], rows[""]["added"]) == (4, 1, 0)


def test_fused_and_stepwise_attention_differ_in_attention_alone() -> None:
    rows = compare(graph(), graph(attention="eager")).by_module()
    assert {row["module"] for row in rows} <= {"bert", *(f"bert.encoder.layer.{i}.attention.self" for i in range(2))}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Same(1000), "Both graphs are the same: 1,000 nodes."),
        (Totals("a", "b", 1000, 1, 2, 3), "1,000 nodes are the same, 1 changed, 2 are only in a, 3 only in b."),
        (Alone("a", ("b", "c", "d", "e", "f"), 1000), "Only a has b, c, d, e and 1 more, with 1,000 parameters."),
        (NoLoss("labels", "loss", (), 2, 1), "no loss: loss is gone, and the model gives 1 output in place of 2."),
        (NotNeeded("mask", (("add", 2), ("mul", 1))), "Without mask 3 operators that need it are gone: 2 add, 1 mul."),
        (InPlace("mask", ("a", "b"), "c", "d", Origin(), ()), "place of a, b, made from mask, c takes d, a constant."),
        (InPlace("mask", ("a",), "c", "d", Origin(("ids",)), (("sdpa", 2),)), "c takes d, made from ids, for 2 sdpa."),
        (SizesFrom("mask", ("ids",)), "The sizes of the inputs are read off ids in place of mask."),
        (OtherMode("train", "eval"), "The left graph was captured in train mode, the right in eval mode."),
        (Removed((("dropout", 6),), 8), "6 dropout are gone; 8 nodes that used them now take what came before."),
        (Removed((("add", 1),), 1), "1 add is gone; 1 node that used it now takes what came before."),
        (Added((("add", 1),)), "1 add is new."),
        (Setting("sdpa", "p 0.1 → 0.0", ("a", "b", "c", "d", "e")), "In 5 sdpa p 0.1 → 0.0 (a, b, c, d, …)."),
    ],
)
def test_reasons_in_words(reason: Reason, words: str) -> None:
    assert sentence(reason).endswith(words)
