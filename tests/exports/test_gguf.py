"""GGUF: blocks as gguf's own reader takes them apart, and whole models as transformers reads them."""

from pathlib import Path

import gguf
import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model
from engine.errors import InputError
from engine.experiments.exporting import planned
from engine.exports.targets.gguf import TYPES, blocks
from engine.formats import parse
from engine.models.builtin.language import make_tokenizer
from tests.exports.kept import exported, run_keeping

WORDS = "the film was good and its plot was bad but what a scene the music lovely dull camera 2 of 10"


@pytest.fixture(scope="module")
def small_lm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a tiny language model, with fewer heads of keys than of queries, and its text."""
    folder = tmp_path_factory.mktemp("lm")
    tokenizer = make_tokenizer([WORDS] * 3)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 3,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.2,
        rope_theta=5000.0,
        eos_token_id=0,
        pad_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    (folder / "test.txt").write_text(f"{WORDS}. " * 30)
    return {"model": str(folder / "model"), "data": str(folder / "test.txt"), "task": "causal-lm", "window": "16"}


@pytest.mark.parametrize("spec", ["int(8,32)", "int(4,32)", "uint(4,32)", "mxfp4"])
def test_gguf_takes_blocks_apart_to_the_same_values(spec: str) -> None:
    torch.manual_seed(0)
    rows = torch.randn(6, 96) * torch.logspace(-6, 2, 6)[:, None]
    rows[2, :32] = 0
    packed = parse(spec).pack(rows)
    got = torch.from_numpy(gguf.dequantize(blocks(packed), gguf.GGMLQuantizationType[TYPES[spec]]))
    values = parse(spec).quantize(rows)
    if spec == "uint(4,32)":  # the lowest value of a block is a float16: half a unit of its last place
        assert torch.allclose(got, values, rtol=0, atol=float(rows.abs().max()) * 2**-11)
        assert (got - values).abs().max() > 0
    else:
        assert torch.equal(got, values)


def mixed(model: nn.Module) -> nn.Module:
    weights = {"*q_proj": "int(8,32)", "*k_proj": "mxfp4", "*mlp*": "int(4,32)", "*embed*": "int(8,32)", "*": "int(5)"}
    return quantize_model(model, LayerFormats(weights), [])


def test_transformers_reads_the_same_model(small_lm: dict[str, str], tmp_path: Path) -> None:
    run = run_keeping(small_lm, mixed)
    plan = planned(run, "gguf", tmp_path / "m.gguf")
    assert plan.said == (
        "GGUF cannot express weights of model.layers.0.self_attn.v_proj and 3 more layers in int(5): F16, BF16 or F32, "
        "whichever is the first to hold the same values.",
    )
    found = exported(run, "gguf", tmp_path / "m.gguf", samples=8).compared
    assert (found.equal, found.predictions) == (128, 128)
    assert found.difference < 1e-4
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    kinds = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert kinds["token_embd.weight"] == kinds["blk.1.attn_q.weight"] == "Q8_0"
    assert (kinds["blk.0.attn_k.weight"], kinds["blk.0.ffn_down.weight"]) == ("MXFP4", "Q4_0")
    assert "output.weight" not in kinds
    assert reader.fields["tokenizer.ggml.pre"].contents() == "gpt-2"


def test_other_models_are_refused(small_pair: dict[str, str], tmp_path: Path) -> None:
    run = run_keeping(small_pair, lambda model: model)
    with pytest.raises(InputError, match="cannot be exported as GGUF: GGUF holds causal language models"):
        planned(run, "gguf", tmp_path / "m.gguf")
