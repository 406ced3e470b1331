"""Calibration block by block against whole passes of a model whose earlier layers are changed already."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    ResNetConfig,
    ResNetForImageClassification,
)

from engine.compress import LayerFormats, quantize_model, quantized_layers
from engine.compress.batches import watch_inputs
from engine.compress.methods.statistics import Statistics
from engine.compress.methods.walk import Inputs, gather, plan_of, walk
from engine.compress.selection import included_layers
from engine.errors import InputError
from engine.layers import kind_of


def llama() -> tuple[nn.Module, list[dict[str, torch.Tensor]]]:
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        use_cache=False,
    )
    return LlamaForCausalLM(config), [{"input_ids": torch.randint(0, 40, (2, 9))} for _ in range(2)]


def albert() -> tuple[nn.Module, list[dict[str, torch.Tensor]]]:
    config = AlbertConfig(
        vocab_size=40,
        embedding_size=16,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
    )
    return AlbertForSequenceClassification(config), [{"input_ids": torch.randint(0, 40, (2, 9))} for _ in range(2)]


def bart() -> tuple[nn.Module, list[dict[str, torch.Tensor]]]:
    config = BartConfig(
        vocab_size=40,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_position_embeddings=32,
        use_cache=False,
    )
    ids = [torch.randint(4, 40, (2, 9)) for _ in range(2)]
    return BartForConditionalGeneration(config), [{"input_ids": one, "decoder_input_ids": one} for one in ids]


def resnet() -> tuple[nn.Module, list[dict[str, torch.Tensor]]]:
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic")
    return ResNetForImageClassification(config), [{"pixel_values": torch.randn(2, 3, 16, 16)} for _ in range(2)]


MODELS = {"llama": (llama, 5), "albert": (albert, 0), "bart": (bart, 4), "resnet": (resnet, 2)}
KINDS = ("Linear", "Conv2d")


def layers_of(model: nn.Module) -> list[str]:
    kinds = [kind for kind in KINDS if any(type(module).__name__ == kind for module in model.modules())]
    return [name for name in included_layers(model, kinds) if not kind_of(model.get_submodule(name)).table]


def made(name: str) -> tuple[nn.Module, list[dict[str, torch.Tensor]]]:
    torch.manual_seed(0)
    model, batches = MODELS[name][0]()
    return model.eval(), batches


def shrink(model: nn.Module, found: Sequence[Inputs]) -> None:
    for inputs in found:
        for name in inputs.names:
            model.get_submodule(name).weight.data.mul_(0.7)


@pytest.mark.parametrize("name", MODELS)
def test_each_stage_sees_what_the_changed_layers_before_it_give(name: str) -> None:
    model, batches = made(name)
    names = layers_of(model)
    seen: list[str] = []

    def visit(found: Sequence[Inputs]) -> None:
        for inputs in found:
            whole = {one: Statistics(model.get_submodule(one)) for one in inputs.names}
            watch_inputs(model, {one: statistics.observe for one, statistics in whole.items()}, batches)
            for one, statistics in whole.items():
                torch.testing.assert_close(inputs.moments.hessian, statistics.moments().hessian, rtol=1e-6, atol=1e-9)
                assert inputs.moments.seen == statistics.seen
                seen.append(one)
        shrink(model, found)

    walk(model, plan_of(model, names, batches), batches, visit)
    assert sorted(seen) == sorted(names)


def test_blocks_and_shared_inputs_are_found() -> None:
    model, batches = made("llama")
    plan = plan_of(model, layers_of(model), batches)
    assert [stage.block for stage in plan] == ["model.layers.0", "model.layers.1", "model.layers.2", None]
    short = [tuple(name.split(".")[-1] for name in same) for same in plan[1].siblings]
    assert short == [("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",)]


@pytest.mark.parametrize(("name", "blocks"), [("albert", 0), ("bart", 4), ("resnet", 2)])
def test_only_what_runs_once_is_a_block(name: str, blocks: int) -> None:
    model, batches = made(name)
    plan = plan_of(model, layers_of(model), batches)
    assert sum(stage.block is not None for stage in plan) == blocks


@pytest.mark.parametrize("name", MODELS)
def test_a_walk_that_was_stopped_goes_on_with_the_same_numbers(name: str) -> None:
    whole, batches = made(name)
    plan = plan_of(whole, layers_of(whole), batches)
    expected: list[Inputs] = []
    stop = len(plan) - 2

    def first(found: Sequence[Inputs]) -> None:
        expected.extend(found)
        shrink(whole, found)

    walk(whole, plan, batches, first)
    part, _ = made(name)
    part.load_state_dict(made(name)[0].state_dict())
    changed = {one for stage in plan[:stop] for one in stage.names}
    for one in changed:
        part.get_submodule(one).weight.data.mul_(0.7)
    got: list[Inputs] = []
    walk(part, plan, batches, lambda found: (got.extend(found), shrink(part, found)), start=stop)
    for one, other in zip(expected[-len(got) :], got, strict=True):
        assert one.names == other.names
        assert torch.equal(one.moments.hessian, other.moments.hessian)


def test_a_block_whose_successors_see_more_than_its_output_is_none() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Sequential(nn.Linear(6, 6), nn.ReLU()) for _ in range(3)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs = [x]
            for layer in self.layers:
                outputs.append(layer(sum(outputs)))
            return sum(outputs)

    torch.manual_seed(0)
    plan = plan_of(Skipping(), ["layers.0.0", "layers.1.0", "layers.2.0"], [{"x": torch.randn(4, 6)}])
    assert [stage.block for stage in plan] == [None, None, None]


def test_all_at_once_is_the_model_as_it_is() -> None:
    model, batches = made("llama")
    names = layers_of(model)
    for inputs in gather(model, plan_of(model, names, batches), batches):
        statistics = Statistics(model.get_submodule(inputs.names[0]))
        watch_inputs(model, {inputs.names[0]: statistics.observe}, batches)
        assert torch.equal(inputs.moments.hessian, statistics.moments().hessian)


def test_a_layer_that_is_never_run_is_named() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    with pytest.raises(InputError, match="unused has no inputs"):
        plan_of(Half(), ["used", "unused"], [{"x": torch.randn(2, 4)}])
    with pytest.raises(InputError, match="training data"):
        plan_of(Half(), ["used"], [])


def test_statistics_are_of_the_inputs_that_a_layer_multiplies() -> None:
    """H was of the inputs before they were rounded, and GPTQ below four bits was worse than the nearest values."""
    torch.manual_seed(0)
    model, batches = llama()
    names = layers_of(model)
    coarse = [name for name in names if name.endswith("q_proj")]
    specs = {name: "int(2)" if name in coarse else "int(8)" for name in names}
    quantised = quantize_model(model, LayerFormats(weight=specs, activation=specs), batches)
    found = gather(quantised, plan_of(quantised, names, batches), batches)
    assert sorted(name for inputs in found for name in inputs.names) == sorted(names)
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    watch_inputs(quantised, {name: seen[name].append for name in names}, batches)
    for inputs in found:
        for name in inputs.names:
            layer = quantized_layers(quantised)[name]
            x = layer.input_format(torch.cat([one.reshape(-1, one.shape[-1]) for one in seen[name]])).double()
            torch.testing.assert_close(inputs.moments.hessian[0], 2 * x.T @ x / len(x), rtol=1e-5, atol=1e-7)


class Branches(nn.Module):
    """Convolutions beside each other: of one input each lays out patches of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.three, self.dilated = (nn.Conv2d(2, 3, 3, padding=d, dilation=d, bias=False) for d in (1, 2))
        self.again = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.one = nn.Conv2d(2, 3, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.three(x), self.dilated(x), self.again(x), self.one(x)], 1)


def test_branches_have_the_statistics_of_their_own_patches() -> None:
    torch.manual_seed(0)
    model, x = Branches(), torch.randn(2, 2, 6, 6)
    names = ["three", "dilated", "again", "one"]
    found = gather(model, plan_of(model, names, [{"x": x}]), [{"x": x}])
    assert [inputs.names for inputs in found] == [("three", "again"), ("dilated",), ("one",)]
    for inputs in found:
        for name in inputs.names:
            layer = model.get_submodule(name)
            weight = layer.get_parameter("weight").detach().double().flatten(1)
            energy = (weight @ inputs.moments.hessian[0] * weight).sum()  # tr(W·H·Wᵀ) is that of the outputs
            outputs = layer(x).detach().double()
            torch.testing.assert_close(energy, 2 * outputs.square().sum(1).mean(), rtol=1e-5, atol=0.0)
