"""Who divides by S: found in models of many families, left where anything else would change, kept in files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from engine.compress import LayerFormats, layer_report, quantize_model
from engine.compress.absorption import absorbers
from engine.compress.layers import absorbed_layers
from engine.compress.preparation import Preparation, Scaled, prepared_layers
from engine.compress.prepared import prepared_model
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import set_threshold
from engine.compress.prune_units import example_inputs
from engine.compress.report import by_method
from engine.exports.plain import plain_model
from engine.models.classifier import Classifier
from engine.models.python_file import CARRIED
from engine.preparing import Preparing
from engine.store import load, save
from engine.store.record import Stored
from engine.store.small import PreparedRecord
from tests.compress.methods.test_apply import logits

SMOOTH, AWQ = Preparing("smooth"), Preparing("awq")
EXACT = LayerFormats("fixed(28)", "fp32", "fp32")
"""Rounds next to nothing."""
SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}


def llama(heads: int = 4) -> nn.Module:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, num_key_value_heads=heads))


def opt() -> nn.Module:
    sizes = {name: value for name, value in SIZES.items() if name != "intermediate_size"}
    return transformers.OPTForCausalLM(transformers.OPTConfig(**sizes, ffn_dim=48, word_embed_proj_dim=32))


def gemma() -> nn.Module:
    return transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**SIZES, head_dim=8, num_key_value_heads=4))


def bert() -> nn.Module:
    return transformers.BertForSequenceClassification(transformers.BertConfig(**SIZES))


def mixtral() -> nn.Module:
    return transformers.MixtralForCausalLM(
        transformers.MixtralConfig(**SIZES, num_key_value_heads=4, num_local_experts=4)
    )


def resnet() -> nn.Module:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[2], layer_type="basic")
    return transformers.ResNetForImageClassification(config)


QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
INTO_NORMS = {QKV: "input_layernorm", ("mlp.gate_proj", "mlp.up_proj"): "post_attention_layernorm"}
VALUES, UP = {("self_attn.o_proj",): "self_attn.v_proj"}, {("mlp.down_proj",): "mlp.up_proj"}
OUT = {("self_attn.out_proj",): "self_attn.v_proj", ("fc1",): "final_layer_norm", ("fc2",): "fc1"}
FAMILIES: dict[str, tuple[Callable[[], nn.Module], str, dict[tuple[str, ...], str | None]]] = {
    # what each block's layers are divided for by, read off the architectures by hand
    "llama": (llama, "model.layers.1.", INTO_NORMS | VALUES | UP),
    "heads that share values": (lambda: llama(2), "model.layers.1.", INTO_NORMS | {("self_attn.o_proj",): None} | UP),
    "opt: relu passes a scale on": (opt, "model.decoder.layers.1.", {QKV: "self_attn_layer_norm"} | OUT),
    "gemma: norms add 1": (gemma, "model.layers.1.", dict.fromkeys(INTO_NORMS) | VALUES | UP),
    "bert: norms go to the residual too": (
        bert,
        "bert.encoder.layer.1.",
        {
            ("attention.self.query", "attention.self.key", "attention.self.value"): None,
            ("attention.output.dense",): "attention.self.value",
            ("intermediate.dense",): None,
            ("output.dense",): None,
        },
    ),
    "mixtral: without its experts": (mixtral, "model.layers.1.", {QKV: "input_layernorm"} | VALUES),
    "resnet: batch norms through relu": (
        resnet,
        "resnet.encoder.stages.0.layers.0.layer.",
        {("0.convolution",): None, ("1.convolution",): "0.normalization"},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_divides_is_found(family: str) -> None:
    torch.manual_seed(0)
    build, below, expected = FAMILIES[family]
    model = build().eval()
    before = {name: (one, one.detach().clone()) for name, one in model.named_parameters()}
    found = absorbers(model, [tuple(below + name for name in group) for group in expected])
    assert found == {
        tuple(below + name for name in group): below + by for group, by in expected.items() if by is not None
    }
    for name, one in model.named_parameters():
        assert one is before[name][0]
        assert torch.equal(one, before[name][1])


def test_layers_that_are_not_all_prepared_keep_their_norm() -> None:
    torch.manual_seed(0)
    below = "model.layers.0."
    assert absorbers(llama(), [tuple(below + name for name in QKV[:2])]) == {}
    assert absorbers(llama(), [(below + "mlp.up_proj",)]) == {}


class Pair(nn.Module):
    """Two layers with something between them; the first one's parameters and outputs may be used otherwise too."""

    def __init__(self, between: Callable[[Tensor], Tensor], more: Callable[["Pair", Tensor], Tensor | float]) -> None:
        super().__init__()
        self.norm, self.first, self.second = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)
        self.between, self.more = between, more
        setattr(self, CARRIED, {"x": torch.randn(5, 8)})

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.norm(x))
        return self.second(self.between(h)) + self.more(self, h)


def nothing(*_: object) -> float:
    return 0.0


class InPlace(Pair):
    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.norm(x))
        keep = h[:, :4]
        y = self.second(h)
        return y + keep.sum(-1, keepdim=True)


PAIRS: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "straight": (lambda: Pair(lambda h: h, nothing), True),
    "relu": (lambda: Pair(torch.relu, nothing), True),
    "reshaped": (lambda: Pair(lambda h: h.view(5, 2, 8).transpose(0, 1).transpose(0, 1).reshape(5, 16), nothing), True),
    "gelu": (lambda: Pair(functional.gelu, nothing), False),
    "relu6": (lambda: Pair(functional.relu6, nothing), False),
    "flipped": (lambda: Pair(lambda h: h.flip(-1), nothing), False),
    "added to": (lambda: Pair(lambda h: h + 1, nothing), False),
    "goes on beside": (lambda: Pair(lambda h: h, lambda _, h: h.mean()), False),
    "goes on through a view": (lambda: InPlace(lambda h: h, nothing), False),
    "goes on detached, as a choice": (lambda: Pair(lambda h: h, lambda _, h: h.argmax(-1, keepdim=True) / 16), False),
    "its weight is read": (lambda: Pair(lambda h: h, lambda one, _: one.first.weight.sum()), False),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_divides_only_where_nothing_else_changes(name: str) -> None:
    torch.manual_seed(0)
    build, divides = PAIRS[name]
    assert absorbers(build().eval(), [("second",)]) == ({("second",): "first"} if divides else {})


def test_what_has_doubts_about_it_is_left() -> None:
    torch.manual_seed(0)
    tied = Pair(lambda h: h, nothing)
    tied.other = nn.Linear(8, 16)
    tied.other.weight = tied.first.weight
    assert absorbers(tied, [("second",)]) == {}
    zeroing = Pair(lambda h: h, nothing)
    set_threshold(zeroing.second, 1e-9)
    assert absorbers(zeroing, [("second",)]) == {}
    unknown = Pair(lambda h: h, nothing)
    setattr(unknown, CARRIED, {"y": torch.randn(5, 8)})
    assert absorbers(unknown, [("second",)]) == {}


@pytest.mark.parametrize("family", ["llama", "opt: relu passes a scale on", "heads that share values"])
def test_the_absorbed_model_is_the_dividing_one_up_to_rounding(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    build, below, groups = FAMILIES[family]
    model = build().eval()
    chosen: dict[str, Preparation] = {}
    for group in groups:
        names = [below + name for name in group]
        scale = torch.rand(model.get_submodule(names[0]).in_features) * 4 + 0.1
        chosen |= dict.fromkeys(names, Scaled(AWQ, scale))
    batch = example_inputs(model)
    absorbed = prepared_model(model, chosen)
    monkeypatch.setattr("engine.compress.prepared.absorbers", lambda *_: {})
    dividing = prepared_model(model, chosen)
    assert absorbed_layers(absorbed)
    assert not absorbed_layers(dividing)
    assert set(chosen) == set(prepared_layers(dividing)) == {*prepared_layers(absorbed), *absorbed_layers(absorbed)}
    for name in absorbed_layers(absorbed):
        torch.testing.assert_close(*(entering(one, name, batch) for one in (absorbed, dividing)))
    for other in (dividing, model):
        torch.testing.assert_close(logits(absorbed, [batch]), logits(other, [batch]))


def entering(model: nn.Module, name: str, batch: dict[str, Tensor]) -> Tensor:
    """What a layer multiplies."""
    layer, seen = model.get_submodule(name), []
    hook = layer.register_forward_pre_hook(lambda _, args: seen.append(layer.rounded_inputs(args[0])))
    logits(model, [batch])
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("method", ["nearest", "gptq"])
def test_what_is_saved_is_read_again_and_saved_again(
    method: str, pruned: bool, classifier: Classifier, batches: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    start = prune_model(classifier.model, Pruning(sparsity=0.5)) if pruned else classifier.model
    model = quantize_model(start, LayerFormats("int(4,16)"), batches, method, preparing=SMOOTH)
    below = "bert.encoder.layer.{}.attention."
    found = {name: one.by for name, one in absorbed_layers(model).items()}
    assert found == {below.format(n) + "output.dense": below.format(n) + "self.value" for n in (0, 1)} | {
        "bert.pooler.dense": "bert.encoder.layer.1.output.LayerNorm"
    }
    assert {one.name: one.absorbed for one in layer_report(model) if one.absorbed} == found
    assert {one.prepare for one in layer_report(model)} == {"smooth"}
    assert by_method(model) | {"damped": 0} == {"prepared": 11, "absorbed": 3, "damped": 0}
    save(replace(classifier, model=model), tmp_path / "once")
    again = load(tmp_path / "once", task="text-classification")
    assert torch.equal(logits(model, batches), logits(again.model, batches))
    assert absorbed_layers(again.model) == absorbed_layers(model)
    save(again, tmp_path / "twice")
    for name in ("compressed.safetensors", "compression.json"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("once", "twice"))
        assert first == second


def test_weights_that_are_shared_with_the_original_stay_its_own(
    classifier: Classifier, batches: list[dict[str, Tensor]]
) -> None:
    before = {name: one.clone() for name, one in classifier.model.state_dict().items()}
    quantize_model(classifier.model, EXACT, batches, preparing=SMOOTH, shared=True)
    assert all(torch.equal(one, before[name]) for name, one in classifier.model.state_dict().items())


def test_nothing_is_left_to_divide_for_an_export() -> None:
    torch.manual_seed(0)
    model = opt().eval()
    prepared = quantize_model(model, EXACT, [example_inputs(model)], preparing=SMOOTH)
    stored = Stored({})
    PreparedRecord().store(prepared, stored)
    assert len(stored.manifest.absorbed) == 12
    assert stored.manifest.prepared == {}
    plain = plain_model(prepared, lambda _: None)
    assert not any(one._forward_pre_hooks for one in plain.modules())
    assert torch.equal(logits(plain, [example_inputs(model)]), logits(prepared, [example_inputs(model)]))
