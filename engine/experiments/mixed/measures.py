"""What a point of `mixed` measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.measured import QuantizedLayer, Share
from engine.experiments.shared.trials import TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedResult(Recorded):
    """`bits` is the mean over the weights of all layers that chose, `formats` what each chose, `mix` that in words.

    `methods` are how they are rounded, where that was chosen too; a layer in full precision has none.
    """

    judged: Annotated[TrialResult, Part()]
    sqnr_db: Annotated[float | None, Quantity("SQNR", "db")]
    bits: Annotated[float, Quantity("Bits", "number")]
    zeros: Annotated[float, Quantity("Zeros", "percent")]
    saturated: Annotated[float, Quantity("Sat.", "percent")]
    covered: Share = None
    mix: Annotated[str, Quantity("Formats")]
    formats: Mapping[str, str]
    methods: Mapping[str, str] | None = None
    layers: tuple[QuantizedLayer, ...]
