"""Adapters: how many parameters they train, what merging does, and which targets are refused."""

import copy

import pytest
import torch
from torch.nn import functional
from transformers import BertForSequenceClassification

from engine.compress import LayerFormats, QuantizedLinear, quantize_model
from engine.compress.lora import LoraSettings, add_lora, merge_lora, trainable
from engine.compress.prune_masks import mask_of, set_mask
from engine.errors import InputError
from engine.formats import parse

Batches = list[dict[str, torch.Tensor]]


def stir(model: torch.nn.Module) -> None:
    """Adapters begin as zero: gives them values as training would."""
    torch.manual_seed(5)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)


def logits(model: torch.nn.Module, batches: Batches) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([model(**batch).logits for batch in batches])


@pytest.mark.parametrize(
    ("targets", "shapes"),
    [
        ((), [(32, 32)] * 8 + [(48, 32), (32, 48)] * 2),
        (("*.query", "*.key"), [(32, 32)] * 4),
        (("*.intermediate.dense",), [(48, 32)] * 2),
        (("bert.encoder.layer.1",), [(32, 32)] * 4 + [(48, 32), (32, 48)]),
        (("classifier",), [(2, 32)]),
        (("Linear",), [(32, 32)] * 9 + [(48, 32), (32, 48)] * 2 + [(2, 32)]),
    ],
)
def test_parameters_are_those_of_the_formula(
    bert: BertForSequenceClassification, targets: tuple[str, ...], shapes: list[tuple[int, int]]
) -> None:
    """rank · (in + out) for each layer, four bytes each; nothing else trains."""
    total = sum(parameter.numel() for parameter in bert.parameters())
    names = add_lora(bert, LoraSettings(rank=3, targets=targets))
    count = sum(3 * (rows + columns) for rows, columns in shapes)
    assert len(names) == len(shapes)
    assert trainable(bert) == (count, 4 * count, total + count)


def test_it_starts_as_the_model_itself(bert: BertForSequenceClassification, batches: Batches) -> None:
    before = logits(bert, batches)
    add_lora(bert, LoraSettings(dropout=0.5))
    assert torch.equal(logits(bert.eval(), batches), before)


def test_merging_gives_the_same_outputs_and_an_ordinary_model(
    bert: BertForSequenceClassification, batches: Batches
) -> None:
    names, keys = [name for name, _ in bert.named_parameters()], list(bert.state_dict())
    original = copy.deepcopy(bert)
    add_lora(bert, LoraSettings(rank=4, alpha=8, targets=("Linear",)))
    stir(bert)
    before = logits(bert, batches)
    query = bert.get_submodule("bert.encoder.layer.0.attention.self.query")
    low_rank = 2.0 * query.lora_B["default"].weight @ query.lora_A["default"].weight
    merge_lora(bert)
    assert torch.allclose(logits(bert, batches), before, atol=1e-5)
    assert not torch.allclose(before, logits(original, batches), atol=1e-3)
    assert [name for name, _ in bert.named_parameters()] == names
    assert list(bert.state_dict()) == keys
    assert all(parameter.requires_grad for parameter in bert.parameters())
    wanted = original.bert.encoder.layer[0].attention.self.query.weight + low_rank
    assert torch.allclose(bert.bert.encoder.layer[0].attention.self.query.weight, wanted, atol=1e-6)


def test_a_seed_fixes_where_adapters_begin(bert: BertForSequenceClassification) -> None:
    def begin(seed: int) -> torch.Tensor:
        model = copy.deepcopy(bert)
        add_lora(model, LoraSettings(), seed)
        return model.get_parameter("bert.encoder.layer.0.attention.self.query.lora_A.default.weight")

    assert torch.equal(begin(1), begin(1))
    assert not torch.equal(begin(1), begin(2))


def test_a_quantised_model_keeps_its_formats(bert: BertForSequenceClassification, batches: Batches) -> None:
    model = quantize_model(bert, LayerFormats("fixed(4)", "fixed(8)"), batches)
    formats = {n: str(m.weight_format.format) for n, m in model.named_modules() if isinstance(m, QuantizedLinear)}
    add_lora(model, LoraSettings())
    stir(model)
    merge_lora(model)
    kept = {n: str(m.weight_format.format) for n, m in model.named_modules() if isinstance(m, QuantizedLinear)}
    assert kept == formats


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        (("*.querry",), r"called '\*\.querry'; the nearest are .*query"),
        (("bert.embeddings.word_embeddings",), "LoRA adapts linear layers"),
    ],
)
def test_targets_that_cannot_be_adapted(
    bert: BertForSequenceClassification, targets: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        add_lora(bert, LoraSettings(targets=targets))


def test_a_kind_of_model_that_nobody_knows(bert: BertForSequenceClassification) -> None:
    bert.config.model_type = "homemade"
    names = add_lora(bert, LoraSettings())
    assert len(names) == 12, "six in each of two blocks, found without knowing the kind"
    with pytest.raises(InputError, match="no repeated blocks of linear layers; name layers as targets"):
        add_lora(torch.nn.Sequential(torch.nn.Linear(2, 2)), LoraSettings())


@pytest.fixture
def layer() -> torch.nn.Sequential:
    torch.manual_seed(1)
    return quantize_model(torch.nn.Sequential(torch.nn.Linear(8, 4)), LayerFormats("fixed(4,2)", "fp32"))


def test_under_a_format_the_sum_is_rounded(layer: torch.nn.Sequential) -> None:
    """Straight-through: the gradient of the sum is that of the rounded weight, passed on by the product rule."""
    x, weight, bias = torch.randn(5, 8), layer[0].weight.detach().clone(), layer[0].bias.detach().clone()
    before = layer(x)
    add_lora(layer, LoraSettings(rank=2, alpha=6, targets=("0",)), seed=3)
    assert torch.equal(layer(x), before)
    adapter = layer[0].parametrizations.weight[0]
    assert {id(one) for one in layer.parameters() if one.requires_grad} == {id(adapter.up), id(adapter.down)}
    with torch.no_grad():
        adapter.up.normal_(std=0.3)
    rounded = parse("fixed(4,2)").quantize(weight + 3.0 * adapter.up.detach() @ adapter.down.detach())
    out = layer(x)
    assert torch.allclose(out, functional.linear(x, rounded, bias), atol=1e-6)
    out.square().sum().backward()
    of_weight = (2 * out.detach()).T @ x
    assert torch.allclose(adapter.up.grad, 3.0 * of_weight @ adapter.down.detach().T, rtol=1e-5)
    assert torch.allclose(adapter.down.grad, 3.0 * adapter.up.detach().T @ of_weight, rtol=1e-5)
    with torch.no_grad():
        held = layer(x)
        merge_lora(layer)
        assert torch.equal(layer(x), held)
    assert {name for name, _ in layer.named_parameters()} == {"0.weight", "0.bias"}
    assert all(one.requires_grad for one in layer.parameters())


def test_what_is_held_follows_the_adapter(layer: torch.nn.Sequential) -> None:
    x = torch.randn(5, 8)
    add_lora(layer, LoraSettings(rank=2, targets=("0",)))
    with torch.no_grad():
        before = layer(x)
        layer[0].parametrizations.weight[0].up.add_(1.0)
        assert not torch.equal(layer(x), before)


def test_under_a_mask_zeros_stay(layer: torch.nn.Sequential) -> None:
    mask = torch.rand(4, 8) > 0.5
    set_mask(layer[0], mask)
    add_lora(layer, LoraSettings(rank=2, targets=("0",)))
    with torch.no_grad():
        layer[0].parametrizations.weight[0].up.normal_()
    assert not layer[0].quantized()[0][~mask].any()
    merge_lora(layer)
    assert not layer[0].quantized()[0][~mask].any()
    assert torch.equal(mask_of(layer[0]), mask)


def test_dropout_has_no_input_under_a_format(layer: torch.nn.Sequential) -> None:
    with pytest.raises(InputError, match="set dropout to 0"):
        add_lora(layer, LoraSettings(dropout=0.1, targets=("0",)))
