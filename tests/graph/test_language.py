"""Graphs of language models and of modules of the user's own."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engine.errors import InputError
from engine.graph.analyses import summary
from engine.graph.capture import capture
from engine.graph.check import check
from engine.graph.inputs import example, usual_sets
from engine.graph.subjects import subject
from engine.graph.transforms import apply, with_weights


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grouped heads, and one table for input and output."""
    folder = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_language_models_graph_has_a_label_for_each_token_and_counts_tied_weights_once(
    llama: Path, mode: str
) -> None:
    program = capture(subject(str(llama)), ["input_ids", "labels"], mode=mode)  # type: ignore[arg-type]
    assert not program.graph.problem
    (labels,) = (node for node in program.graph.nodes if node.name == "labels")
    assert labels.shape == ("batch", "sequence")
    whole = LlamaForCausalLM.from_pretrained(llama)
    assert summary(program.graph)["parameters"] == sum(one.numel() for one in whole.parameters())
    ready = with_weights(program)
    assert summary(ready.graph)["parameters"] == summary(program.graph)["parameters"]
    assert check(ready).difference == pytest.approx(0, abs=1e-5)
    assert check(apply(ready, "quantize_linear(fixed(8))")).difference is not None


def test_the_sets_of_inputs_follow_the_task(llama: Path, tmp_path: Path) -> None:
    assert usual_sets(str(llama)) == ("input_ids,attention_mask,labels", "input_ids,attention_mask", "input_ids")
    assert usual_sets(f"{tmp_path / 'net.py'}:net") == ("auto",)


def test_a_module_of_ones_own_is_captured_with_what_it_takes(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\nfrom torch import nn\n\n\ndef net():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), "
        "nn.Flatten(), nn.Linear(4 * 36, 2))\n\n\ndef inputs():\n    return torch.zeros(1, 3, 8, 8)\n\n\ndef odd():\n"
        "    return nn.Embedding(4, 3)\n"
    )
    found = subject(f"{file}:net")
    program = capture(found, mode="eval")
    (taken,) = (node for node in program.graph.nodes if node.kind == "input")
    assert (taken.name, taken.shape) == ("input_1", ("batch", "3", "8", "8"))
    assert check(program).difference == pytest.approx(0, abs=1e-6)
    assert example(["input"], found.model, sizes={"batch": 5}, seed=1)["input"].shape == (5, 3, 8, 8)
    with pytest.raises(InputError, match="does not take x; it takes input"):
        example(["x"], found.model)
    file.write_text(
        file.read_text().replace("def inputs", "def no_inputs").replace("nn.Conv2d(3, 4, 3)", "nn.Identity()")
    )
    with pytest.raises(InputError, match=r"net\.py does not say what its module takes; add a function inputs"):
        subject(f"{file}:odd")
