"""The images that a model takes, as its config and its image processor name them."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import CLIPConfig, PvtV2Config, ResNetConfig, ViTConfig

from engine.graph.inputs import example
from engine.graph.subjects import subject
from engine.models.image_shape import image_shape, processed_size
from tests.zoo.images import small_model


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ResNetConfig(num_channels=1), (1, 224, 224)),
        (ViTConfig(image_size=48), (3, 48, 48)),
        (PvtV2Config(image_size={"height": 32, "width": 64}), (3, 32, 64)),
        (CLIPConfig(vision_config={"image_size": 336, "num_channels": 4}), (4, 336, 336)),
    ],
)
def test_of_a_config(config: Any, expected: tuple[int, int, int]) -> None:
    assert image_shape(config) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"size": {"height": 32, "width": 48}}, (32, 48)),
        ({"size": {"shortest_edge": 40}}, (40, 40)),
        ({"size": 28}, (28, 28)),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, (224, 224)),
        ({"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": False}, (256, 256)),
        ({"size": {"longest_edge": 256}}, None),
        ({"size": {"height": 0, "width": 0}}, None),
        ({"size": True}, None),
        ({"size": "big"}, None),
        ([], None),
    ],
)
def test_of_an_image_processor(facts: Any, expected: tuple[int, int] | None, tmp_path: Path) -> None:
    assert processed_size(tmp_path) is None
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts))
    assert processed_size(tmp_path) == expected


def test_a_net_of_any_size_is_drawn_with_what_its_processor_makes(tmp_path: Path) -> None:
    small_model("resnet").save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 32, "width": 40}}))
    assert example(["pixel_values"], subject(str(tmp_path)).model)["pixel_values"].shape == (3, 3, 32, 40)
