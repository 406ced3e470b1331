"""Every architecture: headers tell what live models have, and a format that loses nothing changes nothing."""

import functools
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn
from transformers import AutoModelForSequenceClassification

from engine.compress import LayerFormats, quantize_model
from engine.compress.lora import LoraSettings, add_lora
from engine.compress.prune_units import example_inputs, repeated_layers
from engine.layers import RENAMED, TYPES, describe_model, describe_tensors, is_meant, live_layers, share_of
from engine.models.check import check_model
from engine.models.pretrained import blank
from engine.models.weights import weight_files
from tests.zoo.small import KINDS, small_model

small = functools.cache(small_model)
LOSSLESS = "fixed(28)"


def types_in(model: nn.Module) -> tuple[str, ...]:
    kinds = [layer.kind for layer in describe_model(model).values()]
    return tuple(name for name in TYPES if any(is_meant(kind, name) for kind in kinds))


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(**example_inputs(model)).logits


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_tells_what_the_live_model_has(kind: str, tmp_path: Path) -> None:
    model = small(kind)
    model.save_pretrained(tmp_path)
    shapes = {}
    for file in weight_files(tmp_path):
        with safe_open(file, "pt") as tensors:
            shapes |= {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    config = json.loads((tmp_path / "config.json").read_text())
    told, real = describe_tensors(shapes, config), describe_model(model)
    if config["model_type"] in RENAMED:
        assert told == {}
        assert {f"{name}.weight" for name in real} - set(shapes), "a type that renames nothing need not be among them"
    else:
        assert told == real
    (tmp_path / "tokenizer.json").touch()
    head = check_model(str(tmp_path))  # its weights are held to belong to its config, layer by layer
    assert head is not None
    assert head.classes == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_model_given_weights_is_the_model(kind: str) -> None:
    """Nothing but the weights is left to chance: what no file holds is there, and tied tensors are one."""
    model = small(kind)
    found = blank(AutoModelForSequenceClassification, model.config)
    found.load_state_dict(model.state_dict())
    assert [name for name, _ in found.named_parameters()] == [name for name, _ in model.named_parameters()]
    for name, buffer in model.named_buffers():
        torch.testing.assert_close(found.get_buffer(name), buffer, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(logits(found.eval()), logits(model))


@pytest.mark.parametrize("kind", KINDS)
def test_lossless_means_lossless(kind: str) -> None:
    """With every layer in 28 bits no logit moves by more than rounding, and each shared weight is one layer."""
    model = small(kind)
    quantized = quantize_model(model, LayerFormats(LOSSLESS, None, LOSSLESS, include=types_in(model)))
    torch.testing.assert_close(logits(quantized), logits(model), rtol=1e-4, atol=1e-5)
    names = list(live_layers(model))
    weights = {id(parameter) for parameter in model.parameters()}
    assert len(names) <= len(weights)
    assert 0 < share_of(model, names) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_go_beside_all_linear_layers_of_the_blocks(kind: str) -> None:
    import copy

    from engine.errors import InputError

    model = copy.deepcopy(small(kind))
    names = repeated_layers(model)
    if not names:
        with pytest.raises(InputError, match="name layers as targets"):
            add_lora(model, LoraSettings(2))
        return
    expected = logits(model)
    assert add_lora(model, LoraSettings(2)) == names
    torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-5)


def test_layers_of_a_type_that_renames_are_looked_up_once(tmp_path: Path) -> None:
    from engine.models.layer_names import layers_of, look_up_layers

    model = small("nomic_bert")
    model.save_pretrained(tmp_path)
    assert layers_of(str(tmp_path)) == {}
    look_up_layers(str(tmp_path))
    assert layers_of(str(tmp_path)) == describe_model(model)


def test_a_config_without_a_start_for_its_decoder_gets_one(tmp_path: Path) -> None:
    """T5Config says none unless it is given: the forward then raised an AttributeError."""
    from transformers import T5Config

    from engine.models.complete import complete

    config = T5Config(vocab_size=50, eos_token_id=[7, 8], pad_token_id=None)
    complete(config)
    assert config.pad_token_id == 7
    assert config.decoder_start_token_id == 7
