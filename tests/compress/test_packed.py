"""Models that compute with packed weights."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from cuda_kernels import account
from engine.compress import LayerFormats, Pruning, pack_model, prune_model, quantize_model
from engine.compress.packed import packed_layers
from engine.errors import InputError
from engine.models.classifier import Classifier
from engine.store import load, save

Batches = list[dict[str, torch.Tensor]]


def logits(model: nn.Module, batches: Batches) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(**batch).logits for batch in batches])


def test_packed_is_the_model_with_rounded_weights(bert: nn.Module, batches: Batches) -> None:
    packed = pack_model(bert)
    linear = {name: one for name, one in bert.named_modules() if isinstance(one, nn.Linear)}
    layers = packed_layers(packed)
    assert list(layers) == list(linear)
    before = logits(bert, batches)
    with torch.no_grad():
        for name, layer in layers.items():
            linear[name].weight.copy_(layer.dequantized())
    assert torch.equal(logits(packed, batches), logits(bert, batches))
    assert not torch.equal(logits(packed, batches), before)


def test_layers_are_included_and_excluded_by_pattern(bert: nn.Module) -> None:
    names = set(packed_layers(pack_model(bert, include=("bert.encoder",), exclude=("bert.encoder.layer.1",))))
    assert {name.split(".")[3] for name in names} == {"0"}
    assert set(packed_layers(pack_model(bert, include=("Linear", "Embedding")))) == set(packed_layers(pack_model(bert)))
    with pytest.raises(InputError, match="no linear layer is left to pack"):
        pack_model(bert, include=("Embedding",))
    with pytest.raises(InputError, match="Linaer"):
        pack_model(bert, include=("Linaer",))


def test_a_quantised_model_is_refused(bert: nn.Module) -> None:
    quantized = quantize_model(bert, LayerFormats(weight="fixed(8,6)", include=("classifier",)))
    with pytest.raises(InputError, match="classifier is quantised already"):
        pack_model(quantized)


def test_what_multihead_attention_reads_itself_stays() -> None:
    model = nn.Sequential(nn.MultiheadAttention(8, 2), nn.Linear(8, 8))
    assert list(packed_layers(pack_model(model))) == ["1"]


@pytest.mark.parametrize("group", [8, 32])
def test_saved_and_loaded_is_the_same_bit_for_bit(
    classifier: Classifier, batches: Batches, tmp_path: Path, group: int
) -> None:
    whole = save(classifier, tmp_path / "whole")
    expected = pack_model(classifier.model, group, exclude=("classifier",))
    written = save(replace(classifier, model=expected), tmp_path / "packed")
    again = load(tmp_path / "packed").model
    assert torch.equal(logits(again, batches), logits(expected, batches))
    assert {name: one.group for name, one in packed_layers(again).items()} == dict.fromkeys(
        packed_layers(expected), group
    )
    assert isinstance(again.classifier, nn.Linear)
    saved = account(classifier.model).bytes - account(expected).bytes
    assert abs((whole - written) - saved) < 10_000  # headers, and buffers that are not saved


def test_a_pruned_model_keeps_its_zeros_and_its_cut(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    cut = prune_model(classifier.model, Pruning(method="l1", sparsity=0.5, granularity="neurons"))
    packed = pack_model(cut)
    save(replace(classifier, model=packed), tmp_path / "cut")
    again = load(tmp_path / "cut").model
    assert torch.equal(logits(again, batches), logits(packed, batches))
    sparse = prune_model(classifier.model, Pruning(method="l1", sparsity=0.5, granularity="weights"))
    for name, layer in packed_layers(pack_model(sparse)).items():
        weight = sparse.get_submodule(name).weight
        assert isinstance(weight, torch.Tensor)
        assert not layer.mantissa[weight == 0].any()


def test_a_folder_with_a_damaged_manifest_is_told(classifier: Classifier, tmp_path: Path) -> None:
    save(replace(classifier, model=pack_model(classifier.model)), tmp_path / "packed")
    manifest = tmp_path / "packed" / "compression.json"
    manifest.write_text(manifest.read_text().replace('"group": 32', '"group": 64'))
    with pytest.raises(InputError, match="not a complete compressed model"):
        load(tmp_path / "packed")


@pytest.mark.slow
def test_accuracy_on_real_reviews_is_that_of_float32(bert_tiny_imdb: Path, imdb: Path) -> None:
    """Within 0.1 point on 3,000 texts, the same for both."""
    classifier = load(bert_tiny_imdb)
    packed = pack_model(classifier.model)
    table = pq.read_table(next(imdb.rglob("test*.parquet")))
    drawn = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))[:3000].sort().values
    texts = sorted(table.take(drawn.numpy()).to_pylist(), key=lambda row: len(row["text"]))
    right = {"float32": 0, "packed": 0}
    for start in range(0, len(texts), 100):
        rows = texts[start : start + 100]
        tokens = classifier.tokenizer(
            [row["text"] for row in rows], truncation=True, max_length=128, padding=True, return_tensors="pt"
        )
        labels = torch.tensor([row["label"] for row in rows])
        for name, model in (("float32", classifier.model), ("packed", packed)):
            right[name] += int((logits(model, [dict(tokens)]).argmax(-1) == labels).sum())
    accuracy = {name: count / len(texts) for name, count in right.items()}
    print(accuracy)
    assert set(packed_layers(packed)) == {n for n, m in classifier.model.named_modules() if isinstance(m, nn.Linear)}
    assert accuracy["float32"] > 0.75
    assert abs(accuracy["packed"] - accuracy["float32"]) <= 0.001
