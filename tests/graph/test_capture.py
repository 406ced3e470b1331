"""What a capture holds, against facts known by hand and against torch's own counter."""

import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from engine.errors import InputError
from engine.graph import record
from engine.graph.analyses import summary
from engine.graph.capture import capture
from engine.graph.inputs import example
from tests.graph.models import ALL, ALONE, MASKED, Fixed, Perceptron, Undecided, bert, captured, program, subject


def test_parameters_are_those_of_the_model() -> None:
    graph = captured().graph
    assert summary(graph)["parameters"] == sum(weight.numel() for weight in bert().parameters())
    assert {node.target: node.parameters for node in graph.nodes if node.kind == "weight"} == {
        name: weight.numel() for name, weight in bert().named_parameters()
    }


def fused(query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object) -> int:
    return sdpa_flop_count(query, key, value)


# torch's counter does not know the fused attention of CPUs by itself.
CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: fused}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_flops_are_those_that_torch_counts_when_it_runs_the_model(attention: str) -> None:
    model = bert(attention).eval()
    inputs = example(MASKED, model, sizes={"batch": 1, "sequence": 32}, seed=0)
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter, torch.no_grad():
        model(**inputs)
    graph = capture(subject(model), MASKED, sizes={"batch": 1, "sequence": 32}).graph
    assert summary(graph)["flops"] == counter.get_total_flops()


def test_attention_flops_are_two_products_of_matrices() -> None:
    graph = captured().graph
    heads, width, sequence = 2, 16, 128
    product = 2 * heads * sequence * sequence * width
    assert summary(graph)["attention_flops"] == 2 * product * 2  # two products in each of two layers


def test_a_perceptron_by_hand() -> None:
    graph = program(Perceptron()).graph
    assert [node.operator for node in graph.operators] == ["linear", "relu", "dropout", "linear"]
    first, _, dropout, second = graph.operators
    assert (first.flops, second.flops) == (2 * 8 * 16, 2 * 16 * 4)
    assert (first.shape, second.shape) == (("batch", "16"), ("batch", "4"))
    assert first.output_bytes == 16 * 4
    assert first.inputs == ("x", "first_weight", "first_bias")
    assert first.module == "first"
    assert dropout.module == "drop"
    assert dict(dropout.settings) == {"p": "0.5", "train": "True"}
    assert first.users == ("relu",)
    assert graph.by_name["relu"].source.startswith("models.py:")
    assert "torch.relu" in graph.by_name["relu"].code


def test_batch_and_sequence_are_dynamic_and_named() -> None:
    shapes = {node.shape for node in captured().graph.operators}
    assert ("batch", "sequence", "32") in shapes
    assert ("batch", "2", "sequence", "16") in shapes
    assert not any("s" in part and part != "sequence" for shape in shapes if shape for part in shape if part.isalpha())


def test_a_view_holds_no_memory_of_its_own() -> None:
    nodes = captured().graph.operators
    assert all(node.output_bytes == 0 for node in nodes if node.operator in ("view", "transpose", "expand", "select"))
    assert all(node.output_bytes > 0 for node in nodes if node.operator in ("linear", "layer_norm", "gelu"))


def test_edges_are_the_same_from_both_ends() -> None:
    graph = captured().graph
    forward = {(one, node.name) for node in graph.nodes for one in node.inputs}
    assert forward == {(node.name, user) for node in graph.nodes for user in node.users}


def test_each_node_lies_in_a_module_of_the_model() -> None:
    graph = captured().graph
    assert {node.module for node in graph.nodes} <= set(graph.modules)
    assert graph.modules["bert.encoder.layer.1.attention.self"] == "BertSelfAttention"


@pytest.mark.parametrize("inputs", [ALL, MASKED, ALONE], ids=",".join)
def test_the_inputs_are_those_asked_for(inputs: tuple[str, ...]) -> None:
    graph = captured(inputs).graph
    assert tuple(node.name for node in graph.nodes if node.kind == "input") == inputs == graph.inputs


def test_a_description_survives_json() -> None:
    graph = captured().graph
    assert record.from_dict(json.loads(json.dumps(graph.as_dict()))) == graph


def test_what_cannot_be_exported_comes_with_its_reason_and_its_modules() -> None:
    found = program(Undecided())
    assert found.module is None
    assert "decides by the values of tensors at models.py:" in found.graph.problem
    assert found.graph.problem.endswith(".")
    assert found.graph.modules == {"": "Undecided", "layer": "Linear"}
    assert [(node.target, node.parameters) for node in found.graph.nodes] == [("layer.weight", 64), ("layer.bias", 8)]


def test_a_dimension_that_the_model_fixes_is_told() -> None:
    graph = program(Fixed()).graph
    assert not graph.problem
    assert graph.notes == ("The model fixes the dimension batch: it is not dynamic in this graph.",)


def test_an_input_that_is_not_used_is_told() -> None:
    class Deaf(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + 1

    inputs = {"x": torch.zeros(3), "y": torch.zeros(3)}
    assert capture(subject(Deaf()), examples=inputs).graph.notes == ("The input y is not used by the model.",)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ((), "name at least one input"),
        (("input_id",), "there is no input 'input_id'; did you mean input_ids"),
        (("pixel_values",), "BertForSequenceClassification does not take pixel_values; it takes input_ids"),
    ],
)
def test_inputs_that_there_are_not(inputs: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        capture(subject(bert()), inputs)


def test_in_eval_mode_nothing_is_dropped() -> None:
    train, evaluation = captured().graph, captured(mode="eval").graph
    assert summary(train)["attention_dropouts"] == 2
    assert summary(evaluation)["attention_dropouts"] == 0
    assert all(dict(node.settings)["train"] == "False" for node in evaluation.operators if node.operator == "dropout")
