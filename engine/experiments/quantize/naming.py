"""What the points of a sweep are called, by what distinguishes them beside their format."""

from engine.experiments.quantize import caches, preparing
from engine.experiments.quantize.config import NEAREST
from engine.experiments.shared.teaching import taught
from engine.runtime.records import Params

METHOD = "method"


def point_name(params: Params) -> str:
    """`fixed(4) PTQ`, `fixed(4) PTQ gptq awq`, `fixed(4) QAT teacher start`."""
    return f"{params['format']} {mode_of(params)}"


def mode_of(params: Params) -> str:
    """How a point is rounded and trained: a curve of its own."""
    method = params.get(METHOD, NEAREST)
    by = "" if method == NEAREST else f" {method}"
    return f"{params['mode'].upper()}{by}{preparing.named(params)}{caches.named(params)}{taught(params)}"


def plain_of(params: Params) -> Params:
    """The point that a method or a preparation is compared with: the same, rounded to nearest as it is."""
    return {key: value for key, value in params.items() if key not in (METHOD, preparing.PARAM)}
