"""What a point of `quantize` is asked for, and what it measures."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from engine.experiments.recorded import NamedParams, Part, Quantity, Recorded, TypedPoint
from engine.experiments.shared.measured import Concluded, QuantizedLayer, Share
from engine.experiments.shared.teaching import TaughtBy, taught
from engine.preparing import PLAIN
from engine.rounding import DENSE, NEAREST, Method

Mode = Literal["ptq", "qat"]
NO_FORMAT = "none"
"""How a cache without a format is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeParams(NamedParams):
    """What is None is not among what is swept."""

    mode: Annotated[Mode, Quantity("Mode")]
    format: Annotated[str, Quantity("Format")]
    width: Annotated[int | None, Quantity("Width", "number")] = None
    integer_bits: Annotated[int | None, Quantity("Integer bits", "number")] = None
    fraction_bits: Annotated[int | None, Quantity("Fraction bits", "number")] = None
    method: Annotated[Method | None, Quantity("Method", usual="")] = None
    sparsity: Annotated[str | None, Quantity("Sparsity", usual="")] = None
    prepare: Annotated[str | None, Quantity("Prepare", usual="")] = None
    kv: Annotated[str | None, Quantity("KV", usual="")] = None
    teacher: TaughtBy = None

    @property
    def rounding(self) -> Method:
        """The method that weights are rounded by."""
        return self.method or NEAREST

    @property
    def cache(self) -> str | None:
        """The format of keys and values, where they have one."""
        return None if self.kv == NO_FORMAT else self.kv

    @property
    def curve(self) -> str:
        """Mode, method, sparsity, preparation, cache and teacher: `PTQ gptq 2:4 awq`, `QAT teacher start`."""
        by = "" if self.rounding == NEAREST else f" {self.rounding}"
        by += "" if self.sparsity in (None, DENSE) else f" {self.sparsity}"
        kept = "" if self.cache is None else f" kv {self.cache}"
        return f"{self.mode.upper()}{by}{self.prepared}{kept}{taught(self.teacher)}"

    @property
    def prepared(self) -> str:
        """` awq` where layers are prepared, to follow the rest of a name."""
        return "" if self.prepare in (None, PLAIN) else f" {self.prepare}"

    @property
    def plain(self) -> "QuantizeParams":
        """What a method or a preparation is compared with: the same, whole, rounded to nearest as it is."""
        return replace(self, method=None, sparsity=None, prepare=None)

    @property
    def name(self) -> str:
        """`fixed(4) PTQ`, `fixed(4) PTQ gptq awq`, `fixed(4) QAT teacher start`."""
        return f"{self.format} {self.curve}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeResult(Recorded):
    """Over all quantised weights the median SQNR, mean bits, and the shares that became zero or saturated.

    `true_sparsity` is the share of them that was pruned, masked for good, where any was.
    `damped` counts layers that a method rounded on too few calibration rows, `prepared` those that prepare their inputs
    at run time, `absorbed` those whose inputs the operation before divides; `cache_bytes` is of `cache_context` tokens.
    Runs of first versions lack some of it.
    """

    measured: Annotated[Concluded, Part()]
    sqnr_db: Annotated[float | None, Quantity("SQNR", "db")] = None
    bits: Annotated[float | None, Quantity("Bits", "number")] = None
    zeros: Annotated[float | None, Quantity("Zeros", "percent")] = None
    saturated: Annotated[float | None, Quantity("Sat.", "percent")] = None
    true_sparsity: Annotated[float | None, Quantity("Gone", "percent")] = None
    damped: Annotated[int | None, Quantity("Damped", "number")] = None
    prepared: Annotated[int | None, Quantity("Prepared", "number")] = None
    absorbed: Annotated[int | None, Quantity("Absorbed", "number")] = None
    layers: tuple[QuantizedLayer, ...] = ()
    covered: Share = None
    cache_bytes: Annotated[int | None, Quantity("Cache", "bytes", usual=0)] = None
    cache_context: Annotated[int | None, Quantity("Cache context", "number")] = None


QuantizePoint = TypedPoint[QuantizeParams, QuantizeResult]
