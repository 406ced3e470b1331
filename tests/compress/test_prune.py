"""Masks: exact counts, ties, scopes, N of M; what survives copying, training, saving; what is refused."""

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune import Pruning, prune, prune_model
from engine.compress.prune_choice import count, cubic, drop_lowest, keep_n_of_m
from engine.compress.prune_masks import mask_of, masked_layers
from engine.compress.prune_report import overall, sparsity_report, survival_map, zeroed_inputs
from engine.errors import InputError
from engine.models.classifier import Classifier
from engine.store import load, save

Batches = list[dict[str, torch.Tensor]]


def outputs(model: nn.Module, batches: Batches) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(**batch).logits for batch in batches])


def weights(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, layer in masked_layers(model).items():
        yield name, layer.weight.detach()  # type: ignore[union-attr]


def dropped(mask: torch.Tensor) -> int:
    return int((~mask).sum())


@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=1, max_size=60),
    sparsity=st.floats(0, 0.999),
    seed=st.integers(0, 99),
)
def test_exactly_so_many_go_and_all_that_stay_are_no_lower(values: list[float], sparsity: float, seed: int) -> None:
    score = torch.tensor(values)
    alive = torch.ones(len(values), dtype=torch.bool)
    number = count(sparsity, len(values))
    mask = drop_lowest({"a": score}, number, seed, {"a": alive})["a"]
    assert dropped(mask) == number == int(np.floor(sparsity * len(values) + 0.5))
    if 0 < number < len(values):
        assert score[mask].min() >= score[~mask].max()
    assert np.array_equal(np.sort(score[~mask].numpy()), np.sort(np.array(values, np.float32))[:number])


def test_ties_are_broken_by_the_seed() -> None:
    same = {"a": torch.ones(100)}
    alive = {"a": torch.ones(100, dtype=torch.bool)}
    masks = [drop_lowest(same, 50, seed, alive)["a"] for seed in (0, 0, 1)]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert 0 < dropped(masks[0][:50]) < 50, "not simply the first ones"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=20), st.data())
def test_of_equal_scores_those_go_that_a_draw_of_all_puts_first(
    values: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """The dead rank before all, and are gone whatever the number."""
    number, seed = data.draw(st.integers(0, len(values))), data.draw(st.integers(0, 5))
    drawn = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed)).tolist()
    rank = {place: (living, score * living, drawn.index(place)) for place, (score, living) in enumerate(values)}
    gone = sorted(rank, key=rank.__getitem__)[:number]
    score, alive = (torch.tensor(part) for part in zip(*values, strict=True))
    kept = drop_lowest({"a": score}, number, seed, {"a": alive})["a"].tolist()
    assert kept == [living and place not in gone for place, (_, living) in enumerate(values)]


@pytest.mark.slow
def test_it_is_exact_beyond_the_size_at_which_quantile_fails() -> None:
    score = torch.arange(2**24 + 10, dtype=torch.float32).remainder_(1000.0)  # torch.quantile refuses this many
    mask = drop_lowest({"a": score}, 3_000_001, 0, {"a": torch.ones_like(score, dtype=torch.bool)})["a"]
    assert dropped(mask) == 3_000_001


def test_the_dead_count_first_and_stay_dead() -> None:
    score = torch.tensor([9.0, 8.0, 1.0, 2.0, 3.0])
    alive = torch.tensor([False, False, True, True, True])
    assert drop_lowest({"a": score}, 3, 0, {"a": alive})["a"].tolist() == [False, False, False, True, True]
    assert drop_lowest({"a": score}, 1, 0, {"a": alive})["a"].tolist() == [False, False, True, True, True]


@given(st.integers(1, 8).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), st.integers(0, 20))
def test_n_of_each_m_stay_and_they_are_the_highest(pattern: tuple[int, int], seed: int) -> None:
    n, m = pattern
    score = torch.randint(0, 5, (3, 4 * m), generator=torch.Generator().manual_seed(seed)).float()
    mask = keep_n_of_m(score, n, m, seed, torch.ones_like(score, dtype=torch.bool))
    for group, kept in zip(score.view(-1, m), mask.view(-1, m), strict=True):
        assert int(kept.sum()) == n
        assert torch.equal(group[kept].sort().values, group.sort().values[m - n :])


def test_cubic_rises_fast_and_ends_exactly() -> None:
    assert [cubic(0.8, step, 4) for step in range(6)] == pytest.approx([0, 0.4625, 0.7, 0.7875, 0.8, 0.8])


@pytest.mark.parametrize("method", ["random", "l1", "wanda"])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.93])
def test_every_layer_loses_its_share(bert: nn.Module, batches: Batches, method: str, sparsity: float) -> None:
    pruned = prune_model(bert, Pruning(method, sparsity), batches)
    assert len(masked_layers(pruned)) == 14
    for _, weight in weights(pruned):
        assert int((weight == 0).sum()) == count(sparsity, weight.numel())
    assert not masked_layers(bert), "the original is untouched"


def test_l1_keeps_the_largest_of_each_layer_or_of_all(bert: nn.Module) -> None:
    for scope in ("layer", "global"):
        pruned = prune_model(bert, Pruning("l1", 0.4, scope=scope))  # type: ignore[arg-type]
        before = {name: bert.get_submodule(name).weight.detach().abs().numpy() for name, _ in weights(pruned)}
        together = np.concatenate([one.ravel() for one in before.values()])
        for name, weight in weights(pruned):
            pool = np.sort(together if scope == "global" else before[name].ravel())
            limit = pool[count(0.4, len(pool))]
            assert np.array_equal((weight != 0).numpy(), before[name] >= limit)


def test_wanda_is_weight_times_input_norm(bert: nn.Module, batches: Batches) -> None:
    pruned = prune_model(bert, Pruning("wanda", 0.5, include=("bert.pooler.dense",)), batches)
    seen: list[torch.Tensor] = []
    layer = bert.get_submodule("bert.pooler.dense")
    hook = layer.register_forward_pre_hook(lambda _, args: seen.append(args[0].double()))
    outputs(bert, batches)
    hook.remove()
    norm = torch.cat(seen).norm(dim=0).numpy()
    score = np.abs(layer.weight.detach().double().numpy()) * norm  # type: ignore[union-attr]
    mask = mask_of(pruned.get_submodule("bert.pooler.dense"))
    assert mask is not None
    assert np.array_equal(mask.numpy(), score >= np.sort(score.ravel())[count(0.5, score.size)])


def test_two_of_four(bert: nn.Module) -> None:
    pruned = prune_model(bert, Pruning("l1", granularity="n:m"))
    for name, weight in weights(pruned):
        groups = (weight != 0).view(-1, 4)
        assert groups.sum(1).eq(2).all(), name


def test_masks_survive_copying_and_training(bert: nn.Module, batches: Batches) -> None:
    pruned = copy.deepcopy(prune_model(bert, Pruning("l1", 0.7)))
    before = {name: weight.clone() for name, weight in weights(pruned)}
    optimizer = torch.optim.AdamW(pruned.parameters(), lr=1e-2)
    pruned.train()
    for batch in batches:
        optimizer.zero_grad()
        pruned(**batch, labels=torch.zeros(6, dtype=torch.long)).loss.backward()
        optimizer.step()
    for name, weight in weights(pruned):
        assert torch.equal(weight == 0, before[name] == 0)
        assert not torch.equal(weight, before[name])


def test_pruning_on_takes_the_rest_from_the_live_weights(bert: nn.Module) -> None:
    model = prune_model(bert, Pruning("random", 0.3, seed=4))
    first = {name: weight == 0 for name, weight in weights(model)}
    prune(model, Pruning("l1", 0.6))
    for name, weight in weights(model):
        assert int((weight == 0).sum()) == count(0.6, weight.numel())
        assert (weight == 0)[first[name]].all()


@pytest.mark.parametrize("granularity", ["weights", "n:m"])
@pytest.mark.parametrize("sparsity", [0.02, 0.5, 0.95])
def test_saved_and_loaded_it_is_the_same_and_prunes_on(
    classifier: Classifier, batches: Batches, tmp_path: Path, granularity: str, sparsity: float
) -> None:
    pruning = Pruning("l1", sparsity, granularity=granularity, include=("Linear", "bert.embeddings"))  # type: ignore[arg-type]
    model = prune_model(classifier.model, pruning)
    save(dataclasses.replace(classifier, model=model), tmp_path / "model")
    loaded = load(tmp_path / "model").model
    assert torch.equal(outputs(loaded, batches), outputs(model, batches))
    kept, wanted = ({name: mask_of(layer) for name, layer in masked_layers(one).items()} for one in (loaded, model))
    assert kept.keys() == wanted.keys()
    assert all(torch.equal(kept[name], wanted[name]) for name in kept)  # type: ignore[arg-type]


def test_the_file_shrinks_with_sparsity_and_never_grows(classifier: Classifier, tmp_path: Path) -> None:
    whole = save(classifier, tmp_path / "whole")
    sizes = []
    for sparsity in (0.0, 0.02, 0.5, 0.9):
        model = prune_model(classifier.model, Pruning("l1", sparsity, include=("Linear", "Embedding")))
        sizes.append(save(dataclasses.replace(classifier, model=model), tmp_path / str(sparsity)))
    elements = sum(weight.numel() for _, weight in weights(model))
    headers = 6000  # names of parts
    assert sizes[0] <= whole + headers
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] == pytest.approx(whole - 4 * 0.5 * elements + elements / 8, abs=headers)
    assert sizes[3] == pytest.approx(whole - 4 * 0.9 * elements + elements / 8, abs=headers)


@pytest.mark.parametrize(
    "spec", ["fixed(4)", "fixed(8,6)", "minifloat(4,3)", "mxint8", "mxfp4", "bfp(7,16)", "ternary"]
)
def test_pruned_then_quantised_keeps_zeros_and_quantised_then_pruned_keeps_the_format(
    classifier: Classifier, batches: Batches, tmp_path: Path, spec: str
) -> None:
    formats = LayerFormats(spec, "fixed(8)")
    pruning = Pruning("l1", 0.6, seed=2)
    first = quantize_model(prune_model(classifier.model, pruning), formats, batches)
    then = prune_model(quantize_model(classifier.model, formats, batches), pruning)
    for number, model in enumerate((first, then)):
        assert len(masked_layers(model)) == 14
        for name, layer in masked_layers(model).items():
            used = layer.held_weight.of(layer, "weight", layer.weight_format)  # type: ignore[operator, union-attr]
            mask = mask_of(layer)
            assert mask is not None
            assert not used[~mask].any(), name
            assert dropped(mask) == count(0.6, mask.numel())
            assert str(layer.weight_format.format).startswith(spec.split("(")[0])  # type: ignore[union-attr]
        save(dataclasses.replace(classifier, model=model), tmp_path / str(number))
        loaded = load(tmp_path / str(number)).model
        assert torch.equal(outputs(loaded, batches), outputs(model, batches))
        again = {name: mask_of(layer) for name, layer in masked_layers(loaded).items()}
        wanted = {name: mask_of(layer) for name, layer in masked_layers(model).items()}
        assert all(torch.equal(again[name], wanted[name]) for name in wanted)  # type: ignore[arg-type]


def test_quantised_and_pruned_is_smaller_than_either(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    def size(model: nn.Module, name: str) -> int:
        return save(dataclasses.replace(classifier, model=model), tmp_path / name)

    pruning, formats = Pruning("l1", 0.9), LayerFormats("fixed(8)")
    pruned, quantised = prune_model(classifier.model, pruning), quantize_model(classifier.model, formats, batches)
    both = size(quantize_model(pruned, formats, batches), "both")
    assert both < min(size(pruned, "pruned"), size(quantised, "quantised"))


@pytest.mark.parametrize("spec", ["binary", "binary_scaled", "binary_residual(2)"])
def test_a_format_without_zero_is_refused_in_either_order(bert: nn.Module, batches: Batches, spec: str) -> None:
    with pytest.raises(InputError, match="has no zero, so weights in it cannot be pruned"):
        quantize_model(prune_model(bert, Pruning("l1", 0.5)), LayerFormats(spec), batches)
    with pytest.raises(InputError, match="has no zero"):
        prune_model(quantize_model(bert, LayerFormats(spec), batches), Pruning("l1", 0.5))


def test_small_inputs_of_a_token_are_zeroed_whatever_else_is_in_its_batch(
    classifier: Classifier, batches: Batches, tmp_path: Path
) -> None:
    name = "bert.encoder.layer.0.intermediate.dense"
    pruning = Pruning("l1", 0.0, threshold=0.2, include=(name,))
    model = prune_model(classifier.model, pruning)
    layer = model.get_submodule(name)
    seen: list[torch.Tensor] = []
    layer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(5, 7, 32, generator=generator)
    layer(x)
    wanted = np.where(np.abs(x.numpy()) < np.float32(0.2) * np.abs(x.numpy()).max(-1, keepdims=True), 0, x.numpy())
    assert np.array_equal(seen[0].numpy(), wanted)
    layer(x[2:3])
    assert torch.equal(seen[1], seen[0][2:3])
    pruned = prune_model(classifier.model, pruning)
    save(dataclasses.replace(classifier, model=copy.deepcopy(pruned)), tmp_path)
    assert torch.equal(outputs(load(tmp_path).model, batches), outputs(pruned, batches))
    assert not torch.equal(outputs(pruned, batches), outputs(classifier.model, batches))
    entering: list[torch.Tensor] = []
    pruned.get_submodule(name).register_forward_pre_hook(lambda _, args: entering.append(args[0]))
    share = zeroed_inputs(pruned, batches)
    assert share == pytest.approx(float((torch.cat(entering) == 0).float().mean()))
    assert 0.1 < share < 0.9
    assert zeroed_inputs(classifier.model, batches) == 0.0


def test_the_report_counts_and_draws(bert: nn.Module) -> None:
    pruned = prune_model(bert, Pruning("l1", 0.75))
    layers = sparsity_report(pruned, bert)
    assert [layer.name for layer in layers] == list(masked_layers(pruned))
    assert all(layer.sparsity == pytest.approx(0.75, abs=1 / layer.elements) for layer in layers)
    assert overall(layers) == pytest.approx(0.75, abs=1e-3)
    assert overall([]) == 0.0
    rounded = quantize_model(pruned, LayerFormats("fixed(4,4)"), [])
    used = {
        name: int((layer.weight_format.format.quantize(layer.weight) == 0).sum())
        for name, layer in masked_layers(rounded).items()
    }  # type: ignore[union-attr]
    counted = {layer.name: round(layer.sparsity * layer.elements) for layer in sparsity_report(rounded, bert)}
    assert counted == used
    assert sum(counted.values()) > sum(round(layer.sparsity * layer.elements) for layer in layers)
    alive = torch.zeros(24, 10, dtype=torch.bool)
    alive[:8] = True
    alive[8:16, :5] = True
    assert survival_map(alive, 32) == "@@@@====" + "_" * 8


@pytest.mark.parametrize(
    ("pruning", "sentence"),
    [
        (Pruning("l1", 0.5, include=("*.querry",)), r"called '\*\.querry'; the nearest are .*query"),
        (Pruning("l1", granularity="n:m", pattern=(2, 5)), "has 32 inputs, which 5 does not divide"),
        (Pruning("wanda", 0.5, include=("bert.embeddings",)), "wanda scores what enters a linear layer"),
        (Pruning("l1", 0.5, exclude=("Linear",)), "no layer is left"),
        (Pruning("l1", 0.5, "neurons", include=("classifier",)), "no neurons that can be cut out are"),
    ],
)
def test_what_cannot_be_pruned(bert: nn.Module, batches: Batches, pruning: Pruning, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        prune_model(bert, pruning, batches)
