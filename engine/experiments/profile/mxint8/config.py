"""How many numbers are decoded, in which groups, into which types."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from engine.experiments.profile.fields import Dtype, Groups, Timed
from engine.experiments.shared.settings import SPLIT, WholeNumbers, unique


def _enough(value: tuple[int, ...]) -> tuple[int, ...]:
    for number in value:
        if not 4096 <= number <= 1 << 32:
            raise ValueError(f"give 4,096 to 4,294,967,296 elements, not {number}")
    return value


class MXInt8Config(Timed):
    """Elements × groups × types."""

    study: Literal["mxint8"] = "mxint8"
    elements: Annotated[WholeNumbers, AfterValidator(unique), AfterValidator(_enough)] = Field(
        (8_388_608,), min_length=1, title="Elements", description="Numbers to decode; 1 GiB of them and more rotate."
    )
    decoded: Annotated[tuple[Dtype, ...], SPLIT, AfterValidator(unique)] = Field(
        ("bfloat16",), min_length=1, title="Decoded", description="Types that the kernels write."
    )
    groups: Groups = (32,)
