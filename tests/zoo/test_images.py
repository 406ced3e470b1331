"""Every architecture of image classifiers: scores are transformers' own, and what is done to it works or says why."""

import functools
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForImageClassification

from engine.compress import LayerFormats, Pruning, prune_model, quantize_model
from engine.compress.fold import fold_norms
from engine.errors import InputError
from engine.graph.capture import capture
from engine.graph.subjects import subject
from engine.layers import describe_model
from engine.models.check import check_body
from engine.models.layer_names import layers_of, look_up_layers
from engine.models.pretrained import blank
from engine.training.evaluate import evaluate
from engine.training.images import Images
from engine.training.objective import Classes
from tests.zoo.images import CLASSES, KINDS, LEFT_OUT, images, small_model

small = functools.cache(small_model)
TYPES = ("Linear", "Conv2d")


def some(model: nn.Module) -> Images:
    pixels = images(model)
    return Images(pixels, torch.arange(len(pixels)) % CLASSES, torch.full((3,), 1 / 255), torch.full((3,), -0.5))


def batch(model: nn.Module) -> dict[str, torch.Tensor]:
    return next(some(model).batches(4)).inputs


def logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(**batch(model)).logits
    return found


def types_in(model: nn.Module) -> tuple[str, ...]:
    here = {layer.kind.group for layer in describe_model(model).values()}
    return tuple(name for name in TYPES if name in here)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_transformers_own(kind: str) -> None:
    model, own = small(kind), []
    for place in range(4):
        with torch.no_grad():
            pixels = images(model)[place : place + 1].float() / 255 - 0.5
            own.append(model(pixel_values=pixels, labels=torch.tensor([place % CLASSES])))
    found = evaluate(model, some(model), Classes(), batch_size=2, device="cpu")
    assert found.loss == pytest.approx(float(torch.stack([one.loss for one in own]).mean()), rel=1e-4)
    assert found.outcomes.tolist() == [int(one.logits.argmax()) == place % CLASSES for place, one in enumerate(own)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_model_given_weights_is_the_model(kind: str) -> None:
    model = small(kind)
    found = blank(AutoModelForImageClassification, model.config)
    found.load_state_dict(model.state_dict())
    assert torch.equal(logits(found.eval()), logits(model))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_weights_tell_the_layers(kind: str, tmp_path: Path) -> None:
    """Sensitivity of a ViT named layers as its file has them; the graph of a ResNet missed a layer of its head."""
    model = small(kind)
    model.save_pretrained(tmp_path)
    assert check_body(str(tmp_path)) == []
    look_up_layers(str(tmp_path))
    assert set(layers_of(str(tmp_path))) <= set(describe_model(model))


@pytest.mark.parametrize("kind", ["resnet", "hiera", "clip", "convnext", "pvt_v2", "vit"])
def test_graphs_are_captured(kind: str, tmp_path: Path) -> None:
    """A size for any image, one for height and one for width, in a part of the config, numbers read off tensors."""
    small(kind).save_pretrained(tmp_path)
    found = capture(subject(str(tmp_path)), ["pixel_values", "labels"]).graph
    assert not found.problem
    assert len(found.nodes) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_folding_changes_nothing(kind: str) -> None:
    import copy

    model = copy.deepcopy(small(kind))
    fold_norms(model, batch(model))
    torch.testing.assert_close(logits(model), logits(small(kind)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_formats_and_masks(kind: str) -> None:
    model = small(kind)
    formats = LayerFormats("fixed(28)", None, "fixed(28)", include=types_in(model))
    torch.testing.assert_close(logits(quantize_model(model, formats)), logits(model), rtol=1e-3, atol=1e-4)
    coarse = quantize_model(
        model, LayerFormats("fixed(8)", "fixed(8)", "fixed(8)", include=types_in(model)), [batch(model)]
    )
    assert torch.isfinite(logits(coarse)).all()
    assert torch.isfinite(logits(prune_model(model, Pruning("l1", 0.5, include=types_in(model))))).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_channels_are_cut_or_it_is_said_why_not(kind: str) -> None:
    pytest.importorskip("torch_pruning")
    model = small(kind)
    try:
        cut = prune_model(model, Pruning("l1", 0.3, "channels", include=types_in(model)), [batch(model)])
    except InputError as error:
        said = str(error)
        print(kind, said)
    else:
        said = ""
    if said:
        assert "\n" not in said
        assert said.endswith("prune weights instead.")
        return
    assert torch.isfinite(logits(cut)).all()
    assert sum(one.numel() for one in cut.parameters()) < sum(one.numel() for one in model.parameters())


def test_the_document_names_every_type() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    section = text[text.index("## Image classifiers") :]
    assert set(re.findall(r"`([\w-]+)`", section)) >= {*KINDS, *LEFT_OUT}
