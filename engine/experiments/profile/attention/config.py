"""Which shapes of attention are tried."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from engine.experiments.profile.fields import Dtypes, Sizes, Timed
from engine.experiments.shared.settings import SPLIT, unique

Mask = Literal["full", "causal"]


class AttentionConfig(Timed):
    """Head sizes × types × masks, each over the lengths."""

    study: Literal["attention"] = "attention"
    dtypes: Dtypes = ("float32",)
    lengths: Sizes = Field(
        (128, 256, 512, 1024),
        min_length=1,
        title="Lengths",
        description="Tokens that attend to each other, a point each.",
    )
    head_sizes: Sizes = Field((64,), min_length=1, title="Head sizes", description="Features of a head.")
    heads: int = Field(8, ge=1, le=65536, title="Heads", description="Heads of all texts together.")
    masks: Annotated[tuple[Mask, ...], SPLIT, AfterValidator(unique)] = Field(
        ("full",), min_length=1, title="Masks", description="causal: a token sees none after it."
    )
