"""What a sweep of number formats takes: formats, modes and layers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.config import JsonDict

from engine.experiments.quantize.caches import CacheAxis, CacheFormats
from engine.experiments.quantize.measures import Mode, QuantizeParams
from engine.experiments.quantize.preparing import Preparations, calibrated
from engine.experiments.quantize.pruning import Sparsities, refuse_zeroless
from engine.experiments.shared.config import CALIBRATION, WINDOWS, InputRange, fold, input_range
from engine.experiments.shared.giving_up import GivingUpConfig
from engine.experiments.shared.settings import SPLIT, Formats, FormatText, WholeNumbers, Words, unique
from engine.experiments.shared.teaching import TEACHING, TaughtConfig
from engine.formats.mix import parse_mix
from engine.formats.registry import FULL
from engine.preparing import PLAIN
from engine.rounding import DENSE, GPTQ, NEAREST, NOTHING_TO_CHOOSE, Method, leaves_nothing
from engine.tasks.kinds import AUTO

DEFAULT_QAT_STEPS = 200
WITH_QAT: JsonDict = {"when": {"modes": ["qat"]}}


class QuantizeConfig(TaughtConfig, GivingUpConfig):
    """One sweep: over `widths`, over `integer_bits` × `fraction_bits`, or over `formats`; each in every mode."""

    SPREADS = True

    widths: WholeNumbers = Field(
        (2, 3, 4, 5, 6, 8, 10, 12, 16), title="Widths", description="Bits in all, 2 to 32: 2,4,8 or ranges 2-32:2."
    )
    fraction: Literal["auto", "half"] | int = Field(
        "auto",
        title="Fraction",
        description="auto fits them to each tensor, half is width/2, a number holds them.",
    )
    integer_bits: WholeNumbers = Field(
        (), title="Integer bits", description="A grid with fraction bits, instead of widths."
    )
    fraction_bits: WholeNumbers = Field((), title="Fraction bits", description="The other side of the grid, 0 to 31.")
    formats: Formats = Field(
        (),
        title="Formats",
        description="To try instead of widths: fixed(8,6), mxint8, a mix classifier=fp32;*=fixed(4).",
    )
    modes: Annotated[tuple[Mode, ...], SPLIT] = Field(
        ("ptq",),
        min_length=1,
        title="Modes",
        description="ptq rounds the trained model; qat trains it on while rounding.",
    )
    methods: Annotated[tuple[Method, ...], SPLIT] = Field(
        ("nearest",),
        min_length=1,
        title="Methods",
        description="How PTQ rounds weights: nearest, gptq (errors moved on), gptq_act_order (large inputs first).",
        json_schema_extra={"when": {"modes": ["ptq"]}},
    )
    prepare: Preparations = Field(
        (PLAIN,),
        min_length=1,
        title="Prepare",
        description="What is done to layers before: none, smooth or smooth(0.7) (α), awq, hadamard (inputs rotated).",
    )
    sparsity: Sparsities = Field(
        (DENSE,),
        min_length=1,
        title="Sparsity",
        description="What gptq prunes in the same pass: a share of the weights or N:M, a curve each: 0,0.5,2:4.",
        json_schema_extra={"when": {"methods": ["gptq"]}},
    )
    activations: FormatText = Field(
        "", title="Activations", description="Format of the layers' inputs, or a mix; empty: the weights'."
    )
    input_range: InputRange = input_range()
    bias: FormatText = Field("", title="Bias", description="Format of the biases, or a mix; empty: the weights'.")
    kv: CacheFormats = Field(
        (),
        title="KV",
        description="Formats of the keys and values that a language model keeps, a curve each: none,int(8),int(4).",
        json_schema_extra=WINDOWS,
    )
    kv_axis: CacheAxis = Field(
        "token",
        title="KV axis",
        description="token: a scale for each token and head; channel: of keys one for each feature.",
        json_schema_extra=WINDOWS,
    )
    kv_context: int = Field(
        2048,
        ge=1,
        le=1 << 24,
        title="KV context",
        description="Tokens whose cache is counted.",
        json_schema_extra=WINDOWS,
    )
    qat_steps: int | None = Field(
        None,
        ge=1,
        title="QAT steps",
        description=f"Training steps; {DEFAULT_QAT_STEPS} if empty.",
        json_schema_extra=WITH_QAT,
    )
    qat_epochs: float | None = Field(
        None, gt=0, title="QAT epochs", description="Training epochs, instead of steps.", json_schema_extra=WITH_QAT
    )
    learning_rate: float = Field(
        1e-4, gt=0, le=1, title="Learning rate", description="Peak rate of QAT.", json_schema_extra=WITH_QAT
    )
    fold: bool = fold()
    layers: Words = Field(
        (), title="Layers", description="Types or name patterns to quantise; empty: Linear, of images Conv2d too."
    )
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out, for example classifier.")

    @classmethod
    def conditions(cls, name: str) -> dict[str, tuple[str, ...]]:
        """A teacher means something beside QAT alone."""
        return {"modes": ("qat",)} if name in TEACHING else super().conditions(name)

    @property
    def trains(self) -> bool:
        """Where QAT is among the modes."""
        return "qat" in self.modes

    @property
    def copies(self) -> int:
        """What weights become; a method that calibrates keeps H, a block's inputs and a checkpoint beside them."""
        return 1 if self.methods == (NEAREST,) else 3

    @property
    def compares(self) -> bool:
        """Whether points differ in how they are prepared or rounded, and are compared with one another for that."""
        return self.methods != (NEAREST,) or self.prepare != (PLAIN,)

    @property
    def train_samples(self) -> int | None:
        """Those of QAT's steps."""
        if not self.trains:
            return 0
        return None if self.qat_epochs is not None else self.batch_size * (self.qat_steps or DEFAULT_QAT_STEPS)

    @property
    def needs_train(self) -> str:
        """QAT trains; formats of inputs are fitted to what comes in."""
        if "qat" in self.modes:
            return "QAT"
        if self.methods != (NEAREST,):
            return "methods but nearest"
        if calibrated(self.prepare):
            return "preparing by smooth or awq"
        return "" if self.activations == FULL else CALIBRATION

    @field_validator(
        "widths", "integer_bits", "fraction_bits", "formats", "modes", "kv", "methods", "prepare", "sparsity"
    )
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("widths")
    @classmethod
    def _width_bounds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for width in value:
            if not 2 <= width <= 32:
                raise ValueError(f"a width lies between 2 and 32; {width} does not")
        return value

    @field_validator("fraction")
    @classmethod
    def _fraction_bounds(cls, value: str | int) -> str | int:
        if isinstance(value, int) and not -32 <= value <= 64:
            raise ValueError(f"fraction bits lie between -32 and 64; {value} does not")
        return value

    @model_validator(mode="after")
    def _one_sweep(self) -> Self:
        grid = bool(self.integer_bits), bool(self.fraction_bits)
        if grid[0] != grid[1]:
            raise ValueError(
                "a grid needs both integer_bits and fraction_bits, for example integer_bits=1,2 fraction_bits=2-6"
            )
        if any(grid) and self.formats:
            raise ValueError("give formats or a grid of integer_bits and fraction_bits, not both")
        if not (self.formats or any(grid) or self.widths):
            raise ValueError("there is nothing to sweep: give widths, formats, or integer_bits and fraction_bits")
        if (self.formats or any(grid)) and self.widths != type(self).model_fields["widths"].default:
            raise ValueError("widths sweep fixed point on their own: give widths, formats or a grid, not two of them")
        for integer in self.integer_bits:
            for fraction in self.fraction_bits:
                if integer < 0 or fraction < 0 or not 2 <= 1 + integer + fraction <= 32:
                    raise ValueError(
                        f"a width lies between 2 and 32; sign, {integer} integer and {fraction} fraction bits do not"
                    )
        if self.methods != (NEAREST,) and "ptq" not in self.modes:
            raise ValueError("methods but nearest round a trained model: add ptq to modes")
        if self.methods != (NEAREST,) and leaves_nothing(formats_in(self.formats)):
            raise ValueError(NOTHING_TO_CHOOSE)
        if self.sparsity != (DENSE,):
            if GPTQ not in self.methods:
                raise ValueError("sparsity prunes while gptq rounds: add gptq to methods, or prune before")
            refuse_zeroless(formats_in(self.formats))
        if self.qat_steps is not None and self.qat_epochs is not None:
            raise ValueError("give qat_steps or qat_epochs, not both")
        if self.kv and self.task not in (AUTO, "causal-lm"):
            raise ValueError(f"kv rounds what a causal language model keeps, and the task is {self.task}; leave kv out")
        if self.teacher and "qat" not in self.modes:
            raise ValueError("a teacher is followed in training: add qat to modes, or leave teacher out")
        return self


def asked(config: QuantizeConfig) -> list[QuantizeParams]:
    """Formats × modes × methods × sparsities × preparations × caches × teachers; a curve after the other.

    So the first completes early.
    """
    return [
        replace(one, mode=mode, method=method, sparsity=sparsity, prepare=prepare, kv=kv, teacher=teacher)
        for mode in config.modes
        for method in _methods(config, mode)
        for sparsity in (config.sparsity if method == GPTQ and config.sparsity != (DENSE,) else (None,))
        for prepare in ((None,) if config.prepare == (PLAIN,) else config.prepare)
        for kv in config.kv or (None,)
        for teacher in (config.taught_by if mode == "qat" else [None])
        for one in swept(config)
    ]


def _methods(config: QuantizeConfig, mode: Mode) -> Sequence[Method | None]:
    """How the points of a mode round, where that is among what is swept: methods are those of PTQ."""
    return (None,) if config.methods == (NEAREST,) or mode != "ptq" else config.methods


def formats_in(mixes: Iterable[str]) -> list[str]:
    """The specs that mixes hold."""
    found = [parse_mix(mix) for mix in mixes]
    return [spec for mix in found for spec in ([mix] if isinstance(mix, str) else mix.values())]


def swept(config: QuantizeConfig) -> list[QuantizeParams]:
    """What distinguishes the points of the first mode: a format, and the numbers it was made of."""
    mode = config.modes[0]
    if config.formats:
        return [QuantizeParams(mode=mode, format=spec) for spec in config.formats]
    if config.integer_bits:
        return [
            QuantizeParams(
                mode=mode,
                format=f"fixed({1 + integer + fraction},{fraction})",
                width=1 + integer + fraction,
                integer_bits=integer,
                fraction_bits=fraction,
            )
            for integer in config.integer_bits
            for fraction in config.fraction_bits
        ]
    return [QuantizeParams(mode=mode, format=_fixed(width, config.fraction), width=width) for width in config.widths]


def _fixed(width: int, fraction: str | int) -> str:
    if fraction == "auto":
        return f"fixed({width})"
    return f"fixed({width},{width // 2 if fraction == 'half' else fraction})"
