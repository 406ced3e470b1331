"""Real data of the built-in image classifier: the handwritten digits that scikit-learn comes with, 8 x 8 pixels each.

They are the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, CC BY 4.0).
"""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from PIL import Image

from engine.errors import InputError

SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}
BRIGHTEST = 16  # of a pixel as scikit-learn has it
NAMES = tuple("0123456789")


def write_digits(folder: Path, seed: int) -> None:
    """Writes the sets as `datasets` would, drawn by seed. Raises InputError where scikit-learn is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("builtin:vision is made of images of scikit-learn; pip install scikit-learn.") from None
    found = load_digits()
    pixels = np.round(found.images * (255 / BRIGHTEST)).astype(np.uint8)
    order = np.random.default_rng(seed).permutation(len(pixels))
    folder.mkdir(parents=True, exist_ok=True)
    begin = 0
    for place, (split, share) in enumerate(SHARES.items()):
        last = place == len(SHARES) - 1
        end = len(order) if last else begin + round(share * len(order))
        chosen = order[begin:end]
        _write(folder / f"{split}.parquet", pixels[chosen], found.target[chosen].tolist())
        begin = end


def _write(path: Path, pixels: np.ndarray, labels: list[int]) -> None:
    images = [{"bytes": _png(one), "path": None} for one in pixels]
    features = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, image), "label": pa.array(labels, pa.int64())})
    kept = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(kept), path)


def _png(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()
