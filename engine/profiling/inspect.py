"""What a format does to a layer, answered at once: the requests behind the Formats screen.

Models are kept loaded, so that only the first question about one takes longer than a frame. All values are plain.
"""

import math
import os
import subprocess
import sys
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from engine.compress.signal import noise
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.anatomy import dissect
from engine.formats.catalogue import magnitudes
from engine.layers import kind_of, live_layers
from engine.models.builtin import is_unmade
from engine.models.sources import locate
from engine.store import load

_MARGIN = 1.04  # of the largest value that is drawn
_LARGE = 600_000_000  # bytes of a model that is not loaded only to show a layer of it
_PROBES = 16  # values rounded in each column to find the grid
_MAKE = """\
import sys
from engine.models.builtin import folder_of
from engine.runtime.processes import die_with
die_with(int(sys.argv[1]))
folder_of(sys.argv[2])
"""

Values = dict[str, Any]


_making: dict[str, subprocess.Popen[bytes]] = {}
"""The processes that make built-in models, by the name of the model."""


def layers(model: str) -> list[Values] | None:
    """Name, type and shape (as rows) of each layer that holds a weight, in the model's order.

    None while the built-in model is being made, which another process does: others may ask meanwhile.

    Raises:
        InputError: the model cannot be loaded.
    """
    if is_unmade(model):
        _make_builtin(model)
        return None
    return [
        {"name": name, "type": kind, "shape": list(weight.shape)} for name, (kind, weight) in _weights(model).items()
    ]


def layer(model: str, layer: str, specs: list[str], columns: int) -> Values:
    """The weights' histogram over [-limit, limit], and for each format its grid there and what it does to them.

    `grid` tells for each column whether a value of the format lies in it: any value, or, where a scale is shared by a
    row or block, one that is in use. `values` are the values themselves where they are few and the same for all.
    """
    x = _weight(model, layer)
    fitted = [_fitted(spec, x) for spec in specs]
    low, high = (float(bound) for bound in x.nan_to_num(0, 0, 0).aminmax())
    quantized = [one.quantize(x) for one in fitted]
    limit = _MARGIN * max(_reach(one, q) for one, q in zip(fitted, quantized, strict=True))
    limit = max(limit, _MARGIN * max(-low, high)) or 1.0
    return {
        "low": low,
        "high": high,
        "limit": limit,
        "shape": list(x.shape),
        "counts": list(_counts(x, limit, columns)),
        "formats": [
            {
                "spec": spec,
                "fitted": str(one),
                **_grid(one, q, limit, columns),
                "scaled": one.shares_scale,
                "bits": one.bits_per_element,
                "bytes": one.stored_bytes(x.shape),
                "float_bytes": 4 * x.numel(),
                **asdict(noise(one, x, q)),
            }
            for spec, one, q in zip(specs, fitted, quantized, strict=True)
        ],
    }


def sample(model: str, spec: str, columns: int) -> Values | None:
    """`layer` for one format on the first linear layer, with its `name`.

    None where that would take long: for a model that is not on this machine yet, not made yet, or large.
    """
    located = locate(model)
    if located.kind == "hub" or is_unmade(model):
        return None
    if sum(file.stat().st_size for file in located.path.glob("*.safetensors")) > _LARGE:
        return None
    name = next((name for name, (kind, _) in _weights(model).items() if kind == "Linear"), None)
    return None if name is None else {"name": name, **layer(model, name, [spec], columns)}


def value(model: str, layer: str, specs: list[str], low: float, high: float, place: int) -> Values:
    """The weight number `place` (counted round) of those in [low, high), and how each format stores it.

    Where there is none it is the one nearest to the middle. `of` says how many there are.
    """
    x = _weight(model, layer)
    flat = x.reshape(-1)
    inside = ((flat >= low) & (flat < high)).nonzero().reshape(-1)
    index = int(
        inside[place % len(inside)] if len(inside) else (flat - (low + high) / 2).abs().nan_to_num(math.inf).argmin()
    )
    row, column = divmod(index, x.shape[-1])
    shared = x.reshape(-1, x.shape[-1])[row]
    fitted = [_fitted(spec, x) for spec in specs]
    return {
        "row": row,
        "column": column,
        "place": place % max(1, len(inside)),
        "of": len(inside),
        "formats": [{"spec": str(one), **asdict(dissect(one, shared, column))} for one in fitted],
    }


def some_layers(model: str, names: list[str], spec: str) -> list[Values]:
    """What a format does to the weights of these layers."""
    told = []
    for name in names:
        weight = _weight(model, name)
        fitted = _fitted(spec, weight)
        told.append({"name": name, "fitted": str(fitted), "elements": weight.numel(), **asdict(noise(fitted, weight))})
    return told


def _make_builtin(model: str) -> None:
    """Begins it, or sees that it goes on. The process ends with this one."""
    if (maker := _making.get(model)) is None:
        _making[model] = subprocess.Popen(
            [sys.executable, "-c", _MAKE, str(os.getpid()), model], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    elif (ended := maker.poll()) is not None:
        del _making[model]
        if ended:
            raise InputError(f"the built-in model could not be made (exit code {ended}); `labtui demo` says why.")


def _weights(model: str) -> dict[str, tuple[str, Tensor]]:
    located = locate(model)
    return _loaded(model, located.path.stat().st_mtime if located.kind == "local" else 0.0)


@lru_cache(maxsize=2)
def _loaded(model: str, changed: float) -> dict[str, tuple[str, Tensor]]:
    """Types and weights by layer; `changed` is when the folder last was."""
    _fitted.cache_clear()
    _counts.cache_clear()
    whole = load(model).model
    return {
        name: (kind.name, kind.rows(module.weight.detach()))
        for name, module in ((name, whole.get_submodule(name)) for name in live_layers(whole))
        if (kind := kind_of(module)) is not None
    }


def _weight(model: str, layer: str) -> Tensor:
    found = _weights(model).get(layer)
    if found is None:
        raise InputError(f"{model} has no layer with a weight called {layer}.")
    return found[1]


@lru_cache(maxsize=1024)
def _fitted(spec: str, x: Tensor) -> Format:
    """The format fitted to a weight; a tensor is the same as itself alone."""
    return parse(spec).fit(x)


@lru_cache(maxsize=64)
def _counts(x: Tensor, limit: float, columns: int) -> tuple[int, ...]:
    return tuple(torch.histc(x.float(), columns, -limit, limit).int().tolist())


def _reach(number_format: Format, quantized: Tensor) -> float:
    """How far out the picture must go to show a value of the format that is not zero."""
    smallest = magnitudes(number_format)[0] or 0.0
    low, high = quantized.nan_to_num(0, 0, 0).aminmax()
    return max(-float(low), float(high), smallest)


def _grid(number_format: Format, quantized: Tensor, limit: float, columns: int) -> Values:
    values: list[float] = []
    if not number_format.shares_scale:
        quantized = number_format.quantize(torch.linspace(-limit, limit, _PROBES * columns + 1))
        values = sorted({value for value in quantized.tolist() if abs(value) <= limit})
    held = torch.histc(quantized, columns, -limit, limit)
    return {
        "grid": [bool(count) for count in held.tolist()],
        "values": values if len(values) <= columns else [],
    }
