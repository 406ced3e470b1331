"""What is read of a GGUF file before its weights are."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.experiments.memory import point_memory
from engine.models.check import check_body
from engine.models.fields import longest_text
from engine.models.gguf import check_gguf, facts_of_gguf, stored_as
from engine.models.gguf_header import read_header
from engine.models.layer_names import layers_of, look_up_layers


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_tensor("output.weight", np.zeros((4, 32), np.float16))
    writer.add_tensor("output_norm.weight", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def test_the_head_is_what_the_reader_of_the_package_finds(tmp_path: Path) -> None:
    path = tmp_path / "all.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(3)
    writer.add_embedding_length(32)
    writer.add_name("größer")
    writer.add_rope_freq_base(10000.5)
    writer.add_add_bos_token(True)
    writer.add_token_list(["a", "bc", ""])
    writer.add_token_scores([0.5, 1.0, 2.0])
    writer.add_tensor("token_embd.weight", np.zeros((3, 32), np.float32))
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((7, 32), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header, other = read_header(path), GGUFReader(path)
    for name, value in header.fields.items():
        known = other.fields[name].contents()
        assert value == (len(known) if isinstance(known, list) else known), name
    assert header.fields.keys() == {name for name in other.fields if not name.startswith("GGUF.")}
    assert {name: (list(one.shape)[::-1], one.kind) for name, one in header.tensors.items()} == {
        one.name: (one.shape.tolist(), one.tensor_type) for one in other.tensors
    }
    assert facts_of_gguf(path) == {"hidden_size": 32, "num_hidden_layers": 3, "vocab_size": 3}


@pytest.mark.parametrize("cut", [5, 20, 60, 140])
def test_a_file_that_ends_in_its_head_is_one_sentence(model: str, cut: int) -> None:
    path = Path(model)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"the head of .*small\.gguf cannot be read \(.*\); copy it again\.$"):
        check_gguf(path, model)


def test_the_plan_tells_the_memory_of_a_file_that_was_never_read(model: str) -> None:
    config = configure("quantize", {"model": model, "task": "causal-lm", "window": 32})[1]
    assert point_memory(config) is not None


def test_how_many_tokens_it_takes_and_what_its_weights_are(model: str) -> None:
    assert longest_text(model) == 64
    assert stored_as(model) == "F16, F32"


def test_a_file_that_was_not_read_yet_is_said_to_be_read_later(model: str, tmp_path: Path) -> None:
    (said,) = check_body(model)
    assert said.startswith(f"{model} is read when the run starts")
    (tmp_path / "other.gguf").write_bytes(b"what is this")
    with pytest.raises(InputError, match="does not begin as a GGUF file does"):
        check_body(str(tmp_path / "other.gguf"))


def test_the_layers_of_a_file_that_was_never_read_are_told_by_its_head(tmp_path: Path) -> None:
    """Sensitivity asked for safetensors of a model whose file is a GGUF."""
    path = tmp_path / "llama.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_token_list(["a", "b", "c", "d"])
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert layers_of(str(path)) == {}
    look_up_layers(str(path))
    found = layers_of(str(path))
    assert found["model.layers.1.self_attn.k_proj"].shape == (16, 32)
    assert found["model.layers.0.mlp.down_proj"].shape == (32, 48)
    assert len([name for name in found if name.startswith("model.layers.")]) == 14
    settings = {"model": str(path), "task": "causal-lm", "formats": "mxfp4", "each": "block"}
    experiment, config = configure("sensitivity", settings)
    points = [point["layer"] for point in experiment.points(config)]
    assert points[:2] == ["model.layers.0", "model.layers.1"]
