"""The built-in image classifier: known before it is made, made in seconds, and worth compressing."""

import pytest

from engine.compress import LayerFormats, quantize_model
from engine.compress.fold import fold_norms
from engine.layers import describe_model
from engine.models.builtin import digits_folder
from engine.models.images import load_images
from engine.models.labelled_sets import Draw
from engine.models.layer_names import layers_of
from engine.store import load
from engine.training.evaluate import evaluate
from engine.training.objective import Classes

pytest.importorskip("sklearn")


def test_it_is_what_was_said_before_it_was_made() -> None:
    told = {name: layer.kind for name, layer in layers_of("builtin:vision").items()}
    subject = load("builtin:vision")
    assert told == {name: layer.kind for name, layer in describe_model(subject.model).items()}
    assert subject.head.names == tuple("0123456789")
    images = load_images(str(digits_folder()), subject.preparation, 0, head=subject.head, draw=Draw(calibration=64))
    assert images.description == "1,797 images read (image, label), all used: 1,078 train, 270 validation, 449 test"
    whole = evaluate(subject.model, images.test, Classes(), batch_size=64, device="cpu").value
    assert whole > 0.97
    assert len(fold_norms(subject.model, next(images.test.batches(2)).inputs)) == 10
    two = LayerFormats("fixed(2)", "fixed(2)", include=("Linear", "Conv2d"))
    few = quantize_model(subject.model, two, [next(images.calibration.batches(64))])
    assert evaluate(few, images.test, Classes(), batch_size=64, device="cpu").value < whole - 0.05
