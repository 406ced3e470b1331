"""Powers of two, in the log domain."""

import math

import numpy as np
import pytest
import torch

from engine.formats import parse
from engine.formats.powers import log_exponent, power_of_two
from tests.formats.oracle import awkward, log_value, same_bits


@pytest.mark.parametrize(
    "spec", ["log(2,0)", "log(4,3)", "log(5,-20)", "log(8,63)", "log(8,0)", "log(8,276)", "log(3,149)"]
)
def test_equals_the_definition(spec: str) -> None:
    number_format = parse(spec)
    width, bias = number_format.spec.args
    x = torch.cat(
        (*(awkward(500, spread, spread) for spread in (3, 20, 60, 126)), torch.tensor([math.inf, 1e-45, -3e-40]))
    )
    highest = 2 ** (width - 1) - 1 - bias
    expected = torch.tensor([log_value(float(value), width, highest) for value in x])
    assert same_bits(number_format.quantize(x), expected)
    assert same_bits(number_format._composed(x), expected)
    assert same_bits(number_format.unpack(number_format.pack(x)), expected)


def test_up_from_the_square_root_of_two() -> None:
    below = np.float32(math.sqrt(2))  # 1.41421354, a little less than √2
    x = torch.tensor([below, np.nextafter(below, np.float32(2)), 1e-39, 1e-45])
    assert log_exponent(x).tolist() == [0, 1, -130, -149]


def test_powers_are_exact() -> None:
    exponents = torch.arange(-149, 128, dtype=torch.int32)
    assert power_of_two(exponents).tolist() == [math.ldexp(1, int(e)) for e in exponents]


def test_fit_puts_the_largest_exponent_on_the_largest_magnitude() -> None:
    assert str(parse("log(5)").fit(torch.tensor([0.1, -5.6, 2.0]))) == "log(5,13)"  # 5.6 < √2·4: 2^2
    assert str(parse("log(5)").fit(torch.tensor([0.1, -5.7, 2.0]))) == "log(5,12)"
    assert str(parse("log(5)").fit(torch.tensor([1.0, math.inf, math.nan]))) == "log(5,15)"
    assert str(parse("log(5)").fit(torch.zeros(3))) == "log(5,15)"
    assert str(parse("log(8)").fit(torch.tensor([3.4e38]))) == "log(8,0)"


def test_zero_is_kept() -> None:
    q = parse("log(4)").quantize(torch.tensor([0.0, -0.0, 1e-6, 1.0]))
    assert q.tolist() == [0, 0, 0, 1]
