"""A pruning score of one's own is one `Score`: gradients and inputs are measured for it, and `prune` takes its name."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_masks import mask_of, masked_layers
from engine.compress.prune_scores import scored
from engine.errors import InputError
from engine.scores.base import LayerData, Score
from engine.scores.registry import SCORES
from engine.training.forward import NotFiniteError
from engine.training.objective import Classes
from engine.training.samples import Batch

LAYERS = ["bert.encoder.layer.1.output.dense", "classifier"]
OWN = """
from engine.scores.base import Score

PLACE = 9
SCORES = (Score("curved", "Curved", "the least curved", lambda data: data.weight.abs(), needs="gradients"),)
"""
ASKED = """
import sys
from engine.scores import families
families.__path__.append(sys.argv[1])
from engine.experiments.launch import configure
found, config = configure("prune", {"methods": "l1,curved", "sparsities": "0.5", "finetune_steps": "0"})
print([point["method"] for point in found.points(config)], config.needs_train)
print("curved the least curved" in type(config).model_fields["methods"].description, "torch" in sys.modules)
"""


@pytest.fixture
def labelled(batches: list[dict[str, torch.Tensor]]) -> list[Batch]:
    """Batches of different sizes."""
    sizes = (6, 6, 2)
    return [
        Batch({name: x[:size] for name, x in batch.items()}, torch.arange(size) % 2, torch.arange(size))
        for batch, size in zip(batches, sizes, strict=True)
    ]


def gradients(model: BertForSequenceClassification, labelled: list[Batch]) -> dict[str, torch.Tensor]:
    """Of transformers' own loss of all samples in one batch."""
    together = {name: torch.cat([batch.inputs[name] for batch in labelled]) for name in labelled[0].inputs}
    model(**together, labels=torch.cat([batch.labels for batch in labelled])).loss.backward()
    found = {name: model.get_parameter(f"{name}.weight").grad.clone() for name in LAYERS}  # type: ignore[union-attr]
    model.zero_grad()
    return found


def test_taylor_is_the_weight_times_the_gradient_of_all_samples(
    bert: BertForSequenceClassification, labelled: list[Batch]
) -> None:
    expected = gradients(bert, labelled)
    bert.classifier.requires_grad_(False)
    found = dict(scored("taylor", bert, LAYERS, 0, labelled, Classes()))
    for name in LAYERS:
        assert torch.allclose(found[name], (bert.get_parameter(f"{name}.weight") * expected[name]).abs(), atol=1e-7)
    assert not bert.classifier.weight.requires_grad
    assert all(parameter.grad is None for parameter in bert.parameters())


@pytest.mark.parametrize("granularity", ["weights", "n:m", "neurons", "heads"])
def test_a_new_score_prunes(
    bert: BertForSequenceClassification, labelled: list[Batch], granularity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def curved(data: LayerData) -> torch.Tensor:
        assert data.gradient is not None
        return (data.weight * data.gradient * data.weight).abs()

    monkeypatch.setitem(SCORES, "curved", Score("curved", "Curved", "", curved, needs="gradients"))
    pruning = Pruning("curved", 0.5, granularity, objective=Classes())  # type: ignore[arg-type]
    pruned = prune_model(bert, pruning, labelled)
    if granularity in ("neurons", "heads"):
        assert sum(one.numel() for one in pruned.parameters()) < sum(one.numel() for one in bert.parameters())
        return
    mask = mask_of(masked_layers(pruned)[LAYERS[0]])
    assert mask is not None
    expected = (bert.get_parameter(f"{LAYERS[0]}.weight") ** 2 * gradients(bert, labelled)[LAYERS[0]]).abs()
    if granularity == "weights":
        assert torch.equal(mask, expected >= expected.flatten().sort().values[mask.numel() // 2])
    again = prune_model(pruned, pruning, labelled)
    assert overlap(again, pruned), "what is gone stays gone"


def overlap(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = (
        (mask_of(a), mask_of(b))
        for a, b in zip(masked_layers(one).values(), masked_layers(other).values(), strict=True)
    )
    return all(a is not None and b is not None and torch.equal(a, b) for a, b in pairs)


def test_gradients_need_labels_and_finite_losses(
    bert: BertForSequenceClassification, batches: list[dict[str, torch.Tensor]], labelled: list[Batch]
) -> None:
    with pytest.raises(InputError, match="labelled training data"):
        prune_model(bert, Pruning("taylor", objective=Classes()), batches)
    with torch.no_grad():
        bert.classifier.weight.mul_(float("inf"))
    with pytest.raises(NotFiniteError, match="is not finite"):
        prune_model(bert, Pruning("taylor", objective=Classes()), labelled)


def test_a_file_among_the_families_is_enough(tmp_path: Path) -> None:
    (tmp_path / "own_score.py").write_text(OWN)
    command = [sys.executable, "-c", ASKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['l1', 'curved'] Curved", "True False"]
