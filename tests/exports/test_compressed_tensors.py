"""compressed-tensors: folders that transformers loads to the same model."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune_masks import mask_layers
from engine.exports.targets.compressed_tensors import TARGET
from engine.models.manifest import Manifest
from tests.exports.kept import exported, run_keeping

Pair = dict[str, str]
MIX = {
    "*query": "int(8)",
    "*key": "uint(4,8)",
    "*value": "uint(3)",
    "*attention.output*": "int(4,16)",
    "*intermediate*": "minifloat(4,3)",
    "*layer.0.output*": "uint(8,tensor)",
    "*": "int(5,8)",
}


def mixed(model: nn.Module) -> nn.Module:
    found = quantize_model(model, LayerFormats(MIX), [])
    mask_layers(found, {"bert.encoder.layer.0.attention.self.query": torch.arange(256).view(16, 16) % 4 > 1})
    return found


def test_from_pretrained_loads_the_same_model(small_pair: Pair, tmp_path: Path) -> None:
    run, folder = run_keeping(small_pair, mixed), tmp_path / "m"
    found = exported(run, "hf", folder).compared
    assert found.equal == found.predictions == found.here.n == 40
    assert found.difference < 1e-5
    config = json.loads((folder / "config.json").read_text())["quantization_config"]
    assert {group["weights"]["num_bits"] for group in config["config_groups"].values()} == {4, 8}
    tensors = load_file(folder / "model.safetensors")
    assert "bert.encoder.layer.0.attention.self.query.weight" not in tensors
    assert tensors["bert.encoder.layer.0.attention.self.query.weight_packed"].shape == (16, 4)
    assert (folder / "tokenizer.json").is_file()


def test_what_a_folder_of_transformers_cannot_say_is_refused_or_reported() -> None:
    layer = {"kind": "linear", "weight": "int(4,32)", "input": "int(8)"}
    manifest = Manifest.model_validate(
        {
            "layers": {
                "a": layer,
                "b": layer,
                "c": {"kind": "embedding", "weight": "int(8)"},
                "d": {"kind": "linear", "weight": "uint(4)"},
            },
            "shapes": {"a.weight": (8, 64), "b.weight": (8, 40), "c.weight": (8, 64), "d.weight": (8, 8)},
        }
    )
    assert [str(change) for change in TARGET.changes(manifest)] == [
        "weights of d in uint(4): the same values in 8 bits",
        "weights of b in int(4,32): float weights with the same values",
        "weights of c in int(8): float weights with the same values",
        "inputs of a and 1 more layer in int(8): not rounded",
    ]
    assert "Python file" in TARGET.blocked("image-classification", Manifest(), {})
    assert "left out" in TARGET.blocked("causal-lm", Manifest(skipped=("a",)), {"model_type": "llama"})
