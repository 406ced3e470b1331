"""A head that shares its weight with the table of words can be named, and counts as what it is."""

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model
from engine.compress.layers import quantized_layers
from engine.errors import InputError
from engine.layers import share_of
from engine.models.coverage import coverage
from engine.models.layer_names import check_layers, layers_of
from engine.models.tied_head import tied_table

SMALL = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if name == "gpt2":  # tied by default, which its config does not say
        return GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=32))
    return LlamaForCausalLM(LlamaConfig(**SMALL, tie_word_embeddings=name == "llama, tied"))


@pytest.mark.parametrize(
    ("name", "table"),
    [("gpt2", "transformer.wte"), ("llama, tied", "model.embed_tokens"), ("llama, untied", None)],
)
def test_what_is_said_before_is_what_is_covered(name: str, table: str | None, tmp_path: Path) -> None:
    model, source = made(name), str(tmp_path)
    model.save_pretrained(tmp_path)
    assert tied_table(source, layers_of(source)) == table
    for exclude in ((), ("lm_head",)):
        check_layers(source, ("Linear",), exclude)
        changed = list(quantized_layers(quantize_model(model, LayerFormats("int(4)", exclude=exclude))))
        found = coverage(source, ("Linear",), exclude)
        assert found is not None
        assert found.share == pytest.approx(share_of(model, changed), rel=1e-6)
    with pytest.raises(InputError, match="'lm_hed'"):
        check_layers(source, ("Linear",), ("lm_hed",))
