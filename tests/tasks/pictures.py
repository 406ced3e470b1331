"""Small image classifiers and sets of images that tests share."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch
from PIL import Image
from transformers import ResNetConfig, ResNetForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SIZE = 16
NAMES = ("blue", "green", "red")


def picture(seed: int, name: str) -> Image.Image:
    """Noise in which one colour stands out: 20 x 24 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 200, (20, 24, 3), dtype=np.uint8)
    pixels[..., ("red", "green", "blue").index(name)] |= 0x80
    return Image.fromarray(pixels)


def write_folder(folder: Path, counts: Mapping[str, int], *, nested: bool = True) -> Path:
    """So many images of each class for each set, in a folder per class; `nested` below one for each set."""
    seed = 0
    for split, count in counts.items():
        for name in NAMES:
            place = (folder / split if nested else folder) / name
            place.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                seed += 1
                picture(seed, name).save(place / f"{split}{number}.png")
    return folder


def write_table(path: Path, rows: list[tuple[bytes | None, int]], names: tuple[str, ...] = NAMES) -> Path:
    """A table as `datasets` writes it."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    column = pa.array([{"bytes": data, "path": None} for data, _ in rows], image)
    kept = {"huggingface": json.dumps({"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}})}
    table = pa.table({"img": column, "label": [label for _, label in rows]}).replace_schema_metadata(kept)
    pyarrow.parquet.write_table(table, path)
    return path


def encoded(seed: int, name: str) -> bytes:
    written = io.BytesIO()
    picture(seed, name).save(written, "PNG")
    return written.getvalue()


def write_model(folder: Path, names: tuple[str, ...] = NAMES, **more: Any) -> Path:
    """A tiny residual net with batch norms that have seen some images, and its image processor."""
    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        **more,
    )
    model = ResNetForImageClassification(config)
    with torch.no_grad():
        for _ in range(20):
            model(torch.randn(16, 3, SIZE, SIZE))
    model.eval().save_pretrained(folder)
    ViTImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder
