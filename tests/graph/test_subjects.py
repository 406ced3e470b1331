"""Models from folders: captured from the config alone, their weights read when they are wanted."""

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor
from transformers import AutoConfig, BertConfig, BertModel

from engine.compress import LayerFormats, quantize_model
from engine.errors import InputError
from engine.graph.analyses import ranges, summary
from engine.graph.capture import capture
from engine.graph.check import check
from engine.graph.subjects import subject
from engine.graph.transforms import with_weights
from engine.models.builtin import config_of, folder_of
from engine.store import load, save
from tests.graph.models import ALONE, SHAPE, captured, save_classifier


def test_a_config_is_enough_for_a_capture(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    found = subject(folder)
    assert all(isinstance(weight, FakeTensor) for weight in found.model.parameters())
    graph = capture(found, ALONE).graph
    usual = captured(ALONE).graph
    assert [(node.operator, node.shape, node.flops) for node in graph.nodes] == [
        (node.operator, node.shape, node.flops) for node in usual.nodes
    ]
    assert ranges(graph) == []
    with pytest.raises(InputError, match=r"the weights of .* cannot be read \(Error no file named model\.safetensors"):
        with_weights(capture(found, ALONE))


def test_weights_take_the_place_of_their_shapes(tmp_path: Path) -> None:
    program = with_weights(capture(subject(save_classifier(tmp_path / "model")), ALONE))
    assert ranges(program.graph) == ranges(captured(ALONE).graph)
    found = check(program)
    assert found.difference is not None
    assert found.difference < 1e-5


def test_a_compressed_folder_is_captured_as_it_is(tmp_path: Path) -> None:
    classifier = load(save_classifier(tmp_path / "model"))
    classifier.model = quantize_model(classifier.model, LayerFormats(weight="fixed(8,6)"))
    save(classifier, tmp_path / "packed")
    program = capture(subject(str(tmp_path / "packed")), ALONE)
    assert not program.graph.problem
    assert program.graph.modules["classifier"] == "QuantizedLinear"
    assert summary(program.graph)["dropouts"] == 6
    found = check(program)
    assert found.difference is not None
    assert found.difference < 1e-5


def test_a_model_without_a_head_is_captured_by_its_own_class(tmp_path: Path) -> None:
    BertModel(BertConfig(**SHAPE)).save_pretrained(tmp_path / "headless")
    program = capture(subject(str(tmp_path / "headless")), ALONE)
    assert program.graph.model == "BertModel"
    found = check(program)
    assert found.difference is not None
    assert found.difference < 1e-5


def test_attention_is_as_it_was_asked_for(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "model")
    torch.manual_seed(0)
    assert subject(folder, "eager").model.config._attn_implementation == "eager"
    assert subject(folder).model.config._attn_implementation == "sdpa"
    with pytest.raises(InputError, match="cannot be made with attention=nothing"):
        subject(folder, "nothing")


@pytest.mark.parametrize(
    ("text", "sentence"), [("./nowhere", "does not exist"), ("a b c", "neither a path nor a Hugging Face id")]
)
def test_what_is_not_there(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        subject(text)


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json"):
        subject(str(tmp_path))


@pytest.mark.parametrize("source", ["builtin", "builtin:lm", "builtin:vision"])
def test_a_builtin_model_is_drawn_before_it_is_made(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABTUI_HOME", str(tmp_path))
    found = capture(subject(source)).graph
    assert not found.problem
    assert not (tmp_path / "cache" / "builtin").exists()


@pytest.mark.usefixtures("builtin")
@pytest.mark.parametrize("source", ["builtin", "builtin:lm", "builtin:vision"])
def test_the_config_of_a_builtin_model_is_that_of_the_one_that_is_made(source: str) -> None:
    made, known = AutoConfig.from_pretrained(folder_of(source)).to_dict(), config_of(source).to_dict()
    left_out = {"transformers_version", "dtype", "image_size", "_name_or_path"}
    assert {name: one for name, one in made.items() if name not in left_out} == {
        name: one for name, one in known.items() if name not in left_out
    }
