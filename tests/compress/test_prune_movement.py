"""Movement pruning: gradients of scores beside float64, what is kept, and trainings that stop and go on."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import BertForSequenceClassification

from engine.compress.prune import Pruning, prune, prune_model, settle
from engine.compress.prune_masks import Mask, mask_of, masked_layers
from engine.compress.prune_movement import TrainedMask, trained_mask
from engine.errors import InputError
from engine.training.objective import Classes
from engine.training.state import Checkpoints
from engine.training.train import TrainSettings, train
from tests.training.small import small_model, small_tokens
from tests.training.test_checkpoints import KilledError, context

MOVEMENT = Pruning(method="movement", sparsity=0.5)


def test_gradients_are_those_of_the_paper() -> None:
    """∂L/∂W = G ⊙ M and ∂L/∂S = G ⊙ W, with G the gradient at the masked weight."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(5, 7))
    x, target = torch.randn(11, 7), torch.randn(11, 5)
    mask = TrainedMask(torch.ones(5, 7, dtype=torch.bool))
    mask.mask.copy_(torch.rand(5, 7) > 0.4)
    (x @ mask(weight).t() - target).square().sum().backward()
    w, kept = weight.detach().double(), mask.mask
    g = 2 * (x.double() @ (w * kept).t() - target.double()).t() @ x.double()
    assert weight.grad is not None
    assert mask.scores.grad is not None
    assert torch.allclose(weight.grad.double(), g * kept, rtol=1e-4, atol=1e-4)
    assert torch.allclose(mask.scores.grad.view(5, 7).double(), g * w, rtol=1e-4, atol=1e-4)
    assert torch.equal(mask(weight), weight * kept)


def test_a_large_weight_that_shrinks_goes_and_a_small_one_that_grows_stays() -> None:
    layer = nn.Sequential(nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([[1.0, 0.1]]))
    model = prune_model(layer, MOVEMENT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    for _ in range(20):
        optimizer.zero_grad()
        (model(x) - x @ torch.tensor([[0.0], [1.0]])).square().mean().backward()
        optimizer.step()
    prune(model, MOVEMENT)
    found = mask_of(model[0])  # type: ignore[index]
    assert found is not None
    assert found.tolist() == [[False, True]]
    assert model[0].weight[0, 1] < 0.2, "by magnitude it would be the other"  # type: ignore[index]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_lowest_scores_go_and_may_come_back(bert: BertForSequenceClassification, scope: str) -> None:
    pruning = Pruning(method="movement", sparsity=0.75, scope=scope, exclude=("classifier",))  # type: ignore[arg-type]
    model = prune_model(bert, pruning)
    layers = masked_layers(model)
    assert all(bool(mask_of(one).all()) for one in layers.values()), "nothing goes before the scores are trained"  # type: ignore[union-attr]
    for sign in (1, -1):  # the second time the order is turned round, and what was masked is back
        for place, layer in enumerate(layers.values()):
            trained = trained_mask(layer)
            assert trained is not None
            with torch.no_grad():
                trained.scores.copy_(sign * (torch.arange(trained.scores.numel()) + 10_000 * place))
        prune(model, pruning)
        kept = {name: mask_of(layer) for name, layer in layers.items()}
        total = sum(mask.numel() for mask in kept.values() if mask is not None)
        assert sum(int(mask.sum()) for mask in kept.values() if mask is not None) == pytest.approx(total / 4, abs=20)
        for mask in kept.values():
            assert mask is not None
            if scope == "layer":
                flat, quarter = mask.flatten(), mask.numel() // 4
                assert bool((flat[-quarter:] if sign > 0 else flat[:quarter]).all())
    before = {name: mask.clone() for name, mask in kept.items() if mask is not None}
    settle(model, pruning)
    assert not any(isinstance(module, TrainedMask) for module in model.modules())
    assert not any("scores" in name for name in model.state_dict())
    assert all(torch.equal(mask_of(layer), before[name]) for name, layer in masked_layers(model).items())  # type: ignore[arg-type]


def test_what_was_pruned_before_stays_pruned(bert: BertForSequenceClassification) -> None:
    first = prune_model(bert, Pruning(sparsity=0.3))
    before = {name: mask_of(layer) for name, layer in masked_layers(first).items()}
    model = prune_model(first, MOVEMENT)
    prune(model, MOVEMENT)
    for name, layer in masked_layers(model).items():
        mask, old = mask_of(layer), before[name]
        assert mask is not None
        assert old is not None
        assert not bool((mask & ~old).any())
        assert int((~mask).sum()) == round(mask.numel() / 2)


def test_without_scores_it_says_what_makes_them(bert: BertForSequenceClassification) -> None:
    with pytest.raises(InputError, match="has no scores: movement pruning trains them during the fine-tuning"):
        prune(bert, MOVEMENT)


def test_a_checkpoint_holds_the_scores(tmp_path: Path) -> None:
    def run(attempt: int | None, until: int | None = None) -> tuple[nn.Module, list[float]]:
        model, losses = prune_model(small_model(dropout=0.3), MOVEMENT), list[float]()

        def on_step(step: int, total: int, loss: float) -> None:
            if step == until:
                raise KilledError
            losses.append(loss)

        checkpoints = None if attempt is None else Checkpoints(context(tmp_path, attempt), 0, seconds=0)
        settings = TrainSettings(steps=12, batch_size=24, learning_rate=5e-3, seed=3)
        train(
            model,
            small_tokens(),
            Classes(),
            settings,
            device="cpu",
            on_step=on_step,
            before_step=lambda done: prune(model, MOVEMENT) if done % 5 == 4 else None,
            checkpoints=checkpoints,
        )
        return model, losses

    model, losses = run(None)
    with pytest.raises(KilledError):
        run(1, until=8)
    again, rest = run(2)
    assert rest == losses[7:]
    assert any("scores" in name for name in model.state_dict())
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))


def test_scores_are_spared_by_weight_decay() -> None:
    from engine.training.train import _groups

    model = prune_model(small_model(), MOVEMENT)
    decayed = {id(one) for one in _groups(model, 0.1)[0]["params"]}  # type: ignore[attr-defined]
    masks = [module for module in model.modules() if isinstance(module, TrainedMask)]
    assert masks
    assert not any(id(mask.scores) in decayed for mask in masks)
    assert all(isinstance(mask, Mask) for mask in masks)
