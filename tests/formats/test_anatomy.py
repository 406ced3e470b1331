"""A value taken apart: its bits are those of the packed tensor, and their meanings make the decoded value."""

import math
import re
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.formats import parse
from engine.formats.anatomy import Anatomy, dissect
from engine.formats.base import Format, Part
from engine.formats.bits import unpack_bits
from engine.formats.registry import FAMILIES

SPECS = [
    *(kind.example for kind in FAMILIES.values()),
    "fixed(8)",
    "fixed(4,9)",
    "fixed(4,-2)",
    "fixed(5,4)",
    "log(4)",
    "bfp(1,8)",
    "minifloat(3,1)",
    "mxint8(8)",
    "binary_residual(3)",
    "int(4,tensor)",
    "uint(8,tensor)",
]


REAL = ("binary_scaled", "ternary", "int", "uint", "nf4", "nvfp4")
"""Formats whose scales are real numbers, shown in four digits."""


def row_of(seed: int, length: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    row = torch.randn(length, generator=generator) * 2.0 ** torch.randint(-6, 3, (length,), generator=generator)
    row[3] = 0.0
    return row


def fitted(spec: str, row: torch.Tensor) -> Format:
    return parse(spec).fit(row)


def number(text: str) -> Fraction:
    """`2^(3 - 7)`, `1 + 3/8`, `-4`, `+`: exactly what it says."""
    if text in "+-":
        return Fraction(1 if text == "+" else -1)
    if power := re.fullmatch(r"2\^\(?(-?[\d +-]+)\)?", text):
        return Fraction(2) ** sum(int(term) for term in re.findall(r"-?\d+", power[1].replace(" ", "")))
    return sum((Fraction(term.strip()) for term in text.split(" + ")), Fraction(0))


def meant(name: str, parts: tuple[Part, ...]) -> float:
    """What a reader works out of the meanings, exactly."""
    by_name = {part.name: part.meaning for part in parts}
    scales = [float(text) if "2^" not in text else number(text) for text in [by_name.pop("shared", "1")]]
    factors = [number(by_name.pop(key)) for key in ("step", "tensor scale") if key in by_name]
    if name.startswith(("fixed", "mxint8", "int", "uint")):
        factors.append(sum((number(text) for text in by_name.values()), Fraction(0)))
    else:
        factors += [number(text) for text in by_name.values()]
    return float(math.prod(factors) * scales[0])


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith("binary_residual")])
def test_the_meanings_of_the_bits_make_the_value(spec: str) -> None:
    row = row_of(1)
    for index in range(0, 50, 7):
        told = dissect(fitted(spec, row), row, index)
        close = 1e-3 if spec.startswith(REAL) else 0
        assert meant(spec, told.parts) == pytest.approx(told.decoded, rel=close, abs=0)


@pytest.mark.parametrize("spec", SPECS)
def test_decoded_is_what_quantising_the_whole_row_gives(spec: str) -> None:
    row = row_of(2)
    quantized = fitted(spec, row).quantize(row)
    for index in range(50):
        told = dissect(fitted(spec, row), row, index)
        assert told.value == float(row[index])
        assert told.decoded == float(quantized[index])


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith(("binary_residual", "fp32"))])
def test_the_bits_are_those_of_the_packed_row(spec: str) -> None:
    row = row_of(3, 33)
    chosen = fitted(spec, row)
    packed = chosen.pack(row)
    width = int(chosen.stored_bytes((8 * 1024,)) * 8 // (8 * 1024)) if not chosen.shares_scale else 0
    for index in range(0, 33, 5):
        told = dissect(chosen, row, index)
        bits = "".join(part.bits for part in told.parts if part.name != "shared")
        codes = unpack_bits(packed.tensors["codes"], width or len(bits), 33)
        assert int(bits, 2) == int(codes[index])


def test_residual_signs_and_scales_add_up() -> None:
    row = row_of(4)
    told = dissect(parse("binary_residual(3)"), row, 5)
    *signs, shared = told.parts
    scales = [float(text) for text in shared.meaning.split()]
    total = sum(float(number(sign.meaning)) * scale for sign, scale in zip(signs, scales, strict=True))
    assert total == pytest.approx(told.decoded, rel=2e-3)


def test_a_value_that_shares_no_scale_is_the_same_in_any_row() -> None:
    @given(st.floats(-3, 3, width=32), st.sampled_from([spec for spec in SPECS if not parse(spec).shares_scale]))
    def check(value: float, spec: str) -> None:
        chosen = fitted(spec, row_of(5))
        alone, among = torch.tensor([value]), torch.tensor([1.0, value, -2.0])
        assert dissect(chosen, alone, 0) == dissect(chosen, among, 1)

    check()


def test_a_block_that_holds_nan_says_so() -> None:
    row = torch.tensor([1.0, math.nan, 0.5])
    told: Anatomy = dissect(parse("mxint8"), row, 0)
    assert told.parts[-1] == Part("shared", "11111111", "NaN")
    assert math.isnan(told.decoded)
