"""What a point of `sensitivity` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.measured import Compared, LayerNoise, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityParams(Recorded):
    """`layer` is one, or a block of them."""

    format: Annotated[str, Quantity("Format")]
    layer: Annotated[str, Quantity("Layer")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityResult(Recorded):
    """`noise` is None where the format leaves the layer as it is; `second_order` is tr((W−Q)·H·(W−Q)ᵀ)."""

    measured: Annotated[Compared, Part()]
    noise: Annotated[LayerNoise | None, Part()] = None
    second_order: Annotated[float | None, Quantity("Second order", "number")] = None
    covered: Share = None
