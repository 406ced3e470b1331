"""From a spec string to the format it names."""

from collections.abc import Callable, Mapping
from functools import partial

from engine.formats.base import Format
from engine.formats.binary import Binary, Ternary, binary_residual, binary_scaled
from engine.formats.block import bfp, block_minifloat, mxfp, mxint8
from engine.formats.block_log import BlockLog
from engine.formats.fixed import Fixed
from engine.formats.logarithm import Log
from engine.formats.minifloat import minifloat, minifloat_denorm, minifloat_ieee
from engine.formats.plain import Float32
from engine.formats.spec import parse_spec

_BUILDERS: Mapping[str, Callable[..., Format]] = {
    "fp32": Float32,
    "fixed": Fixed,
    "minifloat": minifloat,
    "minifloat_ieee": minifloat_ieee,
    "minifloat_denorm": minifloat_denorm,
    "log": Log,
    "bfp": bfp,
    "block_minifloat": block_minifloat,
    "block_log": BlockLog,
    "binary": Binary,
    "binary_scaled": binary_scaled,
    "binary_residual": binary_residual,
    "ternary": Ternary,
    "mxint8": mxint8,
    **{name: partial(mxfp, name) for name in ("mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4")},
}


def build(text: str) -> Format:
    """The format that the spec string `text` names."""
    spec = parse_spec(text)
    return _BUILDERS[spec.name](*spec.args)
