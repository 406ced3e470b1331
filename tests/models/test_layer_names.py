"""Names of layers before anything is loaded: from folders, the built-in model, the hub."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import InputError
from engine.layers import describe_model
from engine.models import layer_names as naming
from engine.models.builtin import LAYERS
from engine.models.builtin.model import make_model
from engine.models.layer_names import check_layers, check_patterns, layer_names, layers_like, layers_of, look_up_layers

HUB = "prajjwal1/bert-tiny"


def folder_of(path: Path, *names: str) -> str:
    path.mkdir()
    (path / "config.json").write_text("{}")
    save_file({name: torch.zeros(2, 3) for name in names} | {"norm.weight": torch.zeros(3)}, path / "model.safetensors")
    return str(path)


def kinds(source: str) -> dict[str, str]:
    return {name: layer.kind.name for name, layer in layers_of(source).items()}


def test_names_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "m", "layer.10.dense.weight", "layer.2.dense.weight", "head.weight", "head.other")
    assert layer_names(source) == ["head", "layer.2.dense", "layer.10.dense"]


def test_embeddings_are_told_by_their_names(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "m", "bert.embeddings.word_embeddings.weight", "wte.weight", "dense.weight")
    assert kinds(source) == {
        "bert.embeddings.word_embeddings": "Embedding",
        "dense": "Linear",
        "wte": "Embedding",
    }
    assert list(layers_like(source, ["Linear"])) == ["dense"]
    assert list(layers_like(source, ["Embedding", "dense"], ["bert"])) == ["dense", "wte"]


def test_the_builtin_models_layers_are_known_before_it_is_made() -> None:
    real = {name: layer.kind.name for name, layer in describe_model(make_model(20, 0)).items()}
    assert kinds("builtin") == real
    assert sorted(LAYERS) == sorted(real)


def test_a_damaged_file_has_no_layers(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"12345678", b"\xff" * 40, (5).to_bytes(8, "little") + b"nope!")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(content)
        assert layer_names(str(folder)) == []


def test_types_are_no_pattern_of_a_mix(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "m", "dense.weight")
    check_patterns(source, ["Linear", "dense"])
    with pytest.raises(InputError, match="'Linear'"):
        check_patterns(source, ["Linear"], types=())


@pytest.mark.parametrize(
    ("include", "sentence"),
    [
        (("Conv2d",), r"no layer with a weight is of type Conv2d; name others, such as bert\.embeddings\.\S+, "),
        (("Embeding",), r"is called 'Embeding'; the nearest are Embedding\.$"),
        (("nothing*",), r"is called 'nothing\*'; the nearest are bert\."),
    ],
)
def test_what_is_not_there_is_not_proposed(include: tuple[str, ...], sentence: str) -> None:
    """Conv2d was said to be the nearest to Conv2d."""
    check_layers("builtin", ("Linear", "Conv2d"), ())
    with pytest.raises(InputError, match=sentence):
        check_layers("builtin", include, ())


def test_the_hub_is_asked_once_and_only_for_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked: list[str] = []

    def metadata(name: str) -> Any:
        asked.append(name)
        tensors = {"a.weight": SimpleNamespace(shape=[2, 3]), "norm.weight": SimpleNamespace(shape=[3])}
        return SimpleNamespace(files_metadata={"model.safetensors": SimpleNamespace(tensors=tensors)})

    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", metadata)
    monkeypatch.setattr(naming, "reach_hub", lambda: None)
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "bert"}')
    monkeypatch.setattr(naming, "hub_config", lambda name: config)
    assert layer_names(HUB) == []
    look_up_layers(HUB)
    look_up_layers(HUB)
    assert kinds(HUB) == {"a": "Linear"}
    assert asked == [HUB]


def test_a_model_without_safetensors_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import NotASafetensorsRepoError

    def metadata(name: str) -> Any:
        raise NotASafetensorsRepoError(name)

    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", metadata)
    monkeypatch.setattr(naming, "reach_hub", lambda: None)
    with pytest.raises(InputError, match="save it with save_pretrained"):
        look_up_layers(HUB)


def test_reading_names_needs_neither_torch_nor_numpy(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "m", "dense.weight")
    code = (
        "import sys, json; from engine.models.layer_names import layer_names; "
        f"print(json.dumps([layer_names({source!r}), *(m for m in ('torch', 'numpy') if m in sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["dense"]]
