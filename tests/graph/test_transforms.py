"""Transforms: what they change, that they leave the rest, and the difference that is reported."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.errors import InputError
from engine.graph.analyses import summary
from engine.graph.check import DRAWS, check, run
from engine.graph.erase import try_erase
from engine.graph.inputs import example
from engine.graph.passes import PASSES, parse_pass
from engine.graph.transforms import TRANSFORMS, apply, copied
from tests.graph.models import ALL, ALONE, MASKED, Perceptron, Undecided, bert, captured, program


@pytest.mark.parametrize("inputs", [ALL, MASKED, ALONE], ids=",".join)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_capture_gives_what_the_model_gives(inputs: tuple[str, ...], attention: str) -> None:
    found = check(captured(inputs, attention))
    assert found.difference is not None
    assert found.difference < 1e-5
    assert found.switched == 8  # six modules and one in each attention, fused or not


def test_dropout_is_gone_in_attention_too() -> None:
    before = captured()
    after = apply(before, "remove_dropout")
    assert (summary(before.graph)["dropouts"], summary(before.graph)["attention_dropouts"]) == (6, 2)
    assert (summary(after.graph)["dropouts"], summary(after.graph)["attention_dropouts"]) == (0, 0)
    found = check(after)
    assert found.switched == 0
    assert found.difference is not None
    assert found.difference < 1e-5
    assert len(before.graph.nodes) - len(after.graph.nodes) == 6
    assert after.graph.passes == ("remove_dropout",)


def test_the_program_before_is_untouched() -> None:
    before = captured()
    kept = before.graph
    assert before.module is not None
    nodes = [str(node) for node in before.module.graph.nodes]
    for text in ("remove_dropout", "fold_constants", "merge_duplicates", "remove_no_ops", "quantize_linear(fixed(8))"):
        apply(before, text)
    assert before.graph is kept
    assert [str(node) for node in before.module.graph.nodes] == nodes


@pytest.mark.parametrize("text", ["fold_constants", "merge_duplicates", "remove_no_ops"])
def test_safe_transforms_make_it_smaller_and_change_nothing(text: str) -> None:
    before = apply(captured(), "remove_dropout")
    after = apply(before, text)
    assert len(after.graph.operators) < len(before.graph.operators)
    assert check(after).difference == check(before).difference


def test_two_dropouts_of_one_input_are_not_merged() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.drop(x) + self.drop(x) + x.exp() * x.exp()

    after = apply(program(Twice()), "merge_duplicates")
    assert [node.operator for node in after.graph.operators].count("dropout") == 2
    assert [node.operator for node in after.graph.operators].count("exp") == 1


def test_a_constant_is_computed_once() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([1.0, 2.0]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (self.scale.exp() + torch.ones(2)).sum()

    after = apply(program(Scaled(), width=2), "fold_constants")
    assert [node.operator for node in after.graph.operators] == ["mul"]
    assert check(after).difference == 0


@pytest.mark.parametrize("spec", ["fixed(8)", "ternary"])
def test_quantised_layers_give_what_the_quantised_model_gives(spec: str) -> None:
    """The oracle is the model quantised by `quantize_model` and run as a module."""
    after = apply(apply(captured(ALONE), "remove_dropout"), f"quantize_linear({spec})")
    reference = quantize_model(bert().eval(), LayerFormats(weight=spec))
    inputs = example(ALONE, reference, sizes=DRAWS[0], seed=5)
    assert after.module is not None
    with torch.no_grad():
        expected = reference(**inputs).logits
    (ours,) = run(after.module, inputs)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
    found = check(after)
    assert found.difference is not None
    assert 1e-4 < found.difference < 2
    assert f"{found.difference:.3g}" in found.sentence


def test_quantised_layers_cost_their_bits() -> None:
    before = program(Perceptron()).graph
    after = apply(program(Perceptron()), "quantize_linear(fixed(8), second)").graph
    saved = 16 * 4 * 3  # a byte in place of four for each weight of the second layer; biases stay
    assert summary(before)["weight_bytes"] - summary(after)["weight_bytes"] == saved
    assert summary(before)["flops"] == summary(after)["flops"]
    assert summary(before)["parameters"] == summary(after)["parameters"]
    (node,) = (node for node in after.operators if node.target == "QuantizedLinear")
    assert (node.module, node.operator, node.name) == ("second", "linear", "linear_1_quantized")


def test_random_inputs_show_what_a_wrong_transform_does() -> None:
    cut = captured()
    assert cut.module is not None
    module = copied(cut.module)
    (gelu, *_) = (node for node in module.graph.nodes if "gelu" in node.name)
    gelu.replace_all_uses_with(gelu.args[0])
    found = check(cut.described(module))
    assert found.difference is not None
    assert found.difference > 1e-4


def test_a_program_that_cannot_run_is_told_so() -> None:
    cut = program(Perceptron())
    assert cut.module is not None
    module = copied(cut.module)
    (second,) = (node for node in module.graph.nodes if node.name == "linear_1")
    second.update_arg(0, next(node for node in module.graph.nodes if node.op == "placeholder"))
    found = check(replace(cut, module=module))
    assert found.difference is None
    assert "could not be compared" in found.sentence


def test_erasing_a_node_that_is_used_says_what_torch_says_then_does_it_right() -> None:
    before = captured()
    report, after = try_erase(before, "dropout")
    assert report.error.startswith("Tried to erase Node dropout but it still had 4 users in the graph")
    assert set(report.users) == set(before.graph.by_name["dropout"].users)
    assert report.replacement == "layer_norm"
    assert ("dropout", report.users[0]) in report.before
    assert report.after == tuple(("layer_norm", user) for user in report.users)
    assert after is not None
    assert "dropout" not in after.graph.by_name
    assert set(report.users) <= set(after.graph.by_name["layer_norm"].users)
    found = check(after)
    assert found.difference is not None
    assert found.difference < 1e-5


def test_a_node_without_an_input_of_its_shape_cannot_be_replaced() -> None:
    report, after = try_erase(program(Perceptron()), "linear")
    assert "still had 1 users" in report.error
    assert after is None
    assert (
        report.problem == "No input of linear has its shape and type (batch×16, float32): nothing can take its place."
    )


@pytest.mark.parametrize(
    ("node", "sentence"),
    [("nobody", "there is no node nobody"), ("input_ids", "is an input"), ("output", "is an output")],
)
def test_what_cannot_be_erased(node: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        try_erase(captured(), node)


def test_without_a_graph_there_is_nothing_to_transform() -> None:
    with pytest.raises(InputError, match=r"Undecided has no graph: Its forward decides"):
        apply(program(Undecided()), "remove_dropout")


def test_every_pass_has_its_function() -> None:
    assert set(PASSES) == set(TRANSFORMS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("remove_dropouts", "did you mean remove_dropout"),
        ("quantize_linear", r"is written quantize_linear\(format, layers\)"),
        ("remove_dropout(3)", "is written remove_dropout"),
        ("", "the passes are remove_dropout"),
    ],
)
def test_passes_that_there_are_not(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_pass(text)


def test_commas_of_a_format_do_not_separate() -> None:
    assert parse_pass("quantize_linear(fixed(8,6), bert.encoder)")[1] == ("fixed(8,6)", "bert.encoder")


@pytest.mark.parametrize(
    ("text", "sentence"), [("quantize_linear(fixd(8))", "fixed"), ("quantize_linear(fixed(8), nobody)", "nearest")]
)
def test_formats_and_layers_that_there_are_not(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        apply(program(Perceptron()), text)
