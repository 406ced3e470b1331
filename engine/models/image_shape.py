"""The images that a model of transformers takes: channels, height and width."""

import json
from pathlib import Path
from typing import Any

USUAL_EDGE = 224
"""Pixels: what nets of any size are mostly trained on."""


def image_shape(config: Any, edge: int = USUAL_EDGE) -> tuple[int, int, int]:
    """What a config names, of the whole or of its part for images; a side of `edge` where the model takes any size."""
    parts = [part for part in (config, getattr(config, "vision_config", None)) if part is not None]
    size = next((one for part in parts if (one := getattr(part, "image_size", None))), edge)
    channels = next((one for part in parts if isinstance(one := getattr(part, "num_channels", None), int)), 3)
    height, width = _edges(size) or (edge, edge)
    return channels, height, width


def processed_size(folder: Path) -> tuple[int, int] | None:
    """Height and width of what a folder's image processor makes of an image; None where it does not say."""
    try:
        facts = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict):
        return None
    cropped = _edges(facts.get("crop_size")) if facts.get("do_center_crop", True) else None
    return cropped or _edges(facts.get("size"))


def _edges(size: Any) -> tuple[int, int] | None:
    """A size as configs and image processors write it: a number, two, or by name; None for any other."""
    if isinstance(size, dict):
        size = size.get("shortest_edge") or (size.get("height"), size.get("width"))
    edges = (size, size) if isinstance(size, int) else size
    match edges:
        case [int(height), int(width)] if min(height, width) > 1:  # JSON's true is a 1
            return height, width
    return None
