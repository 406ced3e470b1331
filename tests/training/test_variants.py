"""Models trained as one learn what each would learn alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model, stacking_key
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of, masked_layers
from engine.formats.mix import parse_mix
from engine.preparing import parse_preparing
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.context import Context
from engine.training.objective import Classes
from engine.training.state import Checkpoints
from engine.training.train import Optimizer, TrainSettings, train
from engine.training.variants import CheckpointEach, Variants, can_stack, clip_each
from tests.training.small import small_model, small_tokens

SPECS = ("fixed(4,2)", "fixed(6,3)", "fixed(12,8)")
SETTINGS = TrainSettings(steps=12, batch_size=24, learning_rate=5e-3, seed=3)
INPUTS = {"input_ids": torch.tensor([[1, 7, 9], [2, 3, 4]])}


class KilledError(Exception):
    """What stands for kill -9."""


def quantized(spec: str, dropout: float = 0.0) -> nn.Module:
    wanted = parse_mix(spec)
    formats = LayerFormats(weight=wanted, activation=wanted, bias=wanted, include=("Linear",), exclude=())
    return quantize_model(small_model(dropout), formats)


def trained(model: nn.Module, settings: TrainSettings = SETTINGS, until: int | None = None, **more: Any) -> list[Any]:
    losses: list[Any] = []

    def on_step(step: int, total: int, *values: float) -> None:
        if step == until:
            raise KilledError
        losses.append(values)

    train(model, small_tokens(), Classes(), settings, device="cpu", on_step=on_step, **more)
    return losses


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_each_learns_what_it_learns_alone(optimizer: Optimizer) -> None:
    """Dropout, weight decay and clipping included: a small norm clips some and not others."""
    settings = TrainSettings(
        steps=12, batch_size=24, learning_rate=5e-3, optimizer=optimizer, weight_decay=0.1, max_gradient_norm=0.8
    )
    alone = [quantized(spec, dropout=0.3) for spec in SPECS]
    expected = [trained(model, settings) for model in alone]
    models = [quantized(spec, dropout=0.3) for spec in SPECS]
    found = trained(Variants(models), settings)
    assert torch.allclose(torch.tensor(found).T, torch.tensor(expected)[:, :, 0], atol=1e-4)
    for model, one in zip(models, alone, strict=True):
        for here, there in zip(model.parameters(), one.parameters(), strict=True):
            assert torch.allclose(here, there, atol=5e-3)
    with torch.no_grad():
        logits = [model(**INPUTS).logits for model in models]
    assert not torch.allclose(logits[0], logits[2], atol=1e-2)


@pytest.mark.parametrize(
    "specs",
    [
        ("int(10)", "int(12)", "int(16)"),
        ("minifloat(4,8)", "minifloat_ieee(5,10)", "minifloat_denorm(6,12)"),
        ("bfp(12,16)", "block_minifloat(3,9,16)", "bfp(16,16)"),
    ],
)
def test_formats_of_one_structure_learn_what_they_learn_alone(specs: tuple[str, ...]) -> None:
    models = [quantized(spec) for spec in specs]
    assert len({stacking_key(model) for model in models}) == 1
    assert can_stack(models, INPUTS)
    found = torch.tensor(trained(Variants(models)))
    expected = torch.tensor([trained(quantized(spec)) for spec in specs])[:, :, 0]
    assert torch.allclose(found.T, expected, atol=1e-3)


def test_masks_of_one_shape_learn_what_they_learn_alone() -> None:
    def pruned(method: str, sparsity: float) -> nn.Module:
        return prune_model(small_model(), Pruning(method=method, sparsity=sparsity, include=("Linear",)))

    asked = (("l1", 0.3), ("l1", 0.9), ("random", 0.6))
    models = [pruned(*one) for one in asked]
    assert len({stacking_key(model) for model in models}) == 1
    before = [{name: mask_of(layer) for name, layer in masked_layers(model).items()} for model in models]
    found = torch.tensor(trained(Variants(models)))
    expected = torch.tensor([trained(pruned(*one)) for one in asked])[:, :, 0]
    assert torch.allclose(found.T, expected, atol=1e-4)
    for model, masks in zip(models, before, strict=True):
        layers = masked_layers(model)
        assert all(torch.equal(mask_of(layer), masks[name]) for name, layer in layers.items())
        assert all((layer.weight[~masks[name]] == 0).all() for name, layer in layers.items())
    neurons = Pruning(method="l1", sparsity=0.5, granularity="neurons")
    assert stacking_key(prune_model(small_model(), neurons)) != stacking_key(small_model())


@pytest.mark.parametrize("how", ["smooth", "hadamard"])
def test_prepared_models_learn_what_they_learn_alone(how: str) -> None:
    def prepared(spec: str, preparing: str) -> nn.Module:
        return quantize_model(small_model(), LayerFormats(spec, spec), [INPUTS], preparing=parse_preparing(preparing))

    specs = ("fixed(12,8)", "fixed(14,9)")  # a coarse one tips over where a sum is rounded otherwise
    found = trained(Variants([prepared(spec, how) for spec in specs]))
    models = [prepared(spec, how) for spec in specs]
    before = [model.classifier.preparation.state_dict() for model in models]
    expected = torch.tensor([trained(model) for model in models])[:, :, 0]
    assert torch.allclose(torch.tensor(found).T, expected, atol=1e-3)
    for model, kept in zip(models, before, strict=True):
        assert all(torch.equal(one, kept[name]) for name, one in model.classifier.preparation.state_dict().items())
    assert stacking_key(models[0]) != stacking_key(prepared(specs[0], "none"))


def test_one_that_breaks_leaves_the_others_alone() -> None:
    models = [quantized(spec) for spec in SPECS]
    with torch.no_grad():
        models[1].classifier.bias.fill_(torch.nan)
    losses = torch.tensor(trained(Variants(models)))
    assert losses[:, 1].isnan().all()
    expected = torch.tensor([trained(quantized(SPECS[0])), trained(quantized(SPECS[2]))])[:, :, 0]
    assert torch.allclose(losses[:, [0, 2]].T, expected, atol=1e-4)


def test_frozen_parameters_stay() -> None:
    models = [quantized(spec) for spec in SPECS]
    for model in models:
        model.bert.embeddings.requires_grad_(False)
    before = models[0].bert.embeddings.word_embeddings.weight.clone()
    trained(Variants(models))
    assert torch.equal(models[0].bert.embeddings.word_embeddings.weight, before)


def test_a_tensor_used_twice_stays_one() -> None:
    class Tied(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3, bias=False)
            self.second = nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight
            nn.init.constant_(self.first.weight, scale)

    stacked = Variants([Tied(1.0), Tied(2.0)]).stacked
    assert stacked.first.weight is stacked.second.weight
    assert stacked.first.weight.shape == (2, 3, 3)


def test_what_depends_on_values_cannot_be_stacked() -> None:
    class Deciding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = small_model()

        def forward(self, **inputs: torch.Tensor) -> Any:
            return self.bert(**inputs) if self.bert.classifier.bias.sum() < 1 else None

    assert not can_stack([Deciding(), Deciding()], INPUTS)
    assert can_stack([quantized(spec) for spec in SPECS], INPUTS)


def test_what_differs_in_more_than_numbers_is_told_apart() -> None:
    keys = [stacking_key(quantized(spec)) for spec in (*SPECS, "mxint8", "mxfp8_e4m3", "classifier=fp32;*=fixed(4,2)")]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys)) == 4


def test_clipping_is_that_of_one_model() -> None:
    torch.manual_seed(0)
    apart = [[nn.Parameter(torch.zeros(4, 3)), nn.Parameter(torch.zeros(3))] for _ in range(3)]
    for size, parameters in zip((0.01, 1.0, 100.0), apart, strict=True):
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter) * size
    together = [nn.Parameter(torch.zeros(3, *one.shape)) for one in apart[0]]
    for place, parameter in enumerate(together):
        parameter.grad = torch.stack([parameters[place].grad for parameters in apart])  # type: ignore[arg-type]
    clip_each(together, 1.0)
    for number, parameters in enumerate(apart):
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for parameter, stacked in zip(parameters, together, strict=True):
            assert stacked.grad is not None
            assert torch.allclose(stacked.grad[number], parameter.grad)


def context(folder: Path, attempt: int) -> Context:
    (folder / "attempts").mkdir(exist_ok=True)
    log = AttemptLog.create(AttemptFile.of(folder, "0000-0002", attempt).path)
    log.emit("start", None, {"points": [0, 1, 2], "device": "cpu"})
    return Context(log.emit, device="cpu", directory=folder)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_killed_training_goes_on_together_or_alone(tmp_path: Path, optimizer: Optimizer) -> None:
    """All three train at once and are killed; then two go on at once, and one alone."""
    settings = TrainSettings(steps=12, batch_size=24, learning_rate=5e-3, optimizer=optimizer)
    expected = torch.tensor(trained(Variants([quantized(spec, 0.3) for spec in SPECS]), settings))
    kept = CheckpointEach(context(tmp_path, 1), [0, 1, 2], seconds=0)
    with pytest.raises(KilledError):
        trained(Variants([quantized(spec, 0.3) for spec in SPECS]), settings, until=8, checkpoints=kept)
    again = context(tmp_path, 2)
    assert [again.kept_step(point) for point in range(4)] == [7, 7, 7, 0]
    two = Variants([quantized(spec, 0.3) for spec in SPECS[:2]])
    rest = torch.tensor(trained(two, settings, checkpoints=CheckpointEach(again, [0, 1], seconds=0)))
    alone = torch.tensor(trained(quantized(SPECS[2], 0.3), settings, checkpoints=Checkpoints(again, 2, seconds=0)))
    assert torch.allclose(torch.cat((rest, alone), dim=1), expected[7:], atol=1e-4)
