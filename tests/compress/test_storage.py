"""Compressed folders: size, contents, and the same outputs after loading."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.compress import LayerFormats, QuantizedLinear, quantize_model
from engine.compress.layers import quantized_layers
from engine.errors import InputError
from engine.formats.registry import FAMILIES
from engine.models.classifier import Classifier
from engine.store import load, save

Batches = list[dict[str, torch.Tensor]]
WEIGHTS = "compressed.safetensors"


def compressed(
    classifier: Classifier, batches: Batches, spec: str, include: tuple[str, ...] = ("Linear",)
) -> Classifier:
    model = quantize_model(classifier.model, LayerFormats(spec, spec, spec, include), batches)
    return dataclasses.replace(classifier, model=model)


def outputs(model: nn.Module, batches: Batches) -> list[torch.Tensor]:
    with torch.inference_mode():
        return [model(**batch).logits for batch in batches]


SPECS = [kind.example for kind in FAMILIES.values() if kind.name != "fp32"] + [
    "fixed(5)",
    "fixed(32,28)",
    "log(6)",
    "int(8,tensor)",
    "uint(4,tensor)",
]


@pytest.mark.parametrize("spec", SPECS)
def test_loads_back_to_the_same_outputs_bit_for_bit(
    classifier: Classifier, batches: Batches, tmp_path: Path, spec: str
) -> None:
    small = compressed(classifier, batches, spec, ("Linear", "Embedding"))
    save(small, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.labels == 2
    assert loaded.source == str(tmp_path / "model")
    assert not loaded.model.training
    for a, b in zip(outputs(small.model, batches), outputs(loaded.model, batches), strict=True):
        assert torch.equal(a, b)


def test_size_is_the_files_and_codes_are_packed(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    plain = save(classifier, tmp_path / "plain")
    assert plain == (tmp_path / "plain" / "model.safetensors").stat().st_size
    small = compressed(classifier, batches, "fixed(5)")
    written = save(small, tmp_path / "small")
    assert written == (tmp_path / "small" / WEIGHTS).stat().st_size
    tensors = load_file(tmp_path / "small" / WEIGHTS)
    saved_bits = 0
    for name, layer in quantized_layers(small.model).items():
        assert isinstance(layer, QuantizedLinear)
        for parameter in ("weight", "bias"):
            count = layer.get_parameter(parameter).numel()
            codes = tensors[f"{name}.{parameter}.codes"]
            assert codes.dtype == torch.uint8
            assert codes.numel() == -(-count * 5 // 8)
            saved_bits += count * 27
    assert abs((plain - written) - saved_bits / 8) < 4000  # headers


def test_manifest_says_what_each_layer_is(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    save(compressed(classifier, batches, "fixed(8)"), tmp_path)
    manifest = json.loads((tmp_path / "compression.json").read_text())
    entry = manifest["layers"]["classifier"]
    assert manifest["version"] == 1
    assert entry["kind"] == "linear"
    assert all(entry[part].startswith("fixed(8,") for part in ("weight", "bias", "input"))
    assert manifest["shapes"]["classifier.weight"] == [2, 32]


def test_a_plain_model_is_saved_and_loaded_plainly(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    save(classifier, tmp_path)
    assert not (tmp_path / "compression.json").exists()
    loaded = load(str(tmp_path))
    for a, b in zip(outputs(classifier.model, batches), outputs(loaded.model, batches), strict=True):
        assert torch.equal(a, b)


def test_saving_what_was_loaded_gives_the_same_file(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    save(compressed(classifier, batches, "mxfp6_e3m2"), tmp_path / "a")
    save(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()


def test_what_was_loaded_can_be_trained(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    save(compressed(classifier, batches, "fixed(4)"), tmp_path)
    loaded = load(tmp_path)
    before = outputs(loaded.model, batches)[0]
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=1e-2)
    loaded.model.train()
    for batch in batches:
        optimizer.zero_grad()
        loaded.model(**batch, labels=torch.zeros(6, dtype=torch.long)).loss.backward()
        optimizer.step()
    assert not torch.equal(outputs(loaded.model.eval(), batches)[0], before)


def test_what_was_loaded_can_be_quantised_again(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    save(compressed(classifier, batches, "fixed(8)"), tmp_path)
    again = quantize_model(load(tmp_path).model, LayerFormats("fixed(3)", "fixed(8)"), batches)
    assert all(str(layer.weight_format.format).startswith("fixed(3,") for layer in quantized_layers(again).values())


@pytest.mark.parametrize("damage", ["weights", "truncated", "manifest", "version", "spec", "tensor"])
def test_a_damaged_folder_is_an_input_error(
    classifier: Classifier, batches: Batches, tmp_path: Path, damage: str
) -> None:
    save(compressed(classifier, batches, "fixed(8)"), tmp_path)
    manifest = json.loads((tmp_path / "compression.json").read_text())
    if damage == "weights":
        (tmp_path / WEIGHTS).unlink()
    elif damage == "truncated":
        (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:1000])
    elif damage == "manifest":
        (tmp_path / "compression.json").write_text("{")
    else:
        if damage == "version":
            manifest["version"] = 99
        elif damage == "spec":
            manifest["layers"]["classifier"]["weight"] = "fixed(0)"
        else:
            manifest["shapes"]["classifier.weight"] = [3, 32]
        (tmp_path / "compression.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not a complete compressed model"):
        load(tmp_path)


def test_a_float32_copy_is_saved_and_loaded(classifier: Classifier, batches: Batches, tmp_path: Path) -> None:
    copy = compressed(classifier, batches, "fp32")
    written = save(copy, tmp_path / "model")
    assert written == (tmp_path / "model" / "model.safetensors").stat().st_size
    assert torch.equal(outputs(load(tmp_path / "model").model, batches)[0], outputs(classifier.model, batches)[0])


def test_a_model_saved_before_gives_way_and_nothing_else_does(
    classifier: Classifier, batches: Batches, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    save(compressed(classifier, batches, "fixed(8)"), folder)
    save(classifier, folder)
    assert not (folder / "compression.json").exists()
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(InputError, match="holds something other than a model"):
        save(classifier, tmp_path)
