"""SparseGPT beside float64 written as the paper has it, an inverse a column at a time, and against magnitude."""

import pytest
import torch
from torch import Tensor, nn
from transformers import BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

from engine.compress.methods.factor import DAMPING
from engine.compress.methods.walk import gather, plan_of
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_choice import count, keep_n_of_m
from engine.compress.prune_masks import mask_of, masked_layers
from engine.compress.prune_sparsegpt import n_of_m, selection_of, sparse_rows
from engine.errors import InputError
from engine.layers import kind_of
from engine.rounding import Sparsity
from engine.training.forward import NotFiniteError


def layer(rows: int, columns: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A weight, and H of inputs that depend on one another."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, columns, generator=generator)
    x = torch.randn(400, columns, generator=generator) @ torch.randn(columns, columns, generator=generator)
    return weight, 2 * (x.double().T @ x.double()) / len(x)


def oracle(weight: Tensor, hessian: Tensor, share: float | None, m: int, panel: int) -> tuple[Tensor, Tensor]:
    """Optimal brain surgery, column by column: the inverse of what is left of H is computed anew each time."""
    w, mask = weight.double().clone(), torch.ones_like(weight, dtype=torch.bool)
    h = hessian + DAMPING * hessian.diagonal().mean() * torch.eye(len(hessian), dtype=torch.float64)
    rows, columns = w.shape
    diagonal = [float(torch.linalg.inv(h[j:, j:])[0, 0]) for j in range(columns)]
    for j in range(columns):
        if share is not None and j % panel == 0:
            part = slice(j, min(j + panel, columns))
            scores = w[:, part] ** 2 / torch.tensor(diagonal[part], dtype=torch.float64)
            gone = count(share, rows * part.stop) - count(share, rows * j)
            order = scores.flatten().argsort()[:gone]
            mask[:, part] = (
                torch.ones_like(scores, dtype=torch.bool).flatten().index_fill(0, order, False).view_as(scores)
            )
        if share is None and j % m == 0:
            scores = w[:, j : j + m] ** 2 / torch.tensor(diagonal[j : j + m], dtype=torch.float64)
            mask[:, j : j + m] = torch.zeros_like(scores, dtype=torch.bool).scatter_(
                1, scores.topk(m // 2).indices, True
            )
        inverse = torch.linalg.inv(h[j:, j:])
        lost = w[:, j] * ~mask[:, j]
        w[:, j:] -= (lost / inverse[0, 0])[:, None] * inverse[0]
    return w * mask, mask


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.9])
def test_weights_equal_the_oracle(sparsity: float) -> None:
    weight, hessian = layer(12, 200)
    alive = torch.ones_like(weight, dtype=torch.bool)
    found, mask = sparse_rows(weight, hessian, selection_of(Sparsity(sparsity)), alive)
    expected, kept = oracle(weight, hessian, sparsity, 0, 128)
    assert torch.equal(mask, kept)
    assert torch.allclose(found.double(), expected, rtol=1e-3, atol=1e-3)
    assert int((~mask).sum()) == count(sparsity, weight.numel())


def test_n_of_m_equals_the_oracle() -> None:
    weight, hessian = layer(12, 160, seed=1)
    alive = torch.ones_like(weight, dtype=torch.bool)
    found, mask = sparse_rows(weight, hessian, selection_of(Sparsity(0.5, (2, 4))), alive)
    expected, kept = oracle(weight, hessian, None, 4, 128)
    assert torch.equal(mask, kept)
    assert torch.allclose(found.double(), expected, rtol=1e-3, atol=1e-3)
    assert bool((mask.view(12, -1, 4).sum(-1) == 2).all())


def test_with_independent_inputs_it_is_magnitude() -> None:
    """With H = I nothing makes up for anything, and scores are w² within each panel."""
    weight, _ = layer(8, 128)
    alive = torch.ones_like(weight, dtype=torch.bool)
    found, mask = sparse_rows(weight, torch.eye(128, dtype=torch.float64), selection_of(Sparsity(0.5)), alive)
    order = weight.abs().flatten().argsort()
    assert not bool(mask.flatten()[order[:512]].any())
    assert torch.allclose(found, weight * mask)


@pytest.mark.parametrize(("sparsity", "share"), [(0.5, 0.6), (0.8, 0.9)])
def test_the_output_is_nearer_than_by_magnitude(sparsity: float, share: float) -> None:
    weight, _ = layer(32, 96)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(400, 24, generator=generator) @ torch.randn(24, 96, generator=generator)
    x += 0.5 * torch.randn(400, 96, generator=generator)
    hessian = 2 * (x.double().T @ x.double()) / len(x)
    alive = torch.ones_like(weight, dtype=torch.bool)
    found, _ = sparse_rows(weight, hessian, selection_of(Sparsity(sparsity)), alive)
    small = weight.abs().flatten().argsort()[: count(sparsity, weight.numel())]
    plain = weight.flatten().index_fill(0, small, 0.0).view_as(weight)

    def error(other: Tensor) -> float:
        lost = (weight - other).double()
        return float((lost @ hessian * lost).sum())

    assert error(found) < share * error(plain)


def test_what_is_dead_stays_dead_and_counts_and_silent_columns_go_first() -> None:
    weight, hessian = layer(8, 64)
    hessian[:, 10] = hessian[10] = 0
    alive = torch.ones_like(weight, dtype=torch.bool)
    alive[:, 3] = False
    found, mask = sparse_rows(weight, hessian, selection_of(Sparsity(0.25)), alive)
    assert not bool(mask[:, [3, 10]].any())
    assert int((~mask).sum()) == 128
    assert bool(torch.isfinite(found).all())
    assert torch.equal(found != 0, mask)


def test_keep_n_of_m_is_the_same_choice() -> None:
    weight, _ = layer(4, 8)
    alive = torch.ones_like(weight, dtype=torch.bool)
    assert torch.equal(n_of_m(2, 4, 0)(weight.square(), alive, 0), keep_n_of_m(weight.square(), 2, 4, 0, alive))


Batches = list[dict[str, Tensor]]
HALF = Pruning(method="sparsegpt", sparsity=0.5)


@pytest.mark.parametrize("granularity", ["weights", "n:m"])
def test_a_model_is_pruned_layer_by_layer_and_nearer_than_by_magnitude(
    bert: BertForSequenceClassification, granularity: str
) -> None:
    before = {name: tensor.clone() for name, tensor in bert.state_dict().items()}
    many = [{"input_ids": torch.randint(0, 50, (32, 12)), "attention_mask": torch.ones(32, 12, dtype=torch.long)}]
    sparse = prune_model(bert, Pruning(method="sparsegpt", granularity=granularity), many)  # type: ignore[arg-type]
    plain = prune_model(bert, Pruning(granularity=granularity), many)  # type: ignore[arg-type]
    assert all(torch.equal(before[name], tensor) for name, tensor in bert.state_dict().items())
    assert masked_layers(sparse).keys() == masked_layers(plain).keys()
    for layer in masked_layers(sparse).values():
        mask, weight = mask_of(layer), layer.weight
        assert mask is not None
        assert isinstance(weight, Tensor)
        assert torch.equal(weight != 0, mask)
        assert int((~mask).sum()) == mask.numel() // 2
    first = gather(bert, plan_of(bert, list(masked_layers(sparse)), many), many)[0]

    def error(model: nn.Module) -> float:
        """tr((W−Q)·H·(W−Q)ᵀ) of the layers that read the embeddings, whose inputs are the same in all three."""
        lost = [(bert.get_submodule(n).weight - model.get_submodule(n).weight).double() for n in first.names]  # type: ignore[operator, union-attr]
        return sum(float(((one @ first.moments.hessian[0]) * one).sum()) for one in lost)

    assert len(first.names) == 3
    assert error(sparse) < 0.9 * error(plain)


def test_transposed_layers_are_pruned_as_their_rows(batches: Batches) -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=2)).eval()
    given = [{"input_ids": batch["input_ids"]} for batch in batches]
    pruned = prune_model(model, Pruning(method="sparsegpt", granularity="n:m", exclude=("lm_head",)), given)
    layer = pruned.transformer.h[1].mlp.c_fc  # type: ignore[union-attr, index]
    mask, kind = mask_of(layer), kind_of(layer)
    assert mask is not None
    assert kind is not None
    assert bool((kind.rows(mask).reshape(-1, 4).sum(-1) == 2).all())


@pytest.mark.parametrize(
    ("pruning", "sentence"),
    [
        (Pruning(method="sparsegpt", scope="global"), "take scopes=layer with it"),
        (Pruning(method="sparsegpt", include=("Linear", "Embedding")), "is a table: leave it out with skip"),
        (Pruning(method="sparsegpt", granularity="n:m", pattern=(2, 5)), "which 5 does not divide"),
    ],
)
def test_refused(bert: BertForSequenceClassification, batches: Batches, pruning: Pruning, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        prune_model(bert, pruning, batches)


def test_it_needs_calibration(bert: BertForSequenceClassification) -> None:
    with pytest.raises(InputError, match="calibrated on training data"):
        prune_model(bert, HALF)


def test_what_was_pruned_before_stays(bert: BertForSequenceClassification, batches: Batches) -> None:
    first = prune_model(bert, Pruning(sparsity=0.3))
    model = prune_model(first, HALF, batches)
    for name, layer in masked_layers(model).items():
        mask, old = mask_of(layer), mask_of(first.get_submodule(name))
        assert mask is not None
        assert old is not None
        assert not bool((mask & ~old).any())
        assert int((~mask).sum()) == mask.numel() // 2


def test_inputs_that_are_no_numbers_name_their_layer(bert: BertForSequenceClassification, batches: Batches) -> None:
    with torch.no_grad():
        bert.bert.embeddings.LayerNorm.weight[3] = torch.nan
    with pytest.raises(NotFiniteError, match=r"what enters .*query in calibration is not finite"):
        prune_model(bert, HALF, batches)
