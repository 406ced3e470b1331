"""Answers of the warm worker about formats, worked out from a bell of weights without tensors."""

import math
from typing import Any

from tests.tui.pages import Scripted

NAMES = [
    "bert.embeddings.word_embeddings",
    *(f"bert.encoder.layer.{i}.{part}" for i in range(2) for part in ("attention.self.query", "output.dense")),
    "bert.pooler.dense",
    "classifier",
]
LIMIT = 0.26


def shape_of(name: str) -> list[int]:
    return [1500, 128] if "embeddings" in name else [2, 128] if name == "classifier" else [128, 128]


def layers(_: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = ["Embedding" if "embeddings" in name else "Linear" for name in NAMES]
    return [{"name": name, "type": kind, "shape": shape_of(name)} for name, kind in zip(NAMES, kinds, strict=True)]


def fitted(spec: str) -> str:
    return f"{spec[:-1]},5)" if spec.startswith("fixed") and "," not in spec else spec


def noise(spec: str, number: int) -> dict[str, Any]:
    """The wider the spec's first number, the less noise."""
    digits = "".join(letter for letter in spec if letter.isdigit())
    width = int(digits[0]) if digits else 1
    return {
        "sqnr_db": 6.02 * width - 5.2 - 0.1 * number,
        "zeros": 0.5 / width,
        "saturated": 0.004,
        "largest_error": 0.1 / 2**width,
    }


def layer(request: dict[str, Any]) -> dict[str, Any]:
    columns, name = request["columns"], request["layer"]
    rows, across = shape_of(name)
    step = 2 * LIMIT / columns
    centres = [-LIMIT + (place + 0.5) * step for place in range(columns)]
    counts = [round(400 * math.exp(-((x / 0.06) ** 2) / 2)) if abs(x) < 0.2 else 0 for x in centres]
    told = []
    for spec in request["specs"]:
        every = 0.0625 if spec.startswith("fixed") else 0.02
        grid = [math.floor((x - step / 2) / every) != math.floor((x + step / 2) / every) for x in centres]
        told.append(
            {
                "spec": spec,
                "fitted": fitted(spec),
                "grid": grid,
                "scaled": False,
                "values": [x * every for x in range(-4, 5)] if spec.startswith("fixed") else [],
                "bits": 4.0,
                "bytes": rows * across // 2,
                "float_bytes": 4 * rows * across,
                **noise(spec, NAMES.index(name)),
            }
        )
    return {"low": -0.2, "high": 0.2, "limit": LIMIT, "shape": [rows, across], "counts": counts, "formats": told}


def value(request: dict[str, Any]) -> dict[str, Any]:
    middle = (request["low"] + request["high"]) / 2
    parts = [
        {"name": "sign", "bits": "0", "meaning": "+"},
        {"name": "exponent", "bits": "0110", "meaning": "2^(6 - 7)"},
        {"name": "fraction", "bits": "011", "meaning": "1 + 3/8"},
        {"name": "shared", "bits": "01111010", "meaning": "2^-5"},
    ]
    formats = [
        {"spec": fitted(spec), "value": middle, "decoded": middle + 0.001, "parts": parts} for spec in request["specs"]
    ]
    return {"row": 3, "column": 17, "place": request["place"] % 41, "of": 41, "formats": formats}


def some_layers(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "fitted": fitted(request["spec"]),
            "elements": math.prod(shape_of(name)),
            **noise(request["spec"], NAMES.index(name)),
        }
        for name in request["names"]
    ]


def inspecting(**answers: Any) -> Scripted:
    """A worker that knows one model."""
    known = {"format_model": layers, "format_layer": layer, "format_value": value, "format_layers": some_layers}
    return Scripted(**(known | answers))
