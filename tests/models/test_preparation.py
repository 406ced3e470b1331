"""Pixels as bytes, scaled and shifted later, beside what transformers' image processors give at once."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.auto.image_processing_auto import get_image_processor_class_from_name

from engine.errors import InputError
from engine.models.image_classifier import timm_preparation
from engine.models.images import decoded
from engine.models.preparation import Plain, Processed

PICTURE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (70, 93, 3), dtype=np.uint8))


def processor(name: str, **more: Any) -> Any:
    return get_image_processor_class_from_name(f"{name}ImageProcessorPil")(**more)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("ViT", {"size": {"height": 24, "width": 32}}),
        ("Bit", {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}),
        ("CLIP", {"size": {"shortest_edge": 30}, "crop_size": {"height": 36, "width": 36}}),  # filled up with black
        ("ConvNext", {"size": {"shortest_edge": 32}}),
        ("EfficientNet", {"size": {"height": 33, "width": 33}}),
        ("EfficientNet", {"size": {"height": 33, "width": 33}, "rescale_offset": True, "include_top": False}),
        ("Levit", {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}),
        ("MobileViT", {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}),  # blue first
        ("PoolFormer", {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}),
        ("Perceiver", {"size": {"height": 24, "width": 24}, "crop_size": {"height": 60, "width": 60}}),
    ],
)
def test_bytes_become_what_the_processor_gives(name: str, more: dict[str, Any]) -> None:
    own = processor(name, **more)
    preparation = Processed(own, 3, "it")
    pixels = preparation.pixels(PICTURE)
    assert pixels.dtype == np.uint8
    found = pixels * np.reshape(preparation.scale, (3, 1, 1)) + np.reshape(preparation.shift, (3, 1, 1))
    np.testing.assert_allclose(found, own(PICTURE, return_tensors="np")["pixel_values"][0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "more"),
    [("ImageGPT", {"clusters": [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]}), ("Siglip2", {})],
)
def test_what_gives_more_than_pixels_is_refused(name: str, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"the image processor of it gives .*; take another model"):
        Processed(processor(name, **more), 3, "it")


def test_a_model_of_timm_sees_the_middle_of_a_resized_image() -> None:
    """timm brings the shorter edge to size / crop_pct and cuts the middle out."""
    facts = {
        "input_size": [3, 28, 28],
        "interpolation": "bicubic",
        "crop_pct": 0.875,
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.5],
    }
    preparation = timm_preparation(facts)
    resized = np.asarray(PICTURE.resize((42, 32), Image.Resampling.BICUBIC))  # 93 * 32 / 70 = 42.5
    np.testing.assert_array_equal(preparation.pixels(PICTURE), np.moveaxis(resized[2:30, 7:35], -1, 0))
    np.testing.assert_allclose(np.multiply(preparation.scale, 255) * facts["mean"] + preparation.shift, 0, atol=1e-12)


def test_an_image_is_turned_the_way_its_camera_says() -> None:
    written, noted = io.BytesIO(), Image.Exif()
    noted[0x0112] = 6  # a quarter turn
    PICTURE.save(written, "PNG", exif=noted)
    found = decoded(written.getvalue(), 3)
    assert found is not None
    np.testing.assert_array_equal(Plain().pixels(found), np.rot90(np.moveaxis(np.asarray(PICTURE), -1, 0), -1, (1, 2)))
    assert decoded(written.getvalue()[:300], 3) is None
