"""What a search for a format per layer takes: families, widths and layers."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.errors import InputError
from engine.experiments.mixed.families import Lists, Menu, variants
from engine.experiments.shared.config import CALIBRATION, InputRange, fold, input_range
from engine.experiments.shared.searching import SearchSettings
from engine.experiments.shared.settings import SPLIT, Groups, WholeNumbers, Words, unique
from engine.formats.registry import NAMES
from engine.rounding import NEAREST, NOTHING_TO_CHOOSE, Method, leaves_nothing

ALL = "all families"


class MixedConfig(SearchSettings):
    """One curve for each family, and one that may take any of them for each layer."""

    MEASURED = ("bytes", "lost", "bits")
    SPREADS = True

    families: Words = Field(
        ("fixed", "minifloat", "log", "bfp", "block_minifloat", "block_log", "binary_residual", "ternary", "mxint8"),
        min_length=1,
        title="Families",
        description="One curve each: fixed, bfp, log, mxint8 … (labtui formats lists them).",
    )
    together: bool = Field(True, title="Together", description="One more curve: each layer takes any family.")
    full_precision: bool = Field(True, title="Full precision", description="A layer may stay in full precision.")
    widths: WholeNumbers = Field((8, 16, 32), min_length=1, title="Widths", description="Bits in all, 2 to 32.")
    fraction_bits: Words = Field(
        ("2", "4", "8"), min_length=1, title="Fraction bits", description="Numbers, or auto: fitted to each tensor."
    )
    blocks: Groups = Field(
        (16,),
        min_length=1,
        title="Blocks",
        description="Elements that share an exponent or scale; of int and uint also row and tensor.",
    )
    levels: WholeNumbers = Field(
        (2, 3), min_length=1, title="Levels", description="Signs summed up by binary_residual."
    )
    sampler: Literal["tpe", "random", "gp", "nsga2"] = Field("tpe", title="Sampler", description="The same for all.")
    methods: Annotated[tuple[Method, ...], SPLIT] = Field(
        (NEAREST,),
        min_length=1,
        title="Methods",
        description="How a layer's weight may be rounded: nearest, gptq, gptq_act_order; each layer chooses.",
    )
    against: Literal["none", "bytes", "bits"] = Field(
        "none", title="Against", description="none seeks accuracy alone; else the best trade-offs with this."
    )
    activations: bool = Field(True, title="Activations", description="A layer's inputs take its format as well.")
    input_range: InputRange = input_range()
    sensitivity: str = Field(
        "", title="Sensitivity", description="A run of sensitivity: the first trials take what hurts least."
    )
    fold: bool = fold()
    layers: Words = Field(
        (), title="Layers", description="Types or name patterns to choose for; empty: Linear, of images Conv2d too."
    )
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out.")

    @property
    def needs_train(self) -> str:
        """Formats of inputs, and methods, are fitted to what comes in."""
        if self.methods != (NEAREST,):
            return "methods but nearest"
        return CALIBRATION if self.activations else ""

    @field_validator("families", "fraction_bits", "widths", "blocks", "levels", "methods")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("families")
    @classmethod
    def _families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in NAMES:
                raise ValueError(f"no family is called {name!r}; the families are {', '.join(NAMES)}")
        return value

    @field_validator("fraction_bits")
    @classmethod
    def _fractions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if word != "auto" and not (word.isdecimal() and int(word) <= 31):
                raise ValueError(f"fraction bits are numbers from 0 to 31, or auto; {word!r} is neither")
        return value

    @model_validator(mode="after")
    def _something_to_choose(self) -> Self:
        lists = self.menu(self.families).lists
        for family in self.families:
            if not variants(family, lists):
                raise ValueError(
                    f"{family} has no format with these widths, fraction bits, blocks and levels; add some or drop it"
                )
        if self.methods != (NEAREST,) and leaves_nothing(self.families):
            raise ValueError(NOTHING_TO_CHOOSE)
        single = all(len(variants(family, lists)) == 1 for family in self.families)
        if single and not self.full_precision and len(self.methods) == 1:
            raise ValueError("there is nothing to choose: each family has one format; allow fp32 or give more widths")
        return self

    @property
    def trains(self) -> bool:
        """Layers are rounded, and the model measured."""
        return False

    @property
    def train_samples(self) -> int:
        """None but those of calibration."""
        return 0

    def menu(self, families: Sequence[str]) -> Menu:
        """What a layer chooses from where these families are offered."""
        fractions = tuple(None if word == "auto" else int(word) for word in self.fraction_bits)
        lists = Lists(self.widths, fractions, self.blocks, self.levels)
        return Menu(tuple(families), lists, self.full_precision, self.methods)

    @property
    def offers(self) -> dict[str, Menu]:
        """The menu of each curve. A family of one format, where nothing else is allowed, has no curve of its own."""
        menus = {name: self.menu((name,)) for name in self.families}
        if self.together and len(self.families) > 1:
            menus[ALL] = self.menu(self.families)
        return {name: menu for name, menu in menus.items() if menu.dimensions("layer")}


def layers_of(config: MixedConfig) -> list[str]:
    """The layers to choose for, in the model's order, tables left out; empty where the model is not there."""
    from engine.models.layer_names import layers_like

    try:
        layers = layers_like(config.model, config.layers, config.skip)
        return [name for name, layer in layers.items() if not layer.kind.table]
    except InputError:  # `check` says so
        return []
